"""Laws of t2t-decoder: every source and form of results, and every mistake explained before TensorFlow starts."""

import io
import json
import subprocess
import sys

import numpy as np
import pytest

from t2t_mm import datagen, inference, registry
from t2t_mm.cli import decoder
from t2t_mm.cli.results import Journal, Result
from t2t_mm.data.images import encode_png
from t2t_mm.data.text_encoders import Bytes, Tokens
from t2t_mm.data.vocabulary_building import load_encoders
from t2t_mm.experiment import Experiment

DIGITS = {"tokens:digits": Tokens([str(digit) for digit in range(10)])}


class Shouting:
    """Stands for a trained Decoder: results are the input in capitals and its number, or the stored reference."""

    step, checkpoint = 12, "best"

    def __init__(self, experiment, output_dir, settings, which, batch_size, xla):
        self.experiment, self.settings = experiment, settings

    def decode_samples(self, problem, samples, first=0):
        return [[(f"{self._shown(sample)} #{first + i}.{k}", -1.5 - k) for k in range(self.settings.n_best)]
                for i, sample in enumerate(samples)]

    def decode_split(self, problem, split, limit=None, first=0):
        for number in range(first, limit or 3):
            yield number, f"in {number}", f"ref {number}", [(f"out {number}", -0.25)]

    def _shown(self, sample):
        return " ".join(value.upper() if isinstance(value, str) else type(value).__name__ for value in sample.values())


@pytest.fixture(autouse=True)
def no_model(monkeypatch):
    monkeypatch.setattr(inference, "Decoder", Shouting)
    monkeypatch.setattr(decoder, "start_tensorflow", lambda **_: None)


@pytest.fixture
def make_run(tmp_path):
    """A function of problem names that gives the output_dir of a run that looks trained."""
    def make(*names, encoders=DIGITS, data_dir=""):
        folder = tmp_path / "-".join(names)
        problems = tuple(registry.problem(name) for name in names)
        Experiment(problems, "transformer", "transformer_tiny", registry.hparams("transformer_tiny"), str(data_dir),
                   encoders=encoders).save(folder)
        (folder / "best").mkdir()
        (folder / "best" / "step-00000012.index").touch()
        return folder

    return make


def out(capsys, folder, *arguments):
    """The lines a successful call prints."""
    status = decoder.main([f"--output_dir={folder}", *map(str, arguments)])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    return captured.out.splitlines()


def refused(capsys, *arguments):
    """The error of a call that must be refused."""
    assert decoder.main([*map(str, arguments)]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("t2t-decoder: error: ") and "Traceback" not in captured.err and not captured.out
    return captured.err


def test_arguments_anywhere_among_the_flags_are_inputs(make_run, capsys):
    run = make_run("algorithmic_reverse")
    assert out(capsys, run, "1 2", "3") == ["1 2 #0.0", "3 #1.0"]
    assert out(capsys, run, "1 2", "--beam_size", 2, "3", "--nojson", "4") == ["1 2 #0.0", "3 #1.0", "4 #2.0"]
    assert out(capsys, run, "--checkpoint=latest", "--", "-7", "--x") == ["-7 #0.0", "--X #1.0"]


def test_a_file_gives_a_result_a_line_in_order(make_run, capsys, tmp_path):
    run = make_run("algorithmic_reverse")
    lines = [f"{number} 1" for number in range(50)]
    (tmp_path / "in").write_text("\n".join(lines) + "\n")
    wanted = [f"{line} #{number}.0" for number, line in enumerate(lines)]
    assert out(capsys, run, f"--decode_from_file={tmp_path / 'in'}", "--batch_size=2") == wanted
    (tmp_path / "in").write_text("\r\n".join(lines))  # as other systems write
    assert out(capsys, run, f"--decode_from_file={tmp_path / 'in'}") == wanted


def test_what_is_piped_in_is_decoded(make_run, capsys, monkeypatch):
    run = make_run("algorithmic_reverse")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1\n2\n")))
    assert out(capsys, run) == ["1 #0.0", "2 #1.0"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"1\n\xff\xfe\n")))
    assert "Standard input cannot be read: it is not UTF-8" in refused(capsys, f"--output_dir={run}")


