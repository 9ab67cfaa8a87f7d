"""The mixture of experts against computing every expert for every token, and the laws of its gate and its cost."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import placed, scattered, sequence

from t2t_mm.layers.compiling import compiling
from t2t_mm.layers.dispatch import Slots
from t2t_mm.layers.experts import MixtureOfExperts, NoisyTopKGate, squared_variation
from t2t_mm.layers.randomness import normal, seeded
from t2t_mm.layers.side_outputs import collect_side_outputs

D, F, E, K = 6, 10, 5, 2
SEED = [7, 11]


def make(capacity_factor=1.5, experts=E, chosen=K):
    layer = MixtureOfExperts(D, F, experts, chosen, capacity_factor=capacity_factor, name="moe")
    layer(sequence(1, 2, 0, D))
    return scattered(layer, scale=0.5)


def noise_of(count, experts=E):
    """The normal numbers that the gate draws in the context `seeded(SEED)`."""
    with seeded(SEED):
        return normal((count, experts)).numpy()


def softplus(x):
    return np.log1p(np.exp(x))


def all_experts(layer, x, noise=None):
    """Chosen experts [N, k], gates [N, E] and the results of all experts for all tokens [N, E, D], in numpy."""
    h = x @ layer.gate.clean.kernel.numpy()
    if noise is not None:
        h = h + noise * (softplus(x @ layer.gate.spread.kernel.numpy()) + 1e-2)
    chosen = np.argsort(-h, axis=1)[:, :K]
    kept = np.exp(np.take_along_axis(h, chosen, 1))
    gates = np.zeros_like(h)
    np.put_along_axis(gates, chosen, kept / kept.sum(1, keepdims=True), 1)
    hidden = np.maximum(np.einsum("nd,edf->nef", x, layer.rise.numpy()), 0)
    return chosen, gates, np.einsum("nef,efd->ned", hidden, layer.fall.numpy())


@pytest.mark.parametrize("training", [False, True])
def test_with_room_for_all_it_is_the_sum_over_all_experts(training):
    layer, x = make(capacity_factor=E / K), sequence(3, 7, 1, D)
    with seeded(SEED), collect_side_outputs() as side:
        y = layer(x, training=training).numpy()
    rows = x.numpy().reshape(-1, D)
    _, gates, results = all_experts(layer, rows, noise_of(21) if training else None)
    np.testing.assert_allclose(y.reshape(-1, D), np.einsum("ne,ned->nd", gates, results), rtol=1e-4, atol=1e-5)
    assert side.statistics["moe/dropped"] == 0
    np.testing.assert_allclose(side.statistics["moe/expert_importance"], gates.sum(0) / 21, atol=1e-5)
    np.testing.assert_allclose(side.statistics["moe/expert_load"], (gates > 0).sum(0) / 21 / K, atol=1e-6)


def test_evaluation_drops_nothing_even_if_all_choose_one_expert():
    layer = make(capacity_factor=0.1)
    x = tf.tile(sequence(1, 1, 1, D), [2, 9, 1])
    y = layer(x).numpy()
    _, gates, results = all_experts(layer, x.numpy().reshape(-1, D))
    np.testing.assert_allclose(y.reshape(-1, D), np.einsum("ne,ned->nd", gates, results), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("capacity_factor", [0.2, 0.5, 1.0])
def test_a_full_expert_drops_its_latest_tokens_and_says_so(capacity_factor):
    layer, x = make(capacity_factor), sequence(2, 8, 1, D)
    with seeded(SEED), collect_side_outputs() as side:
        y = layer(x, training=True).numpy()
    chosen, gates, results = all_experts(layer, x.numpy().reshape(-1, D), noise_of(16))
    slots = placed(chosen, E, int(np.ceil(capacity_factor * 16 * K / E)))
    wanted = np.zeros((16, D))
    for (token, choice), expert in np.ndenumerate(chosen):
        wanted[token] += (slots[token, choice] >= 0) * gates[token, expert] * results[token, expert]
    np.testing.assert_allclose(y.reshape(-1, D), wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(side.statistics["moe/dropped"], (slots < 0).mean(), atol=1e-6)
    assert (slots < 0).any() or capacity_factor == 1.0


def test_padding_takes_no_slot_and_no_part_in_the_balance():
    """The first half of the tokens is padding, so that any slot it took would be missed by the second."""
    layer, x = make(capacity_factor=0.6), sequence(1, 20, 1, D)
    presence = tf.concat([tf.zeros([1, 10]), tf.ones([1, 10])], 1)
    with seeded(SEED), collect_side_outputs() as side:
        y = layer(x, presence=presence, training=True).numpy()[0]
    assert (y[:10] == 0).all()
    chosen, gates, results = all_experts(layer, x.numpy()[0], noise_of(20))
    slots = placed(chosen[10:], E, int(np.ceil(0.6 * 20 * K / E)))
    kept = np.take_along_axis(gates[10:], chosen[10:], 1) * (slots >= 0)
    wanted = np.einsum("nk,nkd->nd", kept, np.take_along_axis(results[10:], chosen[10:, :, None], 1))
    np.testing.assert_allclose(y[10:], wanted, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(side.statistics["moe/dropped"], (slots < 0).mean(), atol=1e-6)
    np.testing.assert_allclose(side.statistics["moe/expert_importance"], gates[10:].mean(0), atol=1e-5)


def test_nothing_but_padding_is_zero_and_finite():
    with seeded(SEED), collect_side_outputs() as side:
        y = make()(sequence(1, 4, 1, D), presence=tf.zeros([1, 4]), training=True)
    assert (y.numpy() == 0).all()
    assert all(np.isfinite(value).all() for value in (*side.losses.values(), *side.statistics.values()))


@pytest.mark.parametrize("compiled", [False, True])
def test_evaluation_drops_nothing_however_many_rounds_it_takes(compiled):
    """One token 60 times over: two experts' slots are filled again and again, those of the others stay empty."""
    layer, x = make(capacity_factor=0.1), tf.tile(sequence(1, 1, 1, D), [2, 30, 1])
    presence = tf.concat([tf.ones([2, 29]), tf.zeros([2, 1])], 1)
    with collect_side_outputs() as side, compiling(compiled):
        y = tf.function(lambda x: layer(x, presence=presence), jit_compile=compiled, autograph=False)(x).numpy()
    assert "moe/dropped" in side.statistics
    _, gates, results = all_experts(layer, x.numpy().reshape(-1, D))
    wanted = np.einsum("ne,ned->nd", gates, results).reshape(2, 30, D) * presence.numpy()[..., None]
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)


