"""Laws of the experiment: every mistake is found before work, and what is saved comes back, whole and checked."""

import dataclasses
import json
import shutil

import pytest

from t2t_mm import datagen, registry
from t2t_mm.data.features import Label, Text
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment, create_experiment
from t2t_mm.experiment_names import parse_modalities

PROBLEMS = ("algorithmic_reverse", "algorithmic_parity_label")
SMALL = "hidden_size=16,num_heads=2,filter_size=16,encoder_layers=1,decoder_layers=1,exit_filters=8:8"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("experiment")
    problems = [registry.problem(name) for name in PROBLEMS]
    datagen.generate(problems, str(folder / "data"), str(folder / "tmp"), processes=1)
    return str(folder / "data")


def create(data_dir, problems=PROBLEMS, model="transformer", hparams_set="transformer_tiny", hparams=SMALL, **others):
    return create_experiment(list(problems), model, hparams_set, hparams, data_dir, **others)


@pytest.mark.parametrize("changes, said", [
    (dict(problems=()), "No problem is named"),
    (dict(problems=("algorithmic_revers",)), "Did you mean 'algorithmic_reverse'"),
    (dict(problems=("algorithmic_reverse",) * 2), "named twice"),
    (dict(problems=("algorithmic_sort",)), "t2t-datagen --problem=algorithmic_sort"),
    (dict(model="transfomer"), "Did you mean 'transformer'"),
    (dict(hparams_set="transformer_tinny"), "Did you mean 'transformer_tiny'"),
    (dict(hparams="hiden_size=3"), "hidden_size"),
    (dict(hparams="mixing=weights,mixing_weights=1"), "mixing_weights=1:1"),
    (dict(hparams="mixing=weights,mixing_weights=1:2:3"), "3 weights for 2 problems"),
    (dict(hparams="loss_weights=1:2:3"), "3 weights for 2 problems"),
    (dict(hparams="mixing=schedule,mixing_schedule=0:uniform/5:1:2:3"), "'5:1:2:3' has 3 weights for 2 problems"),
    (dict(problems=("multimodel_eigth",)), "Did you mean 'multimodel_eight'"),
    (dict(problems=("multimodel_eight_rev",)), "'multimodel_eight' is a mixture of problems"),
    (dict(modality="inputs"), "not feature:modality"),
    (dict(modality="input:language"), "Did you mean 'inputs'"),
    (dict(modality="algorithmic_sort.inputs:language"), "no problem of this experiment has a feature"),
    (dict(modality="inputs:languages"), "Did you mean 'language'"),
    (dict(modality="inputs:language,inputs:language"), "given twice"),
])
def test_mistakes_are_found_and_explained(data_dir, changes, said):
    with pytest.raises(UserError, match=said):
        create(data_dir, **changes)


def test_a_set_of_another_model_is_refused_and_fitting_ones_are_named(data_dir):
    with pytest.raises(UserError, match="multimodel_tiny") as error:
        create(data_dir, model="multimodel", hparams="")
    assert "transformer_base" not in str(error.value).split("Use --hparams_set")[1]


def test_a_wrong_set_is_named_by_those_who_ask_for_it_and_hides_no_other_mistake(data_dir):
    with registry.temporary():
        @registry.register_hparams("mine")
        def mine():
            return registry.hparams("transformer_tiny").replace(droput=0.1)

        with pytest.raises(UserError, match="The hparams set mine is wrong: .*droput"):
            create(data_dir, hparams_set="mine")
        with pytest.raises(UserError, match="multimodel_tiny.* does not fit the model transformer"):
            create(data_dir, hparams_set="multimodel_tiny", hparams="")


@pytest.mark.parametrize("modality, said", [("inputs:image_small", "is a text, and image_small is for a picture"),
                                            ("targets:categorical", "is a text, and categorical is for a class")])
def test_a_modality_for_other_values_is_refused(data_dir, modality, said):
    with pytest.raises(UserError, match=said):
        create(data_dir, modality=modality).build_model()


def test_missing_and_damaged_data_are_found(data_dir, tmp_path):
    with pytest.raises(UserError, match="--data_dir"):
        create("")
    broken = shutil.copytree(data_dir, tmp_path / "broken")
    shard = next((broken / PROBLEMS[0]).glob("train-*"))
    shard.write_bytes(shard.read_bytes()[:-5])
    with pytest.raises(UserError, match="truncated"):
        create(str(broken))
    other = shutil.copytree(data_dir, tmp_path / "other")
    path = other / "vocabularies" / "digits.tokens"
    path.write_text(path.read_text().replace('"9"', '"10"'))
    with pytest.raises(UserError, match="not the one that"):
        create(str(other))


