"""The image modalities: Xception's entry flow (1706.05137, section 2.5.2), for photographs and for small pictures."""

from keras import ops

from t2t_mm import registry
from t2t_mm.layers.sequence import Stream
from t2t_mm.layers.xception import EntryFlow
from t2t_mm.modalities.modality import Modality


@registry.register_modality("image")
class Image(Modality):
    """Pictures [B, H, W, C] in [−1, 1] → the places of a 16 times coarser grid, row by row, [B, H/16·W/16, D]."""

    kind = "picture"
    strides = ((2, 2), (2, 2), (2, 2), (2, 2))

    def __init__(self, hparams, size=None, **kwargs):
        super().__init__(hparams, size, **kwargs)
        filters = (*hparams.image_filters, hparams.hidden_size)
        self.entry = EntryFlow(filters, self.strides, name="entry")

    def bottom(self, values, lengths=None):
        h, _ = self.entry(values)
        height, width = h.shape[1], h.shape[2]
        x = ops.reshape(h, (-1, height * width, self.hparams.hidden_size))
        return Stream(x, ops.ones_like(x[..., 0], dtype="float32"), (height, width))


@registry.register_modality("image_small")
class ImageSmall(Image):
    """For pictures up to 64 px: the first ConvRes keeps the resolution, so the grid is 8 times coarser."""

    strides = ((2, 2), (1, 1), (2, 2), (2, 2))
