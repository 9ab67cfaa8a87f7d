"""The categorical modality (1706.05137, section 2.5.3): Xception's exit flow and a distribution over classes."""

import keras
from keras import ops

from t2t_mm import registry
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.sequence import Stream
from t2t_mm.layers.xception import ExitFlow
from t2t_mm.modalities.modality import Modality


@registry.register_modality("categorical")
class Categorical(Modality):
    """The body's output over the places of the input, in 2-D where the input was, → one of `size` classes.

    A class as an input, which the paper has not, is one position: a learned vector.
    """

    kind = "class"

    def __init__(self, hparams, size=None, **kwargs):
        super().__init__(hparams, size, **kwargs)
        self.exit = ExitFlow(hparams.hidden_size, hparams.exit_filters, name="exit")
        self.classes = Dense(size, name="classes")
        start = keras.initializers.RandomNormal(stddev=1.0)  # as language's embedding × √D
        self.embedding = Dense(hparams.hidden_size, use_bias=False, initializer=start, name="embedding")

    def bottom(self, values, lengths=None):
        x = self.embedding(ops.one_hot(values, self.size, dtype=self.compute_dtype))[:, None]  # [B, 1, D]
        return Stream(x, ops.ones_like(x[..., 0], dtype="float32"))

    def top(self, x, stream=None):
        height, width = stream.grid or (1, -1)
        width = ops.shape(x)[1] if width == -1 else width
        plane = ops.reshape(x, (-1, height, width, x.shape[-1]))
        present = ops.reshape(ops.cast(stream.presence, "float32"), (-1, height, width, 1))
        return self.classes(self.exit(plane, present))[:, None]  # [B, 1, classes]

    def target_ids(self, values):
        return values[:, None]

    def target_weights(self, targets):
        return ops.ones_like(targets, dtype="float32")
