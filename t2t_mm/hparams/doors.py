"""The keys of the modality nets (modalities/), which every model with these doors has."""

import dataclasses

from t2t_mm.hparams.hparams import Hparams, hparam


@dataclasses.dataclass(frozen=True)
class DoorHparams(Hparams):
    """Channels inside the doors; their outer side is the data, their inner side hidden_size."""

    image_filters: tuple[int, ...] = hparam((32, 64, 128, 256), "channels of the image door before D", low=1, count=4)
    audio_filters: tuple[int, ...] = hparam((32, 64, 128), "channels of the audio door: two steps, then ConvRes",
                                            low=1, fewest=2)
    exit_filters: tuple[int, ...] = hparam((1536, 2048), "channels that end the categorical door", low=1, count=2)
