"""Laws of doors: a modality has all that its place needs, or it is refused before anything is computed."""

import pytest
from toy_problems import toy

from t2t_mm import registry
from t2t_mm.data.features import Label, Text
from t2t_mm.errors import UserError
from t2t_mm.hparams.doors import DoorHparams
from t2t_mm.modalities.modality import Modality
from t2t_mm.models.doors import Doors

TARGETS = {"top", "target_ids", "target_weights"}


@pytest.mark.parametrize("feature, autoregressive, similarity, needed", [
    ("inputs", False, 0.0, {"bottom"}), ("inputs", True, 0.5, {"bottom"}), ("targets", False, 0.5, TARGETS),
    ("targets", True, 0.0, TARGETS | {"targets_bottom"}),
    ("targets", True, 0.5, TARGETS | {"targets_bottom", "bottom"})])
def test_a_modality_with_all_that_its_place_needs_passes_and_none_with_less(feature, autoregressive, similarity,
                                                                           needed):
    def doors(methods):
        content = {"autoregressive": autoregressive, **dict.fromkeys(methods, lambda self, *arguments: None)}
        with registry.temporary():
            registry.register_modality("own")(type("Own", (Modality,), content))
            return Doors([toy("toy_text_to_text")], {"bytes": 30}, DoorHparams(similarity_coef=similarity),
                         {feature: "own"})

    assert doors(needed).door("toy_text_to_text", feature).registered_name == "own"
    for method in needed:
        with pytest.raises(UserError, match=f"^{feature} of toy_text_to_text .* own, which lacks {method}[.]"):
            doors(needed - {method})


def test_classes_as_inputs_have_doors_of_their_own():
    class Two(type(toy("toy_text_to_text"))):
        """A digit and a letter → a text."""

        def define_features(self):
            return {"digit": Label("012"), "letter": Label("abcde"), "targets": Text("bytes")}

    doors = Doors([Two()], {"bytes": 30}, DoorHparams(), {})
    assert [doors.door("toy_text_to_text", name).size for name in ("digit", "letter")] == [3, 5]
