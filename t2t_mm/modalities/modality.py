"""What a modality is: the door through which one kind of data enters and leaves a body (1706.05137, section 2.5)."""

from t2t_mm.layers.layer import Layer


class Modality(Layer):
    """A door. Doors are shared by all problems whose features have the same modality and vocabulary.

    Args:
        hparams: sizes of the model.
        size: of the vocabulary, or the number of classes; None for a door that only lets in.

    Attributes:
        autoregressive: whether targets of this modality are generated one by one, each given those before.
        kind: of values it is for, "text", "picture", "sound", "waveform" or "class"; "": it takes what it is given.

    A modality for inputs has `bottom`, one for targets `top`, `target_ids` and `target_weights`; what is autoregressive
    has `targets_bottom` too, and `bottom` for the hparam similarity_coef, which encodes targets as if they were inputs.
    models/doors.py checks it when a model is made.
        bottom(values, lengths=None): a batch of this feature (docs/overview.md, "Batches") → layers.sequence.Stream,
            x [B, L, D].
        top(x, stream=None): the body's output [B, T, D] → logits [B, T, size]; `stream` says where x lies (presence
            and grid).
        target_ids(values): the batch of the target feature → ids int32 [B, T].
        target_weights(targets): ids [B, T] → float32 [B, T], 1 where a position counts in losses and metrics.
        targets_bottom(ids): target ids [B, T] (or [B], in a step) → [B, T, D] (or [B, D]).
    """

    registered_name: str
    kind = ""
    autoregressive = False

    def __init__(self, hparams, size: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.hparams, self.size = hparams, size
