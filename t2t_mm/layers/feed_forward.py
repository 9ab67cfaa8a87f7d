"""The position-wise feed-forward layer of the Transformer (1706.03762, section 3.3)."""

from keras import ops

from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.rows import in_rows


class FeedForward(Layer):
    """Dense(filters) → ReLU → Dense(D), the same at every position: [B, L, D] → [B, L, D].

    No dropout inside, as in the paper (section 5.4): it falls on what leaves a branch (layers/composite.py).
    """

    def __init__(self, channels: int, filters: int, **kwargs):
        super().__init__(**kwargs)
        self.rise, self.fall = Dense(filters, name="rise"), Dense(channels, name="fall")

    def call(self, x, source=None, presence=None, training=False):
        return in_rows(lambda rows: self.fall(ops.relu(self.rise(rows))), x)

    def step(self, x, state, position, memory):
        return self.call(x), state