def test_modalities_are_parsed():
    problems = [registry.problem(name) for name in PROBLEMS]
    text = " inputs:language, algorithmic_parity_label.targets:categorical,"
    assert parse_modalities(text, problems) == {
        "inputs": "language", "algorithmic_parity_label.targets": "categorical"}
    assert parse_modalities("", problems) == {}


def test_what_is_saved_comes_back_without_the_data(data_dir, tmp_path):
    saved = create(data_dir, seed=7, modality="inputs:language")
    saved.save(tmp_path / "run")
    moved = (tmp_path / "run").rename(tmp_path / "moved")
    loaded = Experiment.load(moved)
    assert loaded.to_dict() == saved.to_dict()
    assert loaded.hparams == saved.hparams and loaded.encoders == saved.encoders
    assert [problem.name for problem in loaded.problems] == list(PROBLEMS)
    assert loaded.buckets(loaded.problems[0]) == saved.buckets(saved.problems[0])
    assert sorted(path.name for path in moved.iterdir()) == ["experiment.json", "vocabularies"]


def test_an_output_dir_belongs_to_one_experiment(data_dir, tmp_path):
    create(data_dir).save(tmp_path)
    before = (tmp_path / "experiment.json").read_text()
    with pytest.raises(UserError) as error:
        create(data_dir, problems=PROBLEMS[:1], hparams=f"{SMALL},dropout=0.5", seed=2).save(tmp_path)
    for difference in ("problems:", "hparams.dropout: 0.0 (before), 0.5 (now)", "seed: 1", "another --output_dir"):
        assert difference in str(error.value)
    assert "hparams.hidden_size" not in str(error.value)
    assert (tmp_path / "experiment.json").read_text() == before
    longer = create(data_dir, hparams=f"{SMALL},train_steps=9,eval_interval=3")
    longer.save(tmp_path)
    assert Experiment.load(tmp_path).hparams == longer.hparams


def test_a_run_from_before_there_was_a_key_goes_on_with_its_default_only(data_dir, tmp_path):
    create(data_dir).save(tmp_path)
    edit(tmp_path, lambda fields: [fields["hparams"].pop(key) for key in ("mixing_floor", "loss_weights")])
    with pytest.raises(UserError, match=r"hparams.mixing_floor: 0.25 \(before\), 0.5 \(now\)"):
        create(data_dir, hparams=f"{SMALL},mixing_floor=0.5").check_output_dir(tmp_path)
    create(data_dir).save(tmp_path)
    assert Experiment.load(tmp_path).hparams == create(data_dir).hparams


def _of_two_classes(problem):
    return {"inputs": Text("tokens:digits"), "targets": Label(("a", "b"))}


@pytest.mark.parametrize("change, said", [
    (lambda cls: setattr(cls, "command", "to-other"), r"commands.algorithmic_reverse: .*, to-other \(now\)"),
    (lambda cls: setattr(cls, "define_features", _of_two_classes),
     r"features.algorithmic_reverse.targets: Text.*Label.* \(now\)"),
])
def test_a_run_whose_problems_are_declared_otherwise_is_refused(data_dir, tmp_path, monkeypatch, change, said):
    """Its weights would answer for another command or class."""
    create(data_dir).save(tmp_path)
    cls = type(registry.problem("algorithmic_reverse"))
    for name in ("command", "define_features"):  # put back at the end
        monkeypatch.setattr(cls, name, getattr(cls, name))
    change(cls)
    with pytest.raises(UserError, match=said):
        Experiment.load(tmp_path)
    edit(tmp_path, lambda fields: [fields.pop(key) for key in ("commands", "features")])  # of before they were kept
    Experiment.load(tmp_path)


@pytest.mark.parametrize("damage, said", [
    (lambda folder: (folder / "experiment.json").write_text("{"), "is damaged"),
    (lambda folder: (folder / "experiment.json").unlink(), "There is no run"),
    (lambda folder: edit(folder, lambda fields: fields.pop("seed")), "is damaged"),
    (lambda folder: edit(folder, lambda fields: fields.update(format_version=99)), "format version 99"),
    (lambda folder: (folder / "vocabularies" / "digits.tokens").unlink(), "is missing"),
    (lambda folder: edit(folder, lambda fields: fields["vocabularies"].update({"tokens:digits": "0"})), "garbage"),
])
def test_a_damaged_run_is_refused(data_dir, tmp_path, damage, said):
    create(data_dir).save(tmp_path)
    damage(tmp_path)
    with pytest.raises(UserError, match=said):
        Experiment.load(tmp_path)


