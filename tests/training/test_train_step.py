"""Laws of one update: gradient, clipping, untouched doors, one trace a graph, averages, NaN guard, float16."""

import numpy as np
import pytest
import tensorflow as tf

from t2t_mm.training.optimizers import make_optimizer
from t2t_mm.training.train_step import TrainStep
from training.fake_model import FakeHparams, FakeModel, label_batch, text_batch, weights

PLAIN = dict(optimizer="sgd", adam_beta1=0.0, learning_rate=1.0)   # w ← w - g


def make(xla=False, seed=0, dropout=False, loss_weights=None, parts=1, **hparams):
    hparams = FakeHparams(**hparams)
    model = FakeModel(dropout)
    optimizer = make_optimizer(hparams, model.trainable_variables)
    train_step = TrainStep(model, optimizer, hparams, xla=xla, seed=seed, loss_weights=loss_weights, parts=parts)
    return train_step, model, optimizer


def gradient_of(model, problem, batch):
    """Written out: nats per target plus the auxiliary loss, by eager differentiation."""
    with tf.GradientTape() as tape:
        output = model.call(batch, problem, training=True, command=model.command_id(problem))
        nats, tokens = model.loss(batch, problem, output)
        loss = nats / tokens + output.losses["activity"]
    found = tape.gradient(loss, [v.value for v in model.trainable_variables])
    dense = [None if g is None else tf.convert_to_tensor(g).numpy() for g in found]
    return [np.zeros(v.shape, "float32") if g is None else g for g, v in zip(dense, model.trainable_variables)]


def norm(arrays):
    return np.sqrt(sum((a.astype("float64") ** 2).sum() for a in arrays))


def changes(train_step, model, *arguments):
    before = weights(model)
    train_step.step(*arguments)
    return [old - new for old, new in zip(before, weights(model))]


@pytest.mark.parametrize("xla, parts", [(False, 1), (True, 1), (False, 2), (False, 3)])
@pytest.mark.parametrize("problem, batch", [("text_b", text_batch(3, 5)), ("label", label_batch(4))])
def test_the_update_is_the_gradient_of_the_mean_loss_however_many_cores_share_it(problem, batch, xla, parts):
    train_step, model, _ = make(xla=xla, parts=parts, **PLAIN)
    wanted = gradient_of(model, problem, batch)
    before = weights(model)
    scalars = train_step.step(problem, batch, 0)
    for old, new, gradient in zip(before, weights(model), wanted):
        np.testing.assert_allclose(old - new, gradient, atol=1e-6)
    assert float(scalars["grad_norm"]) == pytest.approx(norm(wanted), rel=1e-5)
    assert float(scalars["objective"]) == pytest.approx(float(scalars["loss"] + scalars["activity"]))
    assert float(scalars["examples"]) == len(batch["targets"]) and float(scalars["finite"]) == 1
    assert float(scalars["tokens"]) == float(tf.reduce_sum(model.weights_of(batch)))
    assert "mean" in scalars and "by_channel" not in scalars      # statistics that are scalars only


def test_cores_that_share_a_batch_have_randomness_of_their_own_and_one_trace():
    """Had all parts the same, copies of an example would change as much by two parts as by four."""
    found = []
    for parts in (2, 4):
        train_step, model, _ = make(dropout=True, parts=parts, **PLAIN)
        copies = {name: tf.concat([tensor] * parts, axis=0) for name, tensor in label_batch(1).items()}
        found.append(changes(train_step, model, "label", copies, 0))
        changes(train_step, model, "label", label_batch(5), 1)
        assert model.traces == 1 == train_step.traces
    assert norm([two - four for two, four in zip(*found)]) > 1e-4


