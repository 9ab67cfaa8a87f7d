"""Laws of every program: both spellings of flags, short errors with status 2, no TensorFlow before it is needed."""

import os
import textwrap
import warnings
from types import SimpleNamespace

import pytest
from absl import flags as absl_flags
from new_process import in_new_process

from t2t_mm import registry
from t2t_mm.cli.program import Program, define_experiment_flags
from t2t_mm.errors import UserError
from t2t_mm.hparams.hparams import Hparams


@pytest.fixture(autouse=True)
def parts():
    with registry.temporary():
        for name in ("toy_one", "toy_two"):
            registry.register_problem(name)(type("Toy", (), {"__doc__": "A toy."}))
        registry.register_model("toy_model")(type("ToyModel", (), {}))
        registry.register_modality("toy_door")(type("ToyDoor", (), {}))
        registry.register_hparams("toy_set")(lambda: Hparams())
        yield


def program():
    new = Program("t2t-try", "Tries things.")
    define_experiment_flags(new.flags)
    new.flags.group("trying")
    new.flags.boolean("dry_run", False, "build and stop")
    new.flags.choice("xla", "auto", ["auto", "on", "off"], "compile")
    new.flags.integer("steps", 5, "how many", low=1)
    new.flags.number("alpha", 0.6, "how long")
    return new


def run(*argv, work=lambda flags: None):
    return program().run(work, list(argv))


def values(*argv):
    seen = {}
    assert run(*argv, work=lambda flags: seen.update(flags.flag_values_dict())) == 0
    return seen


@pytest.mark.parametrize("flag,text,value", [
    ("problem", "toy_one, toy_two", ["toy_one", "toy_two"]), ("problems", "toy_one", ["toy_one"]),
    ("problem", "toy_one_rev", ["toy_one_rev"]), ("steps", "7", 7), ("alpha", "1e-2", 0.01), ("xla", "off", "off"),
    ("model", "toy_model", "toy_model"), ("data_dir", "a b/c", "a b/c"),
    ("modality", "inputs:toy_door", "inputs:toy_door")])
def test_a_value_follows_after_an_equals_sign_or_a_blank(flag, text, value):
    key = "problem" if flag == "problems" else flag
    assert values(f"--{flag}={text}")[key] == values(f"--{flag}", text)[key] == value


@pytest.mark.parametrize("name,shown", [("toy_set", ["keys of toy_set:", "learning_rate", "highest learning rate"]),
                                        ("transformer_range", ["keys of transformer_range:", "0.0001 to 0.003, log"])])
def test_the_whole_name_of_an_hparams_set_shows_its_keys(name, shown, capsys):
    assert run(f"--registry_help={name}") == 0
    text = capsys.readouterr().out
    assert all(words in text for words in shown)
    assert run(f"--registry_help={name[:-1]}") == 0
    assert "keys of" not in capsys.readouterr().out


def test_switches_defaults_and_home_folders():
    assert values("--dry_run")["dry_run"] is True
    assert values("--dry_run", "--nodry_run")["dry_run"] is False
    default = values()
    assert (default["problem"], default["steps"], default["data_dir"], default["seed"]) == ([], 5, None, 1)
    assert values("--data_dir=~/x")["data_dir"] == os.path.join(os.path.expanduser("~"), "x")


@pytest.mark.parametrize("argv", [["--problem=toy_one", "--problem=toy_two"],
                                  ["--hparams_set=toy_set", "--hparams=dropout=0", "--hparams=batch_size=3"]])
def test_a_list_given_twice_is_refused_and_of_others_the_last_counts(argv, capsys):
    assert run(*argv) == 2
    assert "already defined" in capsys.readouterr().err
    assert run("--steps=3", "--steps=4", work=lambda flags: flags.steps) == 4


def test_a_warning_during_the_work_is_one_line(capsys):
    assert run(work=lambda flags: warnings.warn("The best is gone.")) == 0
    assert capsys.readouterr().err == "t2t-try: warning: The best is gone.\n"


