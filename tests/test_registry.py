"""Laws of the registry: one name, one definition; every name is found, by import of its own module alone."""

import importlib.metadata
import inspect
import re
import subprocess
import sys
import textwrap
import warnings

import pytest

from t2t_mm import registry, source_scan
from t2t_mm.errors import UserError

REGISTER = {"problem": registry.register_problem, "mixture": registry.register_mixture,
            "model": registry.register_model, "modality": registry.register_modality,
            "hparams": registry.register_hparams, "ranged_hparams": registry.register_ranged_hparams}
LOOK_UP = {"problem": registry.problem, "mixture": registry.mixture, "model": registry.model,
           "modality": registry.modality, "hparams": registry.hparams, "ranged_hparams": registry.ranged_hparams}
EVERY_KIND = pytest.mark.parametrize("kind", REGISTER)


@pytest.fixture(autouse=True)
def forget_what_a_test_registers():
    with registry.temporary():
        yield


def written(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__slash__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return str(folder)


# Names.

@pytest.mark.parametrize("camel,snake", [
    ("MultiModel", "multi_model"), ("TranslateEnFr", "translate_en_fr"), ("CNNModel", "cnn_model"), ("A", "a"),
    ("Wmt14Ende", "wmt14_ende"), ("HTML5Page", "html5_page"), ("my_set", "my_set"), ("My_Set", "my_set"),
    ("ModelB", "model_b"), ("TranslateEnde32K", "translate_ende32_k"), ("ABTest", "ab_test"), ("__X", "__x")])
def test_snake_case_is_one_rule_and_keeps_what_it_made(camel, snake):
    assert source_scan.snake_case(camel) == snake == source_scan.snake_case(snake)


@EVERY_KIND
def test_bare_and_named_decorators_return_what_they_were_given(kind):
    class NewThing:
        """Says so."""

    assert REGISTER[kind](NewThing) is NewThing and NewThing.registered_name == "new_thing"
    assert REGISTER[kind]("other_thing")(NewThing) is NewThing and NewThing.registered_name == "other_thing"
    assert {"new_thing", "other_thing"} <= set(registry.names(kind))


@EVERY_KIND
def test_what_is_registered_is_found_only_under_its_own_kind(kind):
    def made():
        return ()

    REGISTER[kind]("some_name")(made)
    found = {"hparams": (), "ranged_hparams": (), "mixture": ()}.get(kind, made)
    if kind != "problem":
        assert LOOK_UP[kind]("some_name") == found
    for other in REGISTER:
        assert ("some_name" in registry.names(other)) == (other == kind)


@EVERY_KIND
def test_names_are_sorted_and_checked_as_they_are_found(kind):
    for name in ("zz", "aa", "mm"):
        REGISTER[kind](name)(lambda: None)
    names = registry.names(kind)
    assert list(names) == sorted(set(names))
    for name in names:
        registry.check_name(kind, name)


@EVERY_KIND
def test_an_unknown_name_is_answered_with_the_nearest(kind):
    REGISTER[kind]("quite_a_long_name")(lambda: None)
    for look_up in (LOOK_UP[kind], lambda name: registry.check_name(kind, name)):
        with pytest.raises(UserError, match="'quite_a_long_naem'.* Did you mean 'quite_a_long_name'.*--registry_help"):
            look_up("quite_a_long_naem")


@EVERY_KIND
@pytest.mark.parametrize("name", ["Big", "a-b", "a b", "", "x,y"])
def test_a_name_that_a_flag_cannot_carry_is_refused(kind, name):
    if name == "":
        with pytest.raises(UserError):
            registry.check_name(kind, name)
    else:
        with pytest.raises(UserError, match="small letters"):
            REGISTER[kind](name)(lambda: None)


def test_an_unknown_kind_is_refused():
    with pytest.raises(UserError, match="no kind 'optimizer'"):
        registry.names("optimizer")


# Duplicates.

@EVERY_KIND
def test_two_definitions_of_a_name_are_refused_naming_both_places(kind):
    line = inspect.currentframe().f_lineno
    REGISTER[kind]("twice")(lambda: 1)
    with pytest.raises(UserError) as caught:
        REGISTER[kind]("twice")(lambda: 2)
    places = [f"{__file__}:{line + 1}", f"{__file__}:{line + 3}"]
    assert all(place in str(caught.value) for place in places)


@EVERY_KIND
def test_the_same_definition_run_again_replaces_itself(kind):
    for value in (1, 2):
        REGISTER[kind]("again")(lambda value=value: value)
    assert registry.names(kind).count("again") == 1
    if kind == "hparams":
        assert registry.hparams("again") == 2


def test_a_name_of_the_home_packages_is_protected_before_anything_is_imported(tmp_path):
    for kind in REGISTER:
        for name in registry.names(kind)[:1]:
            with pytest.raises(UserError, match=f"called '{name}': one is defined at .*:\\d+, the other at "):
                REGISTER[kind](name)(lambda: None)


def test_temporary_forgets():
    with registry.temporary():
        registry.register_model("passing")(type("Passing", (), {}))
        assert "passing" in registry.names("model")
    assert "passing" not in registry.names("model")


# Problems.

class Toy:
    reversible = True

    def __init__(self, reverse=False, copy=False):
        self.options = (reverse, copy)


@pytest.mark.parametrize("suffix,options", [("", (False, False)), ("_rev", (True, False)), ("_copy", (False, True)),
                                            ("_rev_copy", (True, True)), ("_copy_rev", (True, True))])
def test_suffixes_of_problems_in_any_order(suffix, options):
    registry.register_problem("toy")(Toy)
    registry.check_name("problem", f"toy{suffix}")
    assert registry.problem(f"toy{suffix}").options == options


@pytest.mark.parametrize("name", ["toy_rev_rev", "toy_copy_rev_copy", "_rev", "toyrev", "toy_rev_"])
def test_suffixes_count_once_and_need_a_problem(name):
    registry.register_problem("toy")(Toy)
    with pytest.raises(UserError):
        registry.problem(name)


def test_a_one_way_problem_refuses_to_be_reversed_and_no_problem_may_end_in_a_suffix():
    registry.register_problem("one_way")(type("OneWay", (Toy,), {"reversible": False}))
    assert registry.problem("one_way_copy").options == (False, True)
    with pytest.raises(UserError, match="'one_way_rev'.*cannot be reversed"):
        registry.problem("one_way_rev")
    with pytest.raises(UserError, match="_rev and _copy"):
        registry.register_problem("my_copy")(Toy)


# Mixtures.

def register_toys():
    for name in ("toy_a", "toy_b"):
        registry.register_problem(name)(type("Toy", (Toy,), {}))
    registry.register_mixture("both_toys")(lambda: ("toy_a", "toy_b_rev"))


def test_a_mixture_stands_for_its_problems_in_their_order():
    register_toys()
    assert registry.mixture("both_toys") == ("toy_a", "toy_b_rev")
    assert registry.expand(["toy_b", "both_toys", "nonsense"]) == ["toy_b", "toy_a", "toy_b_rev", "nonsense"]
    assert registry.expand(()) == []


def test_a_mixture_of_a_problem_that_is_none_is_refused_naming_both():
    register_toys()
    registry.register_mixture("wrong")(lambda: ("toy_a", "toy_c"))
    registry.register_mixture("nested")(lambda: ("both_toys",))
    with pytest.raises(UserError, match=r"In the mixture 'wrong' \(.*registry.py:\d+\): .*'toy_c'.* Did you mean 'to"):
        registry.expand(["wrong"])
    with pytest.raises(UserError, match="In the mixture 'nested' .*'both_toys' is a mixture of problems"):
        registry.expand(["nested"])


@pytest.mark.parametrize("kinds", [("problem", "mixture"), ("mixture", "problem")])
def test_what_is_a_problem_cannot_be_a_mixture_too(kinds):
    REGISTER[kinds[0]]("twofold")(Toy)
    with pytest.raises(UserError, match=f"'twofold' would be a {kinds[0]} .* and a {kinds[1]} .*Rename"):
        REGISTER[kinds[1]]("twofold")(lambda: ())


def test_a_mixture_is_no_problem_and_cannot_be_reversed_but_is_near_to_one():
    register_toys()
    for look_up in (registry.problem, lambda name: registry.check_name("problem", name)):
        for name in ("both_toys", "both_toys_rev", "both_toys_copy"):
            with pytest.raises(UserError, match="'both_toys' is a mixture of problems; .*_rev and _copy are for prob"):
                look_up(name)
        with pytest.raises(UserError, match="Did you mean 'both_toys'"):
            look_up("both_tyos")
    with pytest.raises(UserError, match="A mixture cannot be called 'toys_rev'"):
        registry.register_mixture("toys_rev")(lambda: ("toy_a",))


# The home packages.

def test_the_scan_sees_what_running_the_file_registers(tmp_path):
    folder = written(tmp_path / "home", parts='''
        """Parts."""
        from t2t_mm import registry
        from t2t_mm.registry import register_model, register_hparams


        @registry.register_problem
        class ToGerman:
            """

            Says what it is.

            More.
            """


        @register_model(
            "named")
        class Named:
            pass


        @register_hparams("one")
        @register_hparams(name="two")
        def both():
            "Two names."


        @staticmethod
        def not_registered():
            pass
        ''')
    scanned = list(source_scan.scan_package(tmp_path / "home", "home"))
    registry.import_usr_dir(folder)
    ran = [entry for entry in registry._tables.entries.values() if entry.file.startswith(str(tmp_path))]
    as_seen = [sorted((e.kind, e.name, e.attribute, e.file, e.line, e.doc) for e in seen) for seen in (scanned, ran)]
    assert as_seen[0] == as_seen[1] != []
    assert [(e.name, e.doc) for e in scanned if e.kind == "problem"] == [("to_german", "Says what it is.")]


def test_a_file_that_does_not_parse_is_named_and_the_rest_is_found(tmp_path):
    written(tmp_path, broken="register_x = (", fine="@register_model\nclass Fine: ...")
    with pytest.warns(UserWarning, match="broken.py, line 1"):
        assert [entry.name for entry in source_scan.scan_package(tmp_path, "home")] == ["fine"]


def test_a_look_up_in_a_new_process_imports_one_module_and_no_tensorflow():
    code = """if True:
        import sys
        from t2t_mm import registry
        homes = ("t2t_mm.problems.", "t2t_mm.models.", "t2t_mm.modalities.")
        def home(): return {m for m in sys.modules if m.startswith(homes)}
        for kind in ("problem", "mixture", "model", "modality", "hparams", "ranged_hparams"):
            for name in registry.names(kind): registry.check_name(kind, name)
        registry.help_text(None)
        assert not home(), home()
        for name in registry.names("mixture"): registry.mixture(name)
        assert home() == {"t2t_mm.problems.mixtures"}, home()
        for name in registry.names("problem"): registry.problem(name)
        for name in registry.names("hparams"): registry.hparams(name)
        for name in registry.names("model"): assert registry.hparams_class(name), name
        assert not {"tensorflow", "keras"} & set(sys.modules), "heavy"
        for name in registry.names("model"):
            assert registry.hparams_class(name) is registry.model(name).hparams_class, name
        """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_name_of_the_home_packages_says_what_it_is():
    wordless = [entry.site for entry in registry._tables.entries.values()
                if entry.module.startswith("t2t_mm.") and not entry.doc]
    assert wordless == []


# A user's own parts.

MODEL = """
    from t2t_mm import registry


    @registry.register_model("{name}")
    class Mine:
        '''A model of {name}.'''
    """


def test_a_single_file_is_imported_once(tmp_path, capsys):
    written(tmp_path, mine=textwrap.dedent(MODEL.format(name="my_model")) + "\n\nprint('imported')\n")
    for _ in range(2):
        registry.import_usr_dir(str(tmp_path / "mine.py"))
    assert registry.model("my_model").registered_name == "my_model"
    assert capsys.readouterr().out == "imported\n"
    assert "my_model  A model of my_model." in registry.help_text("my_model")


@pytest.mark.parametrize("init", [True, False])
def test_a_folder_with_relative_imports(tmp_path, init):
    model = textwrap.dedent(MODEL.format(name="my_model"))
    files = {"words": "WORDS = ('x',)", "mine": "from .words import WORDS\n" + model}
    if init:
        files["__init__"] = "from . import mine"
    registry.import_usr_dir(written(tmp_path / "odd name", **files))
    assert inspect.getmodule(registry.model("my_model")).WORDS == ("x",)


def test_a_package_decides_in_its_init_what_is_imported(tmp_path):
    models = {name: MODEL.format(name=f"in_{name}") for name in "ab"}
    registry.import_usr_dir(written(tmp_path / "pack", __init__="from . import a", **models))
    assert "in_a" in registry.names("model") and "in_b" not in registry.names("model")


def test_two_folders_of_one_name_do_not_meet(tmp_path):
    for side in ("left", "right"):
        registry.import_usr_dir(written(tmp_path / side / "parts", mine=MODEL.format(name=f"from_{side}")))
    assert registry.model("from_left") is not registry.model("from_right")


@pytest.mark.parametrize("body,shown", [
    ("def f():\n    return 1 / 0\n\nf()", ["return 1 / 0", "ZeroDivisionError", "line 2, in f", "line 4"]),
    ("import a_package_that_is_not_there", ["ModuleNotFoundError", "a_package_that_is_not_there"]),
    ("import sys\nsys.exit('cannot find my data')", ["SystemExit: cannot find my data", "line 2"]),
    ("x = (", ["SyntaxError", "line 1"])])
@pytest.mark.parametrize("folder", [True, False])
def test_the_users_own_error_is_shown_whole_and_alone(tmp_path, body, shown, folder):
    written(tmp_path / "parts", wrong=body)
    path = tmp_path / "parts" if folder else tmp_path / "parts" / "wrong.py"
    with pytest.raises(UserError) as caught:
        registry.import_usr_dir(str(path))
    message = str(caught.value)
    assert all(text in message for text in [str(tmp_path / "parts" / "wrong.py"), *shown])
    assert "importlib" not in message and "usr_dir.py" not in message


def test_after_an_error_is_mended_the_same_path_is_imported_anew(tmp_path):
    path = tmp_path / "mine.py"
    good = textwrap.dedent(MODEL.format(name="my_model"))
    path.write_text(good + "\n1 / 0\n")
    with pytest.raises(UserError, match="ZeroDivisionError"):
        registry.import_usr_dir(str(path))
    assert "my_model" not in registry.names("model")
    path.write_text("# a line above: the definition moves\n" + good)
    registry.import_usr_dir(str(path))
    assert registry.model("my_model").registered_name == "my_model"


def test_a_duplicate_in_a_users_file_is_told_as_such(tmp_path):
    both = textwrap.dedent(MODEL.format(name="same")) + textwrap.dedent(MODEL.format(name="same"))
    (tmp_path / "mine.py").write_text(both)
    with pytest.raises(UserError, match=r"^Two models are called 'same'.*mine.py:\d+.*mine.py:\d+"):
        registry.import_usr_dir(str(tmp_path / "mine.py"))


def test_a_path_without_python_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("no")
    (tmp_path / "empty").mkdir()
    for name, match in [("gone", "does not exist"), ("notes.txt", "not a .py file"), ("empty", "no .py file")]:
        with pytest.raises(UserError, match=match):
            registry.import_usr_dir(str(tmp_path / name))


def test_a_path_that_registers_nothing_is_remarked_on(tmp_path):
    with pytest.warns(UserWarning, match="registered nothing"):
        registry.import_usr_dir(written(tmp_path / "pack", __init__="", a=MODEL.format(name="in_a")))


# Plug-ins.

class Plugin:
    value = "a.module"

    def __init__(self, name, load):
        self.name, self.load = name, load


def test_plugins_are_loaded_once_and_a_broken_one_is_named(monkeypatch):
    loads = []

    def fine():
        loads.append(1)
        registry.register_model("plugged")(type("Plugged", (), {}))

    def broken():
        raise ImportError("no such thing")

    plugins = [Plugin("bad_one", broken), Plugin("good_one", fine)]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda group: plugins if group == "t2t_mm.plugins" else [])
    registry._tables.plugins_loaded = False
    with pytest.warns(UserWarning, match="plugin 'bad_one'.*no such thing"):
        assert "plugged" in registry.names("model")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.names("problem")
    assert loads == [1]