@pytest.mark.parametrize("many", [False, True])
def test_a_loss_weight_scales_the_update_by_the_cross_entropy_of_its_problem_alone(many):
    """Not that by auxiliary losses; and the loss that is logged stays that of the model."""
    batch, found = text_batch(3, 5), {}
    for weight in (1.0, 0.5, 4.0):
        train_step, model, _ = make(problems_per_step=2 if many else 1, loss_weights={"text_b": weight}, **PLAIN)
        before, problems = weights(model), ["text_a", "text_b"] if many else ["text_b"]
        *_, scalars = train_step.step_many(problems, [batch] * len(problems), 0)
        found[weight] = [old - new for old, new in zip(before, weights(model))], scalars
    by_text_b = [(of_4 - of_half) / 3.5 for of_4, of_half in zip(found[4.0][0], found[0.5][0])]
    assert norm(by_text_b) > 0.01
    for plain, half, one in zip(found[1.0][0], found[0.5][0], by_text_b):
        np.testing.assert_allclose(plain - half, 0.5 * one, atol=1e-6)
    for weight, (_, scalars) in found.items():
        assert float(scalars["loss"]) == float(found[1.0][1]["loss"])
        wanted = weight * float(scalars["loss"]) + float(scalars["activity"])
        assert float(scalars["objective"]) == pytest.approx(wanted)


def test_clipping_shortens_the_gradient_and_keeps_its_direction():
    batch = text_batch(3, 5)
    whole = changes(*make(**PLAIN)[:2], "text_a", batch, 0)
    limit = norm(whole) / 3
    clipped = changes(*make(clip_norm=limit, **PLAIN)[:2], "text_a", batch, 0)
    for long, short in zip(whole, clipped):
        np.testing.assert_allclose(long / 3, short, atol=1e-6)
    loose = changes(*make(clip_norm=limit * 9, **PLAIN)[:2], "text_a", batch, 0)
    for long, same in zip(whole, loose):
        np.testing.assert_allclose(long, same, atol=1e-7)


def test_the_door_of_another_problem_is_left_alone():
    train_step, model, optimizer = make(weight_decay=0.1)
    door = [v.name for v in model.trainable_variables].index("label_door")
    before = model.label_door.numpy()
    train_step.step("text_a", text_batch(2, 4), 0)
    np.testing.assert_array_equal(model.label_door.numpy(), before)
    assert optimizer.updates.numpy()[door] == 0 and not optimizer.first_moments[door].numpy().any()
    train_step.step("label", label_batch(2), 1)
    assert optimizer.updates.numpy()[door] == 1 and (model.label_door.numpy() != before).any()


def test_problems_lengths_and_batches_of_one_graph_share_one_trace():
    train_step, model, _ = make()
    for step, batch in enumerate([text_batch(2, 4), text_batch(3, 4), text_batch(2, 9)]):
        train_step.step("text_a", batch, step)
        train_step.step("text_b", batch, step)
    assert model.traces == 1
    train_step.step("label", label_batch(3), 9)
    assert model.traces == 2


def test_problems_of_one_graph_get_their_own_command():
    train_step, model, _ = make(**PLAIN)
    moved = [changes(train_step, model, problem, text_batch(2, 4), 0)[1] for problem in ("text_a", "text_b")]
    assert [np.flatnonzero(np.abs(rows).sum(-1)).tolist() for rows in moved] == [[0], [1]]


def test_randomness_is_a_function_of_seed_and_step():
    def losses(seed, steps):
        train_step, _, _ = make(seed=seed, dropout=True, learning_rate=0.0)
        return [float(train_step.step("text_a", text_batch(2, 8), step)["loss"]) for step in steps]
    assert losses(1, [5, 6]) == losses(1, [6, 5])[::-1]
    assert len({*losses(1, [5, 6]), *losses(2, [5, 6])}) == 4


