"""Laws of the optimizers: the papers' formulas, untouched variables, nothing changed where asked, checkpoints."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.hparams.hparams import Hparams
from t2t_mm.training.optimizers import Adam, LossScale, Sgd, make_optimizer
from training.fake_model import FakeHparams

RATE, DECAY = 0.1, 0.05
SHAPES = ((3, 2), (2,), (2, 2, 2))


def make(kind, **settings):
    rng = np.random.default_rng(0)
    variables = [tf.Variable(rng.normal(size=shape).astype("float32")) for shape in SHAPES]
    return {"adam": Adam, "sgd": Sgd}[kind](variables, **settings), variables


def gradients(step, indices=(0, 1, 2)):
    return {i: tf.constant(np.random.default_rng([step, i]).normal(size=SHAPES[i]).astype("float32")) for i in indices}


def update(optimizer, grads, keep=True, compiled=False):
    tf.function(lambda: optimizer.apply(grads, tf.constant(RATE), tf.constant(keep)), jit_compile=compiled)()


def everything(optimizer, variables):
    return [v.numpy() for v in (*variables, *optimizer.variables)]


def adam_by_the_paper(w, steps, decay):
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, g in enumerate(steps, 1):
        m, v = 0.9 * m + 0.1 * g, 0.98 * v + 0.02 * g * g
        w = w - RATE * decay * w * (w.ndim >= 2)
        w = w - RATE * np.sqrt(1 - 0.98 ** t) / (1 - 0.9 ** t) * m / (np.sqrt(v) + 1e-9)
    return w


def sgd_by_the_book(w, steps, decay):
    a = np.zeros_like(w)
    for g in steps:
        a = 0.9 * a + g
        w = w - RATE * decay * w * (w.ndim >= 2) - RATE * a
    return w


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("kind, formula", [("adam", adam_by_the_paper), ("sgd", sgd_by_the_book)])
def test_equals_its_formula_for_variables_visited_unequally_often(kind, formula, compiled):
    optimizer, variables = make(kind, weight_decay=DECAY)
    before = [v.numpy() for v in variables]
    visits = {0: (0, 1, 2, 3), 1: (1, 3), 2: (3,)}      # variable → steps in which it has a gradient
    for step in range(4):
        update(optimizer, gradients(step, [i for i in visits if step in visits[i]]), compiled=compiled)
    for i, steps in visits.items():
        wanted = formula(before[i].astype("float64"), [gradients(s)[i].numpy().astype("float64") for s in steps], DECAY)
        np.testing.assert_allclose(variables[i].numpy(), wanted, rtol=2e-5, atol=2e-6)
    assert optimizer.updates.numpy().tolist() == [4, 2, 1]


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_where_keep_is_false_nothing_changes_to_the_last_bit(kind):
    optimizer, variables = make(kind, weight_decay=DECAY)
    for step in range(2):
        update(optimizer, gradients(step, (0, 1)))
    before = everything(optimizer, variables)
    update(optimizer, {i: tf.zeros_like(g) for i, g in gradients(9).items()}, keep=False)
    for old, new in zip(before, everything(optimizer, variables)):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("kind", ["adam", "sgd"])
def test_a_checkpoint_brings_back_all_state_and_saves_no_weight(kind, tmp_path):
    optimizer, variables = make(kind, loss_scaling=True)
    update(optimizer, gradients(0))
    path = tf.train.Checkpoint(optimizer=optimizer).write(str(tmp_path / "state"))
    before = everything(optimizer, [])
    update(optimizer, gradients(1))
    assert any((old != new).any() for old, new in zip(before, everything(optimizer, [])))
    tf.train.Checkpoint(optimizer=optimizer).read(path).assert_consumed()
    for old, new in zip(before, everything(optimizer, [])):
        np.testing.assert_array_equal(old, new)
    saved = sum(np.prod(shape) for name, shape in tf.train.list_variables(path) if "VARIABLE_VALUE" in name)
    assert saved == sum(v.size for v in before)


def test_no_gradient_at_all_is_no_update():
    optimizer, variables = make("adam")
    before = everything(optimizer, variables)
    update(optimizer, {})
    assert all((old == new).all() for old, new in zip(before, everything(optimizer, variables)))


def test_loss_scale_halves_to_one_and_doubles_after_an_interval():
    loss_scale = LossScale(initial=4.0, interval=3)
    observed = []
    for finite in (True, True, True, True, False, True, True, False, False, False, False):
        loss_scale.update(tf.constant(finite))
        observed.append(float(loss_scale.scale))
    assert observed == [4, 4, 8, 8, 4, 4, 4, 2, 1, 1, 1]


def test_made_from_hparams():
    variables = [tf.Variable([1.0])]
    assert isinstance(make_optimizer(FakeHparams(), variables), Adam)
    sgd = make_optimizer(FakeHparams(optimizer="sgd", mixed_precision="float16"), variables)
    assert isinstance(sgd, Sgd) and isinstance(sgd.loss_scale, LossScale)
    with pytest.raises(KeyError, match="adams"):
        make_optimizer(FakeHparams(optimizer="adams"), variables)


@pytest.mark.parametrize("kind", Hparams.__dataclass_fields__["optimizer"].metadata["choices"])
def test_what_hparams_offer_can_be_made(kind):
    assert make_optimizer(Hparams(optimizer=kind), [tf.Variable([1.0])]).loss_scale is None
