"""Every door has a way in or a way out, whole."""

import pytest

from t2t_mm import registry
from t2t_mm.modalities.modality import Modality


@pytest.mark.parametrize("name", registry.names("modality"))
def test_every_modality_is_a_door_with_a_way_in_or_out(name):
    kind = registry.modality(name)
    assert issubclass(kind, Modality) and kind.registered_name == name and kind.__doc__
    out = [hasattr(kind, method) for method in ("top", "target_ids", "target_weights")]
    assert all(out) or not any(out)
    assert any(out) or hasattr(kind, "bottom")
    assert hasattr(kind, "targets_bottom") == kind.autoregressive and all(out) >= kind.autoregressive
