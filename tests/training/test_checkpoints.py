"""Laws of checkpoints: everything comes back, a kill or a flipped bit at any place costs at most one checkpoint."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.errors import UserError
from t2t_mm.training.batches import Batches
from t2t_mm.training.checkpoints import Checkpoints, load_weights
from t2t_mm.training.optimizers import Adam


class Part(keras.layers.Layer):
    """A layer that hides its layers in a list and a dict, as Keras' own tracking for checkpoints overlooks them."""

    def __init__(self, width):
        super().__init__()
        self.rows = [keras.layers.Dense(width) for _ in range(2)]
        self.doors = {"a/b": keras.layers.Dense(width), "c": keras.layers.Dense(width)}
        for layer in (*self.rows, *self.doors.values()):
            layer.build((None, 3))
        self.built = True


class Run:
    """A model, its optimizer, two iterators, and their checkpoints."""

    def __init__(self, folder, width=3, keep=2, writes=True, data=("/data", "checksum of a")):
        self.model = keras.Sequential([Part(width), Part(width)])
        self.optimizer = Adam(self.model.trainable_variables)
        numbers = tf.data.Dataset.range(1000).shuffle(100, seed=1)
        self.iterators = {"a": iter(numbers), "b_rev": iter(numbers.skip(5))}
        self.said = []
        self.batches = Batches(self.iterators, data[0], {"a": data[1]}, self.said.append)
        self.checkpoints = Checkpoints(folder, self.model, self.optimizer, self.batches, keep, writes)

    def variables(self):
        return [*self.model.variables, *self.optimizer.first_moments, self.optimizer.updates]

    def scramble(self, seed):
        random = np.random.default_rng(seed)
        for variable in self.variables():
            variable.assign(random.normal(size=variable.shape))

    def values(self):
        return [np.array(variable) for variable in self.variables()]

    def items(self):
        return [int(self.batches.next(name)) for name in self.iterators]


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def saved(folder, steps=(10, 20, 30)):
    """A run with checkpoints at the steps; step → (values, the next items)."""
    run, expected = Run(folder), {}
    for step in steps:
        run.scramble(step)
        run.checkpoints.state = {"sums": {"a": 0.1 + step}}
        run.checkpoints.save(step)
        expected[step] = (run.values(), run.items())
    return run, expected


def files(folder, step=None):
    return sorted(path.name for path in folder.glob("step-*" if step is None else f"step-{step:08d}.*"))


def test_everything_comes_back(tmp_path):
    _, expected = saved(tmp_path)
    run = Run(tmp_path)
    assert run.checkpoints.restore_latest() == 30
    assert equal(run.values(), expected[30][0]) and run.items() == expected[30][1]
    assert run.checkpoints.state == {"sums": {"a": 30.1}}


def test_a_new_run_has_nothing_to_restore(tmp_path):
    run = Run(tmp_path)
    assert run.checkpoints.restore_latest() is None
    with pytest.raises(UserError, match="Train first"):
        load_weights(run.model, tmp_path)
    with pytest.raises(UserError, match="best or latest"):
        load_weights(run.model, tmp_path, "newest")


def test_only_the_last_ones_are_kept(tmp_path):
    saved(tmp_path, (1, 2, 3, 4))
    assert files(tmp_path / "checkpoints") == files(tmp_path / "checkpoints", 3) + files(tmp_path / "checkpoints", 4)


@pytest.mark.parametrize("best", [False, True])
def test_an_error_that_may_pass_costs_no_checkpoint(tmp_path, best, monkeypatch):
    run, _ = saved(tmp_path)
    run.checkpoints.save_best(30, 1.0)
    before = sorted(tmp_path.rglob("*"))

    def read(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "the memory is full")

    monkeypatch.setattr(tf.train.Checkpoint, "read", read)
    with pytest.raises(tf.errors.ResourceExhaustedError):
        load_weights(run.model, tmp_path) if best else run.checkpoints.restore_latest()
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_explained_and_costs_nothing(tmp_path, monkeypatch):
    run, expected = saved(tmp_path)

    def write(*args):
        raise tf.errors.ResourceExhaustedError(None, None, "step_temp/part; No space left on device [Op:SaveV2]")

    monkeypatch.setattr(tf.train.Checkpoint, "write", write)
    with pytest.raises(UserError, match="step 40 cannot be written: No space left on device"):
        run.checkpoints.save(40)
    assert Run(tmp_path).checkpoints.restore_latest() == 30