def gate_of(experts=6, chosen=2):
    gate = NoisyTopKGate(experts, chosen)
    gate(sequence(1, 2, 0, D)[0], tf.ones([2]))
    return scattered(gate, 5, 0.7)


def test_the_load_is_the_chance_of_being_chosen_by_fresh_noise():
    """Expert by expert: its own noise drawn anew 40 000 times, that of the others as it was."""
    gate, x = gate_of(), sequence(1, 3, 1, D)[0]
    with seeded(SEED):
        load = gate(x, tf.constant([1.0, 1.0, 0.0]), training=True).load.numpy()
    clean, spread = x.numpy() @ gate.clean.kernel.numpy(), softplus(x.numpy() @ gate.spread.kernel.numpy()) + 1e-2
    noisy = clean + noise_of(3, 6) * spread
    fresh = np.random.default_rng(0).normal(size=(40_000, 6))
    wanted = np.zeros(6)
    for token in (0, 1):
        for i in range(6):
            second_of_others = np.sort(np.delete(noisy[token], i))[-2]
            wanted[i] += (clean[token, i] + fresh[:, i] * spread[token, i] > second_of_others).mean()
    np.testing.assert_allclose(load, wanted, atol=0.02)


def test_the_load_counts_choices_on_average_and_exactly_without_noise():
    gate, x = gate_of(), tf.tile(sequence(1, 1, 1, D)[0], [6000, 1])
    with seeded(SEED):
        noisy = gate(x, tf.ones([6000]), training=True)
    frequency = np.bincount(noisy.chosen.numpy().ravel(), minlength=6) / 6000
    np.testing.assert_allclose(noisy.load.numpy() / 6000, frequency, atol=0.03)
    calm = gate(x, tf.ones([6000]))
    np.testing.assert_array_equal(calm.load, np.bincount(calm.chosen.numpy().ravel(), minlength=6))


