"""A door that lacks a way in or out says so by its name."""

import pytest
from door_cases import door

from t2t_mm import registry
from t2t_mm.modalities.modality import Modality

CALLS = {"bottom": (None,), "targets_bottom": (None,), "top": (None,), "target_ids": (None,), "target_weights": (None,)}


@pytest.mark.parametrize("name", registry.names("modality"))
def test_every_modality_is_a_door_with_a_way_in_or_out(name):
    kind = registry.modality(name)
    assert issubclass(kind, Modality) and kind.registered_name == name and kind.__doc__
    own = {method for method in CALLS if getattr(kind, method) is not getattr(Modality, method)}
    assert own & {"bottom", "top"}
    if "top" in own:
        assert {"target_ids", "target_weights"} <= own
    if kind.autoregressive:
        assert {"targets_bottom", "top"} <= own
    made = door(name, size=5)
    for method in set(CALLS) - own:
        with pytest.raises(NotImplementedError, match=name):
            getattr(made, method)(*CALLS[method])
