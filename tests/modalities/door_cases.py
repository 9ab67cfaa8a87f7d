"""Small doors for tests."""

import keras

from t2t_mm import registry
from t2t_mm.hparams.doors import DoorHparams

SMALL = DoorHparams(hidden_size=16, image_filters=(4, 4, 6, 8), audio_filters=(4, 4, 6, 8), exit_filters=(12, 16))


def door(name, size=None, **changes):
    """A built modality of this registered name."""
    keras.utils.set_random_seed(1)
    made = registry.modality(name)(SMALL.replace(**changes), size, name=f"door_{name}")
    made.build()
    return made