def test_lines_end_at_line_feeds_alone_and_a_byte_order_mark_is_no_text(make_run, capsys, tmp_path):
    (tmp_path / "in").write_bytes(b"\xef\xbb\xbf1 2\r\n3\r4\n5\n")
    found = out(capsys, make_run("algorithmic_reverse"), f"--decode_from_file={tmp_path / 'in'}", "--json")
    assert [json.loads(line)["input"] for line in found] == ["1 2", "3\r4", "5"]


def test_an_input_may_begin_with_a_sign(make_run, capsys):
    run = make_run("algorithmic_reverse")
    assert out(capsys, run, "1", "--", "2") == ["1 #0.0", "2 #1.0"]
    assert out(capsys, run, "-5 3") == ["-5 3 #0.0"]
    assert "not UTF-8" in refused(capsys, f"--output_dir={run}", "\udcff")


def test_a_prompt_goes_on_after_a_mistake_and_ends_with_the_input(make_run, capsys, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr("sys.stdin", Terminal("nowhere.png\n\n"))
    assert decoder.main([f"--output_dir={make_run('image_digits', encoders={})}"]) == 0
    captured = capsys.readouterr()
    assert "no file 'nowhere.png'" in captured.err and captured.out.count("> ") == 3
    monkeypatch.setattr("sys.stdin", Terminal("1 2\n3\n"))
    assert decoder.main([f"--output_dir={make_run('algorithmic_reverse')}"]) == 0
    assert capsys.readouterr().out == "> 1 2 #0.0\n> 3 #0.0\n> \n"


def test_json_has_input_outputs_and_reference(make_run, capsys, tmp_path):
    run = make_run("algorithmic_reverse")
    line, = out(capsys, run, "1 2", "--json", "--beam_size=3", "--n_best=2")
    assert json.loads(line) == {"input": "1 2", "outputs": [{"text": "1 2 #0.0", "score": -1.5},
                                                            {"text": "1 2 #0.1", "score": -2.5}]}


def test_several_results_come_with_scores(make_run, capsys):
    run = make_run("algorithmic_reverse")
    assert out(capsys, run, "1", "--temperature=1", "--n_best=2") == ["-1.5000\t1 #0.0", "-2.5000\t1 #0.1"]


def test_a_split_comes_with_references_and_a_limit(make_run, capsys, tmp_path):
    problem = registry.problem("algorithmic_reverse")
    datagen.generate([problem], str(tmp_path / "data"), str(tmp_path / "raw"), processes=1, say=lambda message: None)
    encoders = load_encoders(problem, str(tmp_path / "data"))
    run = make_run(problem.name, encoders=encoders, data_dir=tmp_path / "data")
    lines = out(capsys, run, "--split=dev", "--limit=2", "--json")
    assert [json.loads(line)["reference"] for line in lines] == ["ref 0", "ref 1"]
    lines = out(capsys, run, "--split=dev", "--limit=1")
    assert lines == ["input:     in 0", "reference: ref 0", "output:    out 0", ""]
    out(capsys, run, "--split=dev", f"--decode_to_file={tmp_path / 'hypotheses'}")
    assert (tmp_path / "hypotheses").read_text() == "out 0\nout 1\nout 2\n"
    assert "no split 'tset'" in refused(capsys, f"--output_dir={run}", "--split=tset")
    assert "t2t-datagen" in refused(capsys, f"--output_dir={run}", "--split=dev", f"--data_dir={tmp_path / 'moved'}")


def names_in(folder):
    return sorted(file.name for file in folder.iterdir())


@pytest.fixture
def dies_at(monkeypatch):
    """A function of the number of an input at which the decoder dies; None: at none. Returns where decoding began."""
    plain, began = Shouting.decode_samples, []

    def set_death(number):
        def decode_samples(self, problem, samples, first=0):
            began.append(first)
            if number is not None and first <= number < first + len(samples):
                raise RuntimeError("out of memory")
            return plain(self, problem, samples, first)

        monkeypatch.setattr(Shouting, "decode_samples", decode_samples)
        return began

    return set_death


def test_a_file_of_results_appears_whole_or_not_at_all(make_run, capsys, tmp_path, dies_at):
    run, path = make_run("algorithmic_reverse"), tmp_path / "new" / "out"
    assert out(capsys, run, "1", "2", f"--decode_to_file={path}") == []
    assert path.read_text() == "1 #0.0\n2 #1.0\n" and names_in(path.parent) == ["out"]
    dies_at(0)
    with pytest.raises(RuntimeError):
        decoder.main([f"--output_dir={run}", *"1" * 40, "--batch_size=1", f"--decode_to_file={path}"])
    assert path.read_text() == "1 #0.0\n2 #1.0\n" and names_in(path.parent) == ["out"]


@pytest.mark.parametrize("form", [["--json"], ["--n_best=2", "--beam_size=2"], []])
@pytest.mark.parametrize("tear", [0, 3, 40], ids=lambda cut: f"{cut} bytes lost")
def test_a_job_that_died_goes_on_to_the_same_file(make_run, capsys, tmp_path, dies_at, form, tear):
    run, path, whole = make_run("algorithmic_reverse"), tmp_path / "out", tmp_path / "whole"
    inputs = [str(number) for number in range(40)]
    command = [*inputs, "--batch_size=1", *form]
    out(capsys, run, *command, f"--decode_to_file={whole}")
    dies_at(32)
    with pytest.raises(RuntimeError):
        decoder.main([f"--output_dir={run}", *command, f"--decode_to_file={path}"])
    left = tmp_path / "out.unfinished"
    left.write_bytes(left.read_bytes()[:-tear or None])
    began = dies_at(None)
    began.clear()
    out(capsys, run, *command, f"--decode_to_file={path}")
    assert path.read_bytes() == whole.read_bytes() and names_in(tmp_path)[:1] == ["algorithmic_reverse"]
    assert not left.exists() and began == ([32] if not tear else [16, 32])


def test_the_file_of_the_inputs_is_not_overwritten(make_run, capsys, tmp_path):
    run, path, link = make_run("algorithmic_reverse"), tmp_path / "in", tmp_path / "link"
    path.write_text("1 2\n")
    link.symlink_to(path)
    for results in (path, link):
        error = refused(capsys, f"--output_dir={run}", f"--decode_from_file={path}", f"--decode_to_file={results}")
        assert "is the file of the inputs" in error and path.read_text() == "1 2\n"


def test_a_file_that_another_process_writes_is_left_alone(make_run, capsys, tmp_path):
    run, path = make_run("algorithmic_reverse"), tmp_path / "out"
    with Journal(path, {}) as journal:
        journal.add(Result("1", [("1", 0.0)], None))
        assert decoder.main([f"--output_dir={run}", "1", f"--decode_to_file={path}"]) == 2
    assert f"error: Another process is writing {path}" in capsys.readouterr().err
    assert not path.exists() and (tmp_path / "out.unfinished").exists()
    out(capsys, run, "1", f"--decode_to_file={path}")
    assert path.read_text() == "1 #0.0\n" and not (tmp_path / "out.unfinished").exists()


def test_what_another_job_left_is_begun_anew(make_run, capsys, tmp_path, dies_at):
    run, path = make_run("algorithmic_reverse"), tmp_path / "out"
    command = [f"--output_dir={run}", *"1" * 20, "--batch_size=1", f"--decode_to_file={path}"]
    dies_at(16)
    with pytest.raises(RuntimeError):
        decoder.main(command)
    began = dies_at(None)
    for changed in (["--beam_size=2"], ["2"]):
        began.clear()
        assert decoder.main([*command, *changed]) == 0 and began == [0, 16], changed
    assert len(path.read_text().splitlines()) == 21 and not (tmp_path / "out.unfinished").exists()


def test_a_picture_is_the_path_of_its_file(make_run, capsys, tmp_path):
    run = make_run("image_digits", encoders={})
    picture = tmp_path / "seven.png"
    picture.write_bytes(encode_png(np.zeros((20, 20, 3), np.uint8)))
    assert out(capsys, run, picture) == ["bytes #0.0"]
    assert "Did you mean 'seven.png'" in refused(capsys, f"--output_dir={run}", tmp_path / "sven.png")
    picture.write_bytes(b"not a picture")
    assert "Input 1" in refused(capsys, f"--output_dir={run}", picture)
    assert "Input 1" in refused(capsys, f"--output_dir={run}", "x" * 300)  # longer than a name can be


def test_a_terminal_does_not_prompt_where_results_go_to_a_file(make_run, tmp_path, monkeypatch):
    run, path = make_run("algorithmic_reverse"), tmp_path / "out"
    typed = io.TextIOWrapper(io.BytesIO(b"1 2\n3\n"))
    typed.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", typed)
    assert decoder.main([f"--output_dir={run}", f"--decode_to_file={path}"]) == 0
    assert len(path.read_text().splitlines()) == 2


def test_a_problem_without_inputs_writes_from_nothing(make_run, capsys):
    run = make_run("lm_python_docs", encoders={"bytes": Bytes()})
    assert out(capsys, run, "--temperature=1", "--n_best=2") == ["-1.5000\t #0.0", "-2.5000\t #0.1"]
    assert "takes no inputs" in refused(capsys, f"--output_dir={run}", "a text")


def test_the_problem_is_one_of_the_run(make_run, capsys):
    run = make_run("algorithmic_reverse", "algorithmic_sort")
    assert out(capsys, run, "--problem=algorithmic_sort", "1") == out(capsys, run, "--problem", "algorithmic_sort", "1")
    error = refused(capsys, f"--output_dir={run}", "1")
    assert "algorithmic_reverse, algorithmic_sort" in error and "--problem" in error
    error = refused(capsys, f"--output_dir={run}", "1", "--problem=algorithmic_srt")
    assert "only on algorithmic_reverse, algorithmic_sort" in error and "Did you mean 'algorithmic_sort'" in error
    assert "one at a time" in refused(capsys, f"--output_dir={run}", "1", "--problem=algorithmic_sort,image_digits")


@pytest.mark.parametrize(("arguments", "words"), [
    (["--decode_from_file=nowhere.txt", "--problem="], ["nowhere.txt", "No such file"]),
    (["1", "--split=dev"], ["one place", "--split"]),
    (["1", "--limit=2"], ["--limit", "--split"]),
    (["1", ""], ["Input 2", "empty"]),
    (["1", "--beam_size=0"], ["beam_size"]),
    (["1", "--mixed_precision=bf16"], ["mixed_precision", "bfloat16"]),
    (["1", "--n_best=3"], ["--beam_size=3"]),
    (["1", "--beam_size=2", "--top_k=3"], ["Leave one of them out"]),
    (["1", "--temperature=0"], ["--temperature=0"]),
    (["1", "--checkpoint=bset"], ["checkpoint", "best"]),
    (["1", "--beamsize=2"], ["--beamsize", "--beam_size"]),
    (["1", "--decode_to_file=."], ["is a folder"]),
    (["1", f"--decode_to_file={__file__}/out"], ["is a file, not a folder", "test_decoder.py"]),
])
def test_mistakes_are_explained(make_run, capsys, arguments, words):
    error = refused(capsys, f"--output_dir={make_run('algorithmic_reverse')}", *arguments)
    assert all(word in error for word in words), error


def test_files_that_hold_nothing_or_not_text_are_explained(make_run, capsys, tmp_path):
    run, path = make_run("algorithmic_reverse"), tmp_path / "in"
    for content, words in ((b"", "is empty"), (b"1\n\n2\n", "in, line 2"), (b"\xff\xfe1", "not UTF-8")):
        path.write_bytes(content)
        assert words in refused(capsys, f"--output_dir={run}", f"--decode_from_file={path}")


def test_a_folder_that_is_no_trained_run_is_explained(make_run, capsys, tmp_path):
    assert "--output_dir" in refused(capsys, "1")
    assert "There is no run" in refused(capsys, f"--output_dir={tmp_path / 'nowhere'}", "1")
    run = make_run("algorithmic_reverse")
    (run / "best" / "step-00000012.index").unlink()
    assert "no checkpoint" in refused(capsys, f"--output_dir={run}", "1")


def test_mistakes_are_found_before_tensorflow_is_imported(make_run):
    code = ("import sys; from t2t_mm.cli import decoder; status = decoder.main(sys.argv[1:]); "
            "sys.exit('tensorflow was imported' if 'tensorflow' in sys.modules else status)")
    run = make_run("image_digits", encoders={})
    done = subprocess.run([sys.executable, "-c", code, f"--output_dir={run}", "nowhere.png"], capture_output=True,
                          text=True)
    assert done.returncode == 2 and "no file 'nowhere.png'" in done.stderr, done.stderr