@pytest.mark.parametrize("damage", ["cut", "flip", "no data", "cut index", "flip index"])
def test_a_damaged_checkpoint_costs_only_itself(tmp_path, damage):
    _, expected = saved(tmp_path)
    end = "index" if "index" in damage else "data-00000-of-00001"
    path = tmp_path / "checkpoints" / f"step-{30:08d}.{end}"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content[:len(content) // 2] if "cut" in damage else content)
    if damage == "no data":
        path.unlink()
    run = Run(tmp_path)
    with pytest.warns(UserWarning, match="goes on from step 20"):
        assert run.checkpoints.restore_latest() == 20
    assert equal(run.values(), expected[20][0]) and run.items() == expected[20][1]
    assert files(tmp_path / "checkpoints", 30) == []


def test_what_a_kill_left_half_written_does_not_count_and_is_swept(tmp_path):
    saved(tmp_path)
    folder = tmp_path / "checkpoints"
    (folder / "step-00000040.data-00000-of-00001").write_bytes(b"half")
    (folder / "step-00000040.data-00000-of-00001.tempstate1").write_bytes(b"half")
    run = Run(tmp_path)
    assert run.checkpoints.restore_latest() == 30
    run.checkpoints.save(50)
    assert files(folder) == files(folder, 30) + files(folder, 50)


def test_if_nothing_is_whole_or_fits_it_says_so_and_keeps_the_files(tmp_path):
    saved(tmp_path)
    before = files(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="No checkpoint of this run can be restored"):
        Run(tmp_path, width=4).checkpoints.restore_latest()
    with pytest.raises(UserError, match="No checkpoint in .* can be loaded"):
        load_weights(Run(tmp_path, width=4).model, tmp_path)
    assert files(tmp_path / "checkpoints") == before


def test_a_worker_that_does_not_write_restores_and_leaves_every_file_as_it_is(tmp_path):
    _, expected = saved(tmp_path)
    damaged = tmp_path / "checkpoints" / f"step-{30:08d}.index"
    damaged.write_bytes(b"cut")
    before = sorted(tmp_path.rglob("*"))
    run = Run(tmp_path, writes=False)
    with pytest.warns(UserWarning, match="goes on from step 20"):
        assert run.checkpoints.restore_latest() == 20
    assert equal(run.values(), expected[20][0]) and run.items() == expected[20][1]
    run.checkpoints.save(40)
    run.checkpoints.save_best(40, 0.5)
    assert sorted(tmp_path.rglob("*")) == before


def test_best_and_latest_weights(tmp_path):
    run, expected = saved(tmp_path, (10,))
    other = Run(tmp_path / "elsewhere")
    assert load_weights(other.model, tmp_path, "best") == (10, "latest")  # no best yet
    run.scramble(1)
    run.checkpoints.save_best(5, 2.5)
    best = [np.array(variable) for variable in run.model.variables]
    run.checkpoints.save_best(7, 2.4)
    run.checkpoints.save_best(7, 2.4)  # again, after a resumed run came here a second time
    assert files(tmp_path / "best") == files(tmp_path / "best", 7)
    assert load_weights(other.model, tmp_path, "best") == (7, "best")
    assert equal(other.model.variables, best)
    assert load_weights(other.model, tmp_path, "latest") == (10, "latest")
    assert equal([np.array(v) for v in other.model.variables], expected[10][0][:len(best)])


def test_a_killed_run_goes_on_from_the_best_that_its_checkpoint_knows(tmp_path):
    run, _ = saved(tmp_path, ())
    run.checkpoints.save_best(2, 3.0)
    run.checkpoints.save(3)
    for step in (4, 6):
        run.checkpoints.save_best(step, 3.0 - step / 10)
        assert {name.split(".")[0] for name in files(tmp_path / "best")} == {"step-00000002", f"step-{step:08d}"}
        assert load_weights(run.model, tmp_path) == (step, "best")
    again = Run(tmp_path)
    assert again.checkpoints.restore_latest() == 3
    assert files(tmp_path / "best") == files(tmp_path / "best", 2) and load_weights(run.model, tmp_path)[0] == 2
    again.checkpoints.save_best(4, 2.6)
    again.checkpoints.save(5)
    assert files(tmp_path / "best") == files(tmp_path / "best", 4)


def test_half_written_checkpoints_of_killed_processes_are_removed(tmp_path):
    run, _ = saved(tmp_path, (10,))
    half = tmp_path / "checkpoints" / "step-00000007_temp"
    half.mkdir()
    (half / "part-00000-of-00001.data-00000-of-00001").write_bytes(bytes(99))
    run.checkpoints.save(20)
    assert {path.name.split(".")[0] for path in (tmp_path / "checkpoints").glob("step-*")} == {"step-00000010",
                                                                                             "step-00000020"}


def test_where_the_data_were_moved_the_same_batches_come_next(tmp_path):
    _, expected = saved(tmp_path)
    run = Run(tmp_path, data=("/elsewhere", "checksum of a"))
    assert run.checkpoints.restore_latest() == 30
    assert equal(run.values(), expected[30][0]) and run.items() == expected[30][1]
    assert "were in /data before and are in /elsewhere now: the 4 batches" in run.said[0]
    run.checkpoints.save(40)
    again = Run(tmp_path, data=("/elsewhere", "checksum of a"))
    assert again.checkpoints.restore_latest() == 40 and again.items() == run.items() and not again.said


def test_other_data_are_refused(tmp_path):
    saved(tmp_path)
    before = files(tmp_path / "checkpoints")
    with pytest.raises(UserError, match="training data of a are not those .* back into /data"):
        Run(tmp_path, data=("/data", "another")).checkpoints.restore_latest()
    assert files(tmp_path / "checkpoints") == before


def test_a_damaged_best_is_replaced_by_the_latest(tmp_path):
    run, expected = saved(tmp_path)
    run.scramble(7)
    run.checkpoints.save_best(20, 0.5)
    (path,) = (tmp_path / "best").glob("*.data*")
    path.write_bytes(path.read_bytes()[:100])
    other = Run(tmp_path)
    with pytest.warns(UserWarning, match="The latest checkpoint is used instead"):
        assert load_weights(other.model, tmp_path, "best") == (30, "latest")
    assert equal([np.array(v) for v in other.model.variables], expected[30][0][:len(other.model.variables)])
