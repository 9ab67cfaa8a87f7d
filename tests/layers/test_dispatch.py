"""The ways to the experts and back: the slots and rows are those of a plain loop over the choices."""

import numpy as np
import pytest
import tensorflow as tf
from layer_cases import placed, sequence

from t2t_mm.layers.dispatch import Groups, Slots

D, E, K = 6, 5, 2


@pytest.mark.parametrize("padding", [0.0, 0.3, 1.0])
def test_groups_are_the_rows_of_each_expert_and_go_back_to_their_tokens(padding):
    rng = np.random.default_rng(4)
    chosen = np.stack([rng.permutation(E - 1)[:K] for _ in range(11)])  # no one wants the last
    chosen[rng.random(11) < padding] = E
    groups, x, weights = Groups(tf.constant(chosen, tf.int32), E), sequence(1, 11, 1, D)[0], sequence(1, 11, 2, K)[0]
    rows = groups.dispatch(x)
    for expert in range(E):
        np.testing.assert_array_equal(rows[expert], x.numpy()[np.nonzero(chosen == expert)[0]])
    y = groups.collect([(1 + i) * each for i, each in enumerate(rows)], weights)
    shares = np.where(chosen < E, (1 + chosen) * weights.numpy(), 0).sum(1, keepdims=True)
    np.testing.assert_allclose(y, shares * x.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("capacity", [1, 3, 13])
def test_slots_are_given_in_the_order_of_tokens_round_after_round(seed, capacity):
    rng = np.random.default_rng(seed)
    chosen = np.stack([rng.permutation(E)[:K] for _ in range(13)])
    chosen[rng.random(13) < 0.3] = E  # padding
    groups = Groups(tf.constant(chosen, tf.int32), E)
    slots, sizes = Slots(groups, capacity), np.bincount(chosen.ravel(), minlength=E)[:E]
    np.testing.assert_array_equal(groups.sizes, sizes)
    assert slots.rounds == -(-max(sizes) // capacity)
    left = chosen.copy()  # the choices that no round before has placed
    for number in range(int(slots.rounds)):
        now, wanted = slots.round(number), placed(left, E, capacity)
        np.testing.assert_array_equal(now.kept, wanted >= 0)
        np.testing.assert_array_equal(now.slot.numpy()[wanted >= 0], wanted[wanted >= 0])
        choice = np.full(E * capacity, -1)
        for (row, number_of_choice), slot in np.ndenumerate(wanted):
            if slot >= 0:
                choice[slot] = row * K + number_of_choice
        np.testing.assert_array_equal(now.filled, choice >= 0)
        np.testing.assert_array_equal(now.choice.numpy()[choice >= 0], choice[choice >= 0])
        left = np.where(wanted < 0, left, E)
    assert (left == E).all()


@pytest.mark.parametrize("capacity", [2, 9])
def test_gathers_and_their_gradients_are_those_of_matrix_products(capacity):
    rng = np.random.default_rng(3)
    chosen = np.stack([rng.permutation(E)[:K] for _ in range(9)])
    chosen[4] = E
    where = placed(chosen, E, capacity)
    slots = Slots(Groups(tf.constant(chosen, tf.int32), E), capacity)
    choice_to_slot = tf.constant((where[..., None] == np.arange(E * capacity)).astype("float32"))  # [N, k, E·C]
    filled = tf.reshape(slots.filled, (E, capacity, 1))
    x, y = sequence(1, 9, 1, D)[0], sequence(E, capacity, 2, D)
    weights = sequence(1, 9, 3, K)[0]

    def dispatch(x):
        return tf.reshape(tf.einsum("nks,nd->sd", choice_to_slot, x), (E, capacity, D))

    def collect(y, weights):
        return tf.einsum("nks,sd,nk->nd", choice_to_slot, tf.reshape(y, (-1, D)), weights)

    pairs = [(lambda x: slots.dispatch(x) * filled, dispatch, [x]), (slots.collect, collect, [y, weights])]
    for ours, naive, values in pairs:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(values)
            one, other = ours(*values), naive(*values)
            losses = tf.reduce_sum(tf.sin(one)), tf.reduce_sum(tf.sin(other))
        np.testing.assert_allclose(one, other, atol=1e-6)
        for mine, wanted in zip(*(tape.gradient(loss, values) for loss in losses), strict=True):
            np.testing.assert_allclose(mine, wanted, atol=1e-5)