def test_gates_are_a_softmax_over_the_chosen_and_padding_chooses_no_expert():
    gate, x = gate_of(), sequence(1, 8, 1, D)[0]
    presence = tf.constant([1.0] * 5 + [0.0] * 3)
    gates = gate(x, presence)
    np.testing.assert_allclose(tf.reduce_sum(gates.weights, 1), presence, atol=1e-6)
    assert (gates.chosen.numpy()[5:] == 6).all() and (gates.chosen.numpy()[:5] < 6).all()
    np.testing.assert_allclose(tf.reduce_sum(gates.importance), 5, atol=1e-5)


def test_balance_is_the_squared_variation_of_importance_and_load():
    values = np.array([1.0, 4.0, 2.5, 0.5])
    np.testing.assert_allclose(squared_variation(tf.constant(values)), values.var() / values.mean() ** 2, rtol=1e-5)
    assert squared_variation(tf.fill([7], 3.0)) == 0
    layer, x = make(), sequence(2, 8, 1, D)
    with collect_side_outputs() as side, seeded(SEED):
        layer(x, training=True)
    with seeded(SEED):
        gates = layer.gate(tf.reshape(x, (-1, D)), tf.ones([16]), training=True)
    wanted = 0.01 * (squared_variation(gates.importance) + squared_variation(gates.load))
    np.testing.assert_allclose(side.losses["moe/balance"], wanted, rtol=1e-4)


def test_all_experts_may_work_on_a_token():
    for experts, chosen in ((3, 3), (2, 4)):
        layer, x = make(10.0, experts, chosen), sequence(1, 5, 1, D)
        with seeded(SEED), collect_side_outputs() as side:
            y = layer(x, training=True)
        assert np.isfinite(y).all() and np.abs(y).max() > 0 and side.statistics["moe/dropped"] == 0


def spy_on_slots(monkeypatch):
    """Number of experts → the shape of their slots [E, C, D], the last time they were filled."""
    shapes, dispatch = {}, Slots.dispatch

    def spy(self, x):
        slots = dispatch(self, x)
        shapes[slots.shape[0]] = slots.shape
        return slots

    monkeypatch.setattr(Slots, "dispatch", spy)
    return shapes


@pytest.mark.parametrize("count, slots", [(60, 39), (1, 1)])  # 120 choices: 24 an expert, and three deviations
def test_compiled_evaluation_has_slots_for_random_choices(count, slots, monkeypatch):
    shapes, layer = spy_on_slots(monkeypatch), make()
    with compiling():
        layer(sequence(1, count, 1, D))
    assert shapes[E][1] == slots


def test_the_work_does_not_grow_with_the_number_of_experts(monkeypatch):
    """The slots of all experts together, each a multiplication by one expert, are N·k times the capacity factor."""
    shapes = spy_on_slots(monkeypatch)
    for experts in (8, 60, 240):
        with seeded(SEED):
            make(1.5, experts, 4)(sequence(2, 120, 1, D), training=True)
    for experts in (8, 60, 240):
        assert shapes[experts][0] * shapes[experts][1] <= 1.5 * 240 * 4 + experts
    assert shapes[240][0] * shapes[240][1] <= 1.3 * shapes[8][0] * shapes[8][1]


def test_training_noise_follows_the_seed_alone():
    layer, x = make(), sequence(2, 6, 1, D)
    results = []
    for seed in ([1, 2], [1, 2], [1, 3]):
        with seeded(seed):
            results.append(layer(x, training=True).numpy())
    np.testing.assert_array_equal(results[0], results[1])
    assert np.abs(results[0] - results[2]).max() > 1e-3
