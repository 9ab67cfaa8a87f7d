"""The language modality (1706.05137, section 2.5.1): subword ids in, a distribution over subwords out."""

import keras
from keras import ops

from t2t_mm import registry
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.sequence import Stream
from t2t_mm.modalities.modality import Modality

PADDING = 0  # data/text_encoders.PAD


@registry.register_modality("language")
class Language(Modality):
    """In: embedding × √D. Out: linear and softmax. One door for all texts of one vocabulary."""

    kind = "text"
    autoregressive = True

    def __init__(self, hparams, size=None, **kwargs):
        super().__init__(hparams, size, **kwargs)
        self.softmax = Dense(size, name="softmax")

    def build(self, shape=None):
        width = self.hparams.hidden_size
        start = keras.initializers.RandomNormal(stddev=width**-0.5)
        # Rows are taken before they are cast, not the whole table, and their gradients are summed in float32.
        self.embedding = self.add_weight(
            shape=(self.size, width), initializer=start, autocast=False, name="embedding"
        )
        self.softmax.build((None, width))
        self.built = True

    def targets_bottom(self, ids):
        rows = ops.take(self.embedding, ids, axis=0)
        return ops.cast(rows, self.compute_dtype) * self.hparams.hidden_size**0.5

    def bottom(self, values, lengths=None):
        presence = self.target_weights(values)
        x = self.targets_bottom(values)
        return Stream(x * ops.cast(presence, x.dtype)[..., None], presence)

    def top(self, x, stream=None):
        return self.softmax(x)

    def target_ids(self, values):
        return values

    def target_weights(self, targets):
        return ops.cast(ops.not_equal(targets, PADDING), "float32")
