"""The audio modality (1706.05137, section 2.5.4): a stack of ConvRes over a log-mel spectrogram or a waveform."""

from keras import ops

from t2t_mm import registry
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.sequence import Stream, presence_of_lengths
from t2t_mm.layers.xception import EntryFlow
from t2t_mm.modalities.modality import Modality


@registry.register_modality("audio")
class Audio(Modality):
    """Spectrograms [B, T, M] → [B, T/s, D]: strides along time only, then the frequencies folded into channels.

    The first convolution and each ConvRes halve the time: s = 2^(number of `audio_filters` − 1).
    """

    def __init__(self, hparams, size=None, **kwargs):
        super().__init__(hparams, size, **kwargs)
        self.entry = EntryFlow(hparams.audio_filters, (2, 1), (2, 1), name="entry")
        self.fold = Dense(hparams.hidden_size, name="fold")

    def bottom(self, values, lengths=None):
        frames = ops.shape(values)[1]
        lengths = ops.full(ops.shape(values)[:1], frames, "int32") if lengths is None else lengths
        present = presence_of_lengths(lengths, frames)[:, :, None, None]  # [B, T, 1, 1]
        h, present = self.entry(values[..., None], present)  # [B, T/s, M, F]
        folded = ops.reshape(h, (ops.shape(h)[0], -1, h.shape[2] * h.shape[3]))
        presence = present[:, :, 0, 0]
        x = self.fold(folded)
        return Stream(x * ops.cast(presence, x.dtype)[..., None], presence)
