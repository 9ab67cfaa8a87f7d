"""Laws of warm starts: what both runs have is taken over to the last bit, the rest starts anew, and it is said."""

import numpy as np
import pytest

from t2t_mm import datagen, registry
from t2t_mm.data.features import Label
from t2t_mm.errors import UserError
from t2t_mm.experiment import create_experiment
from t2t_mm.training import run as runs
from t2t_mm.training import warm_start
from t2t_mm.training.checkpoints import load_weights

REVERSE, SHIFT, PARITY = "algorithmic_reverse", "algorithmic_shift", "algorithmic_parity_label"
SMALL = {"hidden_size": 16, "num_heads": 2, "encoder_blocks": 2, "mixer_blocks": 1, "decoder_blocks": 1,
         "num_experts": 4, "expert_size": 16, "exit_filters": "8:8", "batch_size": 64, "warmup_steps": 1,
         "eval_interval": 4}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A folder with data, and a run on two of the three problems."""
    folder = tmp_path_factory.mktemp("warm")
    datagen.generate([registry.problem(name) for name in (REVERSE, SHIFT, PARITY)], str(folder / "data"), str(folder),
                     processes=1)
    runs.train(create(folder, (REVERSE, PARITY)), str(folder / "first"), 4, report=lambda line: None)
    return folder


def create(made, problems, warm=None, seed=2, **hparams):
    text = ",".join(f"{key}={value}" for key, value in (SMALL | hparams).items())
    return create_experiment(problems, "multimodel", "multimodel_tiny", text, str(made / "data"), seed=seed,
                             warm_start=warm)


def started(made, problems, **hparams):
    """(a model that was given the weights of the first run, the same without, the first run's, what was said)."""
    said = []
    experiment = create(made, problems, made / "first", seed=9, **hparams)
    warm_start.check(experiment)
    warm, cold = experiment.build_model(), experiment.build_model()
    warm_start.load(warm, experiment, said.append)
    first = create(made, (REVERSE, PARITY)).build_model()
    load_weights(first, made / "first")
    return warm, cold, first, said


def equal(one, other, part):
    return [np.array_equal(a, b) for a, b in zip(one.parts()[part].weights, other.parts()[part].weights, strict=True)]


def test_the_same_problems_begin_with_all_that_was_learned(made):
    warm, cold, first, said = started(made, (REVERSE, PARITY))
    assert all(np.array_equal(a, b) for a, b in zip(warm.variables, first.variables, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(warm.variables, cold.variables, strict=True))
    assert len(said) == 1 and "best weights (step 4)" in said[0]


def test_a_new_problem_begins_with_the_body_the_doors_and_the_commands_that_there_are(made):
    warm, cold, first, said = started(made, (SHIFT, REVERSE))
    assert all(equal(warm, first, part) for part in ("encoder", "decoder"))
    assert set(warm.parts()) < set(first.parts())
    rows = {command: model.commands[model._commands.index(command)] for model in (cold, first)
            for command in model._commands}
    for command in warm._commands:
        assert np.array_equal(warm.commands[warm._commands.index(command)], rows[command])
    assert f"the command {registry.problem(SHIFT).command}" in said[1]


def test_a_wider_part_starts_anew(made):
    warm, cold, first, said = started(made, (REVERSE, PARITY), num_experts=6)
    same = equal(warm, cold, "encoder")
    assert any(same) and not all(same)  # the experts; not the convolutions around them
    assert "Starting anew: encoder (" in said[1] and "decoder (" in said[1]


def test_other_classes_start_anew(made, monkeypatch):
    cls = type(registry.problem(PARITY))
    features = cls.define_features

    def swapped(self):
        declared = features(self)
        return {**declared, "targets": Label(declared["targets"].names[::-1])}

    experiment = create(made, (REVERSE, PARITY), warm=made / "first", seed=9)
    now = create(made, (REVERSE, PARITY), warm=made / "first", seed=9)
    monkeypatch.setattr(now.problem(PARITY), "define_features", swapped.__get__(now.problem(PARITY)))
    (door,) = warm_start._other_classes(now.build_model(), experiment, now)
    assert door == now.build_model().doors.name_of(PARITY, "targets")


def test_a_run_starts_once_and_goes_on_from_its_own_checkpoints(made, tmp_path):
    experiment, said = create(made, (SHIFT,), warm=made / "first"), []
    runs.train(experiment, str(tmp_path / "run"), 4, report=said.append)
    assert sum("Warm start from" in line for line in said) == 1
    said.clear()
    runs.train(experiment, str(tmp_path / "run"), 6, report=said.append)
    assert not any("Warm start" in line for line in said) and any("Going on from step 4" in line for line in said)
    with pytest.raises(UserError, match="warm_start: .*first .before., none .now."):
        runs.train(create(made, (SHIFT,)), str(tmp_path / "run"), 8, report=said.append)


@pytest.mark.parametrize("hparams,warm,said", [
    ({}, "nowhere", "There is no run in"), ({"hidden_size": 32}, "first", "hidden_size=16, here it is 32"),
    ({}, "empty", "has no checkpoint yet")])
def test_what_cannot_be_started_from_is_refused(made, hparams, warm, said):
    experiment = create(made, (REVERSE,), made / warm, **hparams)
    create(made, (REVERSE,)).save(made / "empty")
    with pytest.raises(UserError, match=said):
        warm_start.check(experiment)


def test_another_model_or_vocabulary_is_refused(made, monkeypatch):
    transformer = create_experiment((REVERSE,), "transformer", "transformer_tiny", "hidden_size=16,num_heads=2",
                                    str(made / "data"), warm_start=made / "first")
    with pytest.raises(UserError, match="of the model multimodel, not of transformer"):
        warm_start.check(transformer)
    experiment = create(made, (REVERSE,), warm=made / "first")
    (key,) = experiment.checksums
    monkeypatch.setattr(type(experiment), "checksums", {key: "another"})
    with pytest.raises(UserError, match=f"the vocabulary '{key}' of this run is not that of"):
        warm_start.check(experiment)
