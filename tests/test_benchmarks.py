"""What the benchmarks count and print."""

import json

import keras
import pytest
import tensorflow as tf

from benchmarks import layers, train_step
from benchmarks.flops import forward_flops, training_flops
from benchmarks.measure import Work, chosen, measure_in_turn
from benchmarks.table import markdown


def test_products_and_convolutions_are_counted_wherever_they_are():
    weights, kernel = tf.ones([4, 5]), tf.ones([3, 3, 2, 7])

    def product(x):  # also inside a custom gradient
        return keras.ops.custom_gradient(lambda x: (x @ weights, lambda dy: dy @ tf.transpose(weights)))(x)

    assert forward_flops(product, tf.ones([3, 4])) == 2 * 3 * 4 * 5
    assert training_flops(lambda x: tf.matmul(x, x), tf.ones([6, 2, 2])) == 3 * 6 * 2 * 2 * 2 * 2
    picture = tf.ones([1, 8, 8, 2])
    assert forward_flops(lambda x: tf.nn.conv2d(x, kernel, 2, "SAME"), picture) == 2 * 4 * 4 * 7 * 3 * 3 * 2
    assert forward_flops(lambda x: tf.nn.relu(x) + 1, picture) == 0


def test_an_open_shape_cannot_be_counted():
    with pytest.raises(ValueError, match="open shape"):
        forward_flops(lambda x: tf.matmul(x, tf.ones([4, 5])), tf.TensorSpec([None, 4]))


def test_a_line_says_what_was_done_in_which_time_and_at_which_share(capsys):
    calls = []
    functions = {case: lambda case=case: calls.append(case) for case in ("one", "two")}
    measure_in_turn(functions, {"one": Work(examples=4, tokens=8, flops=1e6)}, repeats=3, warm_up=1)
    assert calls == ["one", "two"] * 4  # in turn, the first round to warm up
    one, two = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert one["case"] == "one" and one["ms_min"] <= one["ms"] <= one["ms_max"] and one["repeats"] == 3
    assert {"examples_per_s", "target_tokens_per_s", "gflop", "share_of_matmul_rate", "matmul_gflop_per_s"} <= set(one)
    assert "gflop" not in two
    table = markdown([{"benchmark": "b", **one}, {"case": "b", "error": "no memory"}]).splitlines()
    assert len(table) == 4 and "| b | one |" in table[2] and "no memory" in table[3]


def test_cases_are_chosen_by_a_part_of_their_name():
    assert chosen(train_step.CASES, ["small"]) == ["transformer_small", "multimodel_small"]
    assert chosen(layers.GROUPS, []) == list(layers.GROUPS)
    with pytest.raises(SystemExit, match="transformer_base"):
        chosen(train_step.CASES, ["nothing"])
    assert set(train_step.QUICK) <= set(train_step.CASES)