# Help.

def test_help_has_a_line_for_every_name_sorted_within_its_kind():
    registry.register_model("zz_first_written")(type("Z", (), {"__doc__": "Zed.\n\nMore."}))
    registry.register_model("aa_then_written")(type("A", (), {}))
    lines = registry.help_text(None).splitlines()
    shown = re.findall(r"^  (\w+)", "\n".join(lines), flags=re.MULTILINE)
    assert shown == [name for kind in source_scan.KINDS for name in registry.names(kind)]
    assert any(re.fullmatch(r"  zz_first_written +Zed\.", line) for line in lines)


@pytest.mark.parametrize("pattern,found", [("alpha", {"alpha_one"}), ("^beta", {"beta_two"}), ("_(one|two)$", None),
                                           ("GREEK", {"beta_two"}), ("alpha_(", set()), ("qqq", set())])
def test_help_shows_what_the_pattern_finds(pattern, found):
    registry.register_model("alpha_one")(type("A", (), {"__doc__": "First."}))
    registry.register_hparams("beta_two")(type("B", (), {"__doc__": "Greek."}))
    found = {"alpha_one", "beta_two"} if found is None else found
    text = registry.help_text(pattern)
    assert {name for name in ("alpha_one", "beta_two") if re.search(rf"^  {name}\b", text, re.MULTILINE)} == found
    if not found:
        assert text.startswith(f"Nothing registered matches {pattern!r}.")


def test_the_name_of_a_kind_shows_that_kind():
    registry.register_model("alpha_one")(type("A", (), {}))
    registry.register_modality("beta_two")(type("B", (), {}))
    for pattern in ("model", "models"):
        assert "alpha_one" in registry.help_text(pattern) and "beta_two" not in registry.help_text(pattern)
