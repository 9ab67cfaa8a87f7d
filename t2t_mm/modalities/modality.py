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
    has `targets_bottom` too.
    """

    registered_name: str
    kind = ""
    autoregressive = False

    def __init__(self, hparams, size: int | None = None, **kwargs):
        super().__init__(**kwargs)
        self.hparams, self.size = hparams, size

    @classmethod
    def has(cls, method: str) -> bool:
        """Whether this modality has a method of its own, such as "bottom" or "top"."""
        return getattr(cls, method) is not getattr(Modality, method)

    def bottom(self, values, lengths=None):
        """A batch of this feature (docs/overview.md, "Batches") → layers.sequence.Stream, x [B, L, D]."""
        raise NotImplementedError(f"The modality {self.registered_name} takes no inputs.")

    def targets_bottom(self, ids):
        """Target ids [B, T] (or [B], in a step) → [B, T, D] (or [B, D])."""
        raise NotImplementedError(f"The modality {self.registered_name} does not generate step by step.")

    def top(self, x, stream=None):
        """The body's output [B, T, D] → logits [B, T, size]; `stream` says where x lies (presence and grid)."""
        raise NotImplementedError(f"The modality {self.registered_name} is no target.")

    def target_ids(self, values):
        """The batch of the target feature → ids int32 [B, T]."""
        raise NotImplementedError(f"The modality {self.registered_name} is no target.")

    def target_weights(self, targets):
        """Ids [B, T] → float32 [B, T], 1 where a position counts in losses and metrics."""
        raise NotImplementedError(f"The modality {self.registered_name} is no target.")
