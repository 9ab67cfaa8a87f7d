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

    Four frames enter as the channels of one, which is a first convolution of stride 4 over 12 frames; each ConvRes
    halves the time, so s = 4·2^(number of `audio_filters` − 2).
    """

    kind = "sound"
    stacked = 4

    def __init__(self, hparams, size=None, **kwargs):
        super().__init__(hparams, size, **kwargs)
        filters = self.filters()
        self.entry = EntryFlow(filters, [(1, 1)] + [(2, 1)] * (len(filters) - 2), name="entry")
        self.fold = Dense(hparams.hidden_size, name="fold")

    def filters(self):
        """The channels of the two first steps and of each ConvRes."""
        return self.hparams.audio_filters

    def bottom(self, values, lengths=None):
        frames, bins = ops.shape(values)[1], values.shape[2]
        lengths = ops.full(ops.shape(values)[:1], frames, "int32") if lengths is None else lengths
        values = values * ops.cast(presence_of_lengths(lengths, frames), values.dtype)[..., None]
        values = ops.pad(values, [[0, 0], [0, -frames % self.stacked], [0, 0]])
        stacked = ops.transpose(ops.reshape(values, (ops.shape(values)[0], -1, self.stacked, bins)), (0, 1, 3, 2))
        present = presence_of_lengths(-(-lengths // self.stacked), ops.shape(stacked)[1])  # [B, T/4]
        h, present = self.entry(stacked, present[:, :, None, None])  # [B, T/s, M, F]
        folded = ops.reshape(h, (ops.shape(h)[0], -1, h.shape[2] * h.shape[3]))
        presence = present[:, :, 0, 0]
        x = self.fold(folded)
        return Stream(x * ops.cast(presence, x.dtype)[..., None], presence)


@registry.register_modality("audio_waveform")
class AudioWaveform(Audio):
    """Waveforms [B, T, 1] → [B, T/256, D]: eight ConvRes of 2^i channels, though at least 16 and at most D."""

    kind = "waveform"
    stacked = 1

    def filters(self):
        return (16, 16, *(min(self.hparams.hidden_size, max(16, 2**i)) for i in range(1, 9)))
