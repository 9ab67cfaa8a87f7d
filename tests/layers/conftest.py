"""Every test starts from the same first values of variables."""

import keras
import pytest


@pytest.fixture(autouse=True)
def the_same_first_values():
    keras.utils.set_random_seed(1)