def edit(folder, change):
    fields = json.loads((folder / "experiment.json").read_text())
    change(fields)
    (folder / "experiment.json").write_text(json.dumps(fields))


def test_another_folder_of_ones_own_comes_beside_that_of_the_run(data_dir, tmp_path):
    text = ("from t2t_mm import registry\nfrom t2t_mm.hparams.transformer import transformer_tiny\n\n"
            "@registry.register_hparams('{}')\ndef own():\n    \"\"\"Mine.\"\"\"\n    return transformer_tiny()\n")
    for name in ("first", "second"):
        (tmp_path / f"{name}.py").write_text(text.format(name))
    first, second = str(tmp_path / "first.py"), str(tmp_path / "second.py")
    with registry.temporary():
        create(data_dir, hparams_set="first", usr_dir=first).save(tmp_path / "run")
    with registry.temporary():
        assert Experiment.load(tmp_path / "run", usr_dir=second).hparams_set == "first"
        assert registry.hparams("second") == registry.hparams("first")
    moved = tmp_path / "moved.py"
    moved.write_text(text.format("first"))
    with registry.temporary():  # the run's own is still there, and not imported a second time
        assert Experiment.load(tmp_path / "run", usr_dir=str(moved)).usr_dir == str(moved)


def test_a_users_folder_is_imported_again(data_dir, tmp_path):
    usr_dir = tmp_path / "mine.py"
    usr_dir.write_text("from t2t_mm import registry\nfrom t2t_mm.hparams.transformer import transformer_tiny\n\n"
                       '@registry.register_hparams("mine")\ndef mine():\n    return transformer_tiny()\n')
    with registry.temporary():
        create(data_dir, hparams_set="mine", usr_dir=str(usr_dir)).save(tmp_path / "run")
    with registry.temporary():
        assert Experiment.load(tmp_path / "run").hparams_set == "mine"


def test_equal_experiments_have_equal_weights_and_other_seeds_others(data_dir):
    import numpy as np

    one, same, other = (create(data_dir, seed=seed).build_model().variables for seed in (3, 3, 4))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_problems_with_a_known_command_and_vocabulary_can_be_asked_for(data_dir):
    run = create(data_dir, ["algorithmic_reverse"])
    copies = dataclasses.replace(run, problems=(registry.problem("algorithmic_reverse_copy"),))
    asked = copies.asked_for(["algorithmic_sort_copy", "algorithmic_reverse_copy"])
    assert [problem.name for problem in asked.unseen] == ["algorithmic_sort_copy"]
    assert asked.problem("algorithmic_sort_copy").command == "to-copy"
    model = asked.build_model()
    assert model.command_id("algorithmic_sort_copy") == model.command_id("algorithmic_reverse_copy")
    assert asked.to_dict() == copies.to_dict()


def test_a_run_can_be_had_in_another_precision_with_the_same_weights(data_dir):
    run = create(data_dir, ["algorithmic_reverse"])
    assert run.in_precision(None) == run == run.in_precision("float32")
    narrow = run.in_precision("bfloat16").build_model()
    assert narrow.compute_dtype == "bfloat16" and {variable.dtype for variable in narrow.variables} == {"float32"}
    assert [v.shape for v in narrow.variables] == [v.shape for v in run.build_model().variables]


@pytest.mark.parametrize("name, said", [
    ("algorithmic_sort", "not trained on algorithmic_sort.*command is one of to-reverse"),
    ("algorithmic_revers", "Did you mean 'algorithmic_reverse'"),
])
def test_what_a_run_cannot_be_asked_for_is_explained(data_dir, name, said):
    with pytest.raises(UserError, match=said):
        create(data_dir, ["algorithmic_reverse"]).asked_for([name])


def test_a_problem_of_another_vocabulary_cannot_be_asked_for(data_dir):
    run = dataclasses.replace(create(data_dir, ["algorithmic_reverse"]), encoders={})
    run = dataclasses.replace(run, problems=(registry.problem("algorithmic_reverse_copy"),))
    with pytest.raises(UserError, match="tokens:digits"):
        run.asked_for(["algorithmic_sort_copy"])