def test_programs_in_one_process_do_not_share_flags():
    assert values("--steps=9")["steps"] == 9
    assert values()["steps"] == 5
    one = program()
    assert one.run(lambda flags: flags.steps - 9, ["--steps=9"]) == 0
    assert one.run(lambda flags: flags.steps - 5, []) == 0
    assert "steps" not in absl_flags.FLAGS


@pytest.mark.parametrize("argv,texts", [
    (["--stesp=3"], ["--stesp", "Did you mean --steps?", "--help"]),
    (["--steps=x"], ["steps", "x"]), (["--steps=0"], ["steps", "0"]), (["--steps"], ["steps"]),
    (["--xla=maybe"], ["xla", "auto"]), (["toy_one"], ["'toy_one' belongs to no flag"]),
    (["--dry_run", "true"], ["'true' belongs to no flag"]), (["--seed=-1"], ["seed"]),
    (["--problem=toy_one,toy_tow"], ["toy_tow", "Did you mean 'toy_two'", "--registry_help"]),
    (["--model=toy_modell"], ["Did you mean 'toy_model'"]), (["--hparams_set=toy_sat"], ["Did you mean 'toy_set'"]),
    (["--hparams_set=toy_set", "--hparams=hidden_sise=3"], ["Did you mean 'hidden_size'"]),
    (["--hparams_set=toy_set", "--hparams=dropout=3"], ["dropout", "from 0.0 to 0.95"]),
    (["--modality=toy_door"], ["feature:modality"]), (["--modality=inputs:toy_dor"], ["Did you mean 'toy_door'"]),
    (["--t2t_usr_dir=./nowhere_at_all"], ["nowhere_at_all", "does not exist"])])
def test_a_wrong_flag_is_one_short_message_and_status_2(argv, texts, capsys):
    assert run(*argv, work=lambda flags: pytest.fail("work began")) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("t2t-try: error: ") and "Traceback" not in err and len(err.splitlines()) < 25
    assert all(text in err for text in texts), err


def test_what_is_required_is_asked_for_by_name(capsys):
    work = lambda flags: flags.require("problem", "model", "seed")  # noqa: E731
    assert run("--model=toy_model", work=work) == 2
    err = capsys.readouterr().err
    assert "--problem (" in err and "--model" not in err and "--seed" not in err
    assert run("--model=toy_model", "--problem=toy_one", work=work) == 0


@pytest.mark.parametrize("flag", ["--help", "-h", "--helpfull"])
def test_help_shows_every_flag_once_and_does_no_work(flag, capsys):
    assert run(flag, "--steps=9", work=lambda flags: pytest.fail("work began")) == 0
    out = capsys.readouterr().out
    assert out.startswith("t2t-try: Tries things.") and "trying:" in out
    heads = [line.split()[0] for line in out.splitlines() if line.startswith("  --")]
    assert len(heads) == len(set(heads))
    assert {head.replace("[no]", "").lstrip("-") for head in heads} == set(program().flags.names())


def test_flags_defined_with_absl_itself_are_parsed_and_shown():
    new = program()
    absl_flags.DEFINE_integer("plain", 3, "the plain way", flag_values=new.flags)
    assert new.run(lambda flags: flags.plain - 4, ["--plain=4"]) == 0
    assert "--plain " in new.help_text() and "default: 3" in new.help_text()


@pytest.mark.parametrize("argv,shown,hidden", [
    (["--registry_help"], ["toy_one", "toy_model", "toy_set"], []),
    (["--registry_help=toy_m"], ["toy_model"], ["toy_one", "toy_set"]),
    (["--registry_help", "toy_m"], ["toy_model"], ["toy_one", "toy_set"]),
    (["--registry_help", "--steps=3"], ["toy_one", "toy_model"], []),
    (["--problem=unknown", "--registry_help"], ["toy_one"], [])])
