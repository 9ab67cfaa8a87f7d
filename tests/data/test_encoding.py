"""Laws of encoding: the same bytes from any number of processes, in order; errors say which sample it was."""

import dataclasses
import os
import subprocess
import sys
import types

import numpy as np
import pytest

from t2t_mm.data import encoding, text_encoders
from t2t_mm.data.encoding import CHUNK_SAMPLES, EncodingPool
from t2t_mm.data.features import Label, Text
from t2t_mm.data.records import frames_in
from t2t_mm.data.worker_process import WorkerProcess
from t2t_mm.errors import UserError

FEATURES = {"inputs": Text("bytes"), "targets": Label(("even", "odd"))}
TASKS = {"parity": (FEATURES, {"bytes": text_encoders.Bytes()}), "other": (FEATURES, {"bytes": text_encoders.Bytes()})}
COUNT = 3 * CHUNK_SAMPLES + 5


def samples(count=COUNT):
    for number in range(count):
        yield {"inputs": str(number), "targets": number % 2}


@pytest.fixture(scope="module")
def pool():
    with EncodingPool(TASKS, 2) as pool:
        yield pool


def test_processes_do_not_change_a_byte_or_the_order(pool):
    with EncodingPool(TASKS, 1) as alone:
        expected = list(alone.encode("parity", "train", samples()))
    assert list(pool.encode("parity", "train", samples())) == expected
    assert list(pool.encode("other", "dev", samples())) == expected
    assert sum(chunk.count for chunk in expected) == COUNT
    assert len(frames_in(b"".join(chunk.records for chunk in expected))) == COUNT


def test_lengths_are_sums_and_longest():
    (chunk,) = EncodingPool(TASKS, 1).encode("parity", "dev", [{"inputs": "abc", "targets": 0},
                                                              {"inputs": "", "targets": "odd"}])
    assert chunk.lengths == {"inputs": (4 + 1, 4), "targets": (2, 1)}


def test_no_samples_are_no_chunks(pool):
    assert list(pool.encode("parity", "train", [])) == []


@pytest.mark.parametrize(("wrong", "words"), [({"inputs": 5, "targets": 0}, "must be a str"),
                                              ({"inputs": "x"}, "lacks the feature 'targets'"),
                                              ({"inputs": "x", "targets": 2}, "number from 0 to 1")])
@pytest.mark.parametrize("number", [0, COUNT - 3])
def test_an_error_names_problem_split_and_sample(wrong, words, number, pool):
    stream = [wrong if index == number else sample for index, sample in enumerate(samples())]
    with pytest.raises(UserError, match=f"parity, train sample {number} .*{words}"):
        list(pool.encode("parity", "train", stream))
    assert sum(chunk.count for chunk in pool.encode("parity", "train", samples())) == COUNT  # still of use


def test_samples_are_read_only_a_little_ahead(pool):
    read = 0

    def counted():
        nonlocal read
        for sample in samples(40 * CHUNK_SAMPLES):
            read += 1
            yield sample

    chunks = pool.encode("parity", "train", counted())
    next(chunks)
    assert read <= 8 * CHUNK_SAMPLES
    chunks.close()


def test_large_samples_make_small_chunks():
    values = [{"x": np.zeros(encoding.CHUNK_BYTES // 2, np.uint8)} for _ in range(5)]
    assert [(first, len(chunk)) for first, chunk in encoding._chunks(values)] == [(0, 2), (2, 2), (4, 1)]


@pytest.mark.parametrize("module", ["there_is_no_module", "only_here"])
def test_features_that_cannot_travel_are_encoded_in_this_process(module, monkeypatch):
    processes = set()

    @dataclasses.dataclass(frozen=True)
    class Local(Text):
        def encode_many(self, values, encoder=None):
            processes.add(os.getpid())
            return super().encode_many(values, encoder)

    Local.__module__, Local.__qualname__ = module, "Local"
    monkeypatch.setitem(sys.modules, "only_here", types.SimpleNamespace(Local=Local))
    tasks = {"local": ({"targets": Local("bytes")}, {"bytes": text_encoders.Bytes()})}
    with EncodingPool(tasks, 2) as pool:
        chunks = list(pool.encode("local", "train", ({"targets": str(n)} for n in range(COUNT))))
    assert sum(chunk.count for chunk in chunks) == COUNT and processes == {os.getpid()}


def test_values_that_cannot_travel_are_encoded_in_this_process(pool):
    class Number(str):
        """A str of a class that cannot be pickled by name."""

    stream = ({"inputs": Number(n), "targets": n % 2} for n in range(COUNT))
    with EncodingPool(TASKS, 1) as alone:
        assert list(pool.encode("parity", "train", stream)) == list(alone.encode("parity", "train", samples()))


def test_an_exception_in_the_samples_comes_through(pool):
    def broken():
        yield from samples(2 * CHUNK_SAMPLES)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(pool.encode("parity", "train", broken()))


def test_processes_end_with_the_pool():
    with EncodingPool(TASKS, 2) as pool:
        list(pool.encode("parity", "train", samples()))
        processes = [worker._process for worker in pool._workers]
        assert len(processes) == 2 and all(process.poll() is None for process in processes)
    assert [process.poll() for process in processes] == [0, 0]


def test_a_dead_process_is_a_user_error():
    worker = WorkerProcess("os", "abort")
    with pytest.raises(UserError, match="worker process died"):
        worker.ask("anything")
    worker.close()


def test_encoding_imports_no_tensorflow():
    program = "import sys, t2t_mm.data.encoding; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_program_without_a_main_guard_may_encode(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(f"""
from t2t_mm.data import encoding, text_encoders
from t2t_mm.data.features import Text
tasks = {{"p": ({{"targets": Text("bytes")}}, {{"bytes": text_encoders.Bytes()}})}}
with encoding.EncodingPool(tasks, 2) as pool:
    print(sum(chunk.count for chunk in pool.encode("p", "train", [{{"targets": "x"}}] * {COUNT})))
""")
    told = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    assert (told.stdout, told.stderr) == (f"{COUNT}\n", "")