def test_many_problems_a_step_use_the_average_gradient():
    problems = ["text_a", "label", "text_b"]
    batches = [text_batch(3, 5), label_batch(4), text_batch(2, 7, shift=1)]
    train_step, model, optimizer = make(problems_per_step=3, **PLAIN)
    for step in range(2):       # twice: the sums are empty again after a step
        gradients = [gradient_of(model, problem, batch) for problem, batch in zip(problems, batches)]
        wanted = [sum(parts) / 3 for parts in zip(*gradients)]
        before = weights(model)
        results = train_step.step_many(problems, batches, step)
        for old, new, gradient in zip(before, weights(model), wanted):
            np.testing.assert_allclose(old - new, gradient, atol=1e-6)
        assert [float(r["grad_norm"]) for r in results] == pytest.approx([norm(wanted)] * 3, rel=1e-5)
        assert [float(r["examples"]) for r in results] == [3, 4, 2]
    assert set(optimizer.updates.numpy()) == {2}
    with pytest.raises(ValueError, match="problems_per_step=3"):
        train_step.step_many(problems[:2], batches[:2], 2)


def test_of_many_problems_only_the_visited_doors_move():
    train_step, model, optimizer = make(problems_per_step=2)
    before = model.label_door.numpy()
    train_step.step_many(["text_a", "text_b"], [text_batch(2, 4)] * 2, 0)
    np.testing.assert_array_equal(model.label_door.numpy(), before)
    assert sorted(optimizer.updates.numpy()) == [0, 1, 1, 1, 1, 1]


@pytest.mark.parametrize("poison", [float("nan"), 3e38])
@pytest.mark.parametrize("many", [False, True])
def test_a_loss_that_is_not_finite_is_flagged_and_changes_nothing(poison, many):
    train_step, model, optimizer = make(problems_per_step=2 if many else 1, clip_norm=1.0, weight_decay=0.1)
    good, bad = text_batch(2, 4), label_batch(3)

    def take(step, second):
        if many:
            return [float(r["finite"]) for r in train_step.step_many(["text_a", second], [good, bad], step)]
        return [float(train_step.step(second, bad, step)["finite"])]
    take(0, "label")
    healthy = model.label_door.numpy()
    model.label_door.assign(np.full_like(healthy, poison))
    before = weights(model) + [v.numpy() for v in optimizer.variables]
    assert take(1, "label")[-1] == 0 and take(1, "label")[0] == (1 if many else 0)      # the other batch is not blamed
    for old, new in zip(before, weights(model) + [v.numpy() for v in optimizer.variables]):
        np.testing.assert_array_equal(old, new)
    model.label_door.assign(healthy)
    assert take(2, "label")[-1] == 1 and all(np.isfinite(w).all() for w in weights(model))


def test_a_loss_scale_does_not_change_the_update():
    batch = text_batch(3, 5)
    plain = changes(*make(**PLAIN)[:2], "text_a", batch, 0)
    scaled = changes(*make(mixed_precision="float16", **PLAIN)[:2], "text_a", batch, 0)
    for one, other in zip(plain, scaled):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_an_overflow_of_scaled_gradients_skips_the_update_and_halves_the_scale():
    train_step, model, optimizer = make(mixed_precision="float16")
    optimizer.loss_scale.scale.assign(3e38)
    before = weights(model)
    model.text_door.assign(1e3 * model.text_door)
    scaled = weights(model)
    scalars = train_step.step("text_a", {**text_batch(3, 5), "inputs": tf.ones([3, 5], tf.int32)}, 0)
    assert float(scalars["finite"]) == 1 and not np.isfinite(float(scalars["grad_norm"]))
    assert float(optimizer.loss_scale.scale) == pytest.approx(1.5e38)
    assert len(before) == len(scaled)
    for old, new in zip(scaled, weights(model)):
        np.testing.assert_array_equal(old, new)


def test_a_model_learns_and_the_learning_rate_is_the_schedules():
    train_step, _, _ = make(learning_rate=0.05, warmup_steps=10, clip_norm=1.0)
    scalars = [train_step.step("text_a", text_batch(2, 4), step) for step in range(60)]
    assert float(scalars[-1]["loss"]) < 0.6 * float(scalars[0]["loss"])
    rates = [float(s["learning_rate"]) for s in scalars[:11]]
    assert rates == pytest.approx([0.005 * t for t in range(1, 11)] + [0.05])