def test_registry_help_with_and_without_a_pattern(argv, shown, hidden, capsys):
    assert run(*argv, work=lambda flags: pytest.fail("work began")) == 0
    out = capsys.readouterr().out
    assert all(f"  {name} " in out or f"  {name}\n" in out for name in shown)
    assert not any(name in out for name in hidden)


def test_a_users_folder_is_imported_before_names_are_checked_and_listed(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(textwrap.dedent("""
        from t2t_mm import registry

        @registry.register_problem
        class MyOwn:
            '''All mine.'''
        """))
    assert run("--problem=my_own") == 2
    assert run("--problem=my_own", f"--t2t_usr_dir={tmp_path}") == 0
    capsys.readouterr()
    assert run("--registry_help=my_own", f"--t2t_usr_dir={tmp_path / 'mine.py'}") == 0
    assert "All mine." in capsys.readouterr().out


def test_a_remark_about_the_users_folder_is_one_line(tmp_path, capsys):
    (tmp_path / "mine.py").write_text("x = 1")
    assert run(f"--t2t_usr_dir={tmp_path}") == 0
    err = capsys.readouterr().err
    assert err.startswith("t2t-try: warning: ") and "registered nothing" in err and err.count("\n") == 1


def raising(error):
    def work(flags):
        raise error
    return work


def test_exit_statuses(capsys):
    assert run(work=lambda flags: None) == 0
    assert run(work=lambda flags: 3) == 3
    assert run(work=raising(SystemExit(4))) == 4
    assert run(work=raising(UserError("mend it"))) == 2
    assert capsys.readouterr().err == "t2t-try: error: mend it\n"
    assert run(work=lambda flags: open("/no/such/file")) == 2
    assert capsys.readouterr().err == "t2t-try: error: cannot read or write /no/such/file: No such file or directory\n"
    assert run(work=raising(OSError(28, "No space left on device"))) == 2
    assert capsys.readouterr().err == "t2t-try: error: cannot read or write: No space left on device\n"
    with pytest.raises(OSError):  # not from the system
        run(work=raising(OSError("mine")))
    assert run(work=raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err.strip().count("\n") == 0
    with pytest.raises(ZeroDivisionError):  # an error of the program's own keeps its traceback
        run(work=lambda flags: 1 / 0)


def test_a_reader_that_goes_away_is_no_error():
    done = in_new_process("""
        import os, subprocess, sys
        code = '''
        import sys
        from t2t_mm.cli.program import Program
        def work(flags):
            for i in range(100000): print("a line", i)
        sys.exit(Program("t2t-try", "Tries.").run(work, []))
        '''
        import textwrap
        command = [sys.executable, "-c", textwrap.dedent(code)]
        one = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        one.stdout.readline()
        one.stdout.close()
        print(one.stderr.read().decode(), one.wait())
        """)
    assert done.stdout.split() == ["141"], done.stdout + done.stderr


def test_help_and_wrong_flags_never_import_tensorflow():
    done = in_new_process("""
        import sys
        from t2t_mm.cli.program import Program, define_experiment_flags
        for flag in ("--help", "--registry_help", "--steps", "--problem=zzz", "--hparams_set=zzz", "--model=zzz"):
            program = Program("t2t-try", "Tries.")
            define_experiment_flags(program.flags)
            program.run(lambda flags: None, [flag])
        print("HEAVY", sorted({"tensorflow", "keras"} & set(sys.modules)))
        """)
    assert done.stdout.splitlines()[-1:] == ["HEAVY []"], done.stdout + done.stderr


def test_a_full_disk_is_named(tmp_path, monkeypatch, capsys):
    def work(flags):
        raise OSError(28, "No space left on device")

    full = {tmp_path: 0}
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=full.get(path, 1 << 30)))
    assert run(f"--data_dir={tmp_path}/data", "--output_dir=/", work=work) == 2
    assert capsys.readouterr().err.endswith(f"No space left on device. Full: {tmp_path}/data\n")
