"""Batches side by side give what they give one after the other; programs that do so share the cores."""

import itertools
import subprocess
import sys
import threading
import time

import pytest

from t2t_mm.cores import side_by_side


@pytest.mark.parametrize("count", (1, 2, 5))
def test_results_come_in_the_order_of_the_batches(count):
    def work(number):
        time.sleep(0.01 * (number % 3))
        return number * 10

    assert list(side_by_side(work, range(9), count)) == [number * 10 for number in range(9)]


def test_batches_are_worked_on_at_once_and_few_are_read_ahead():
    both, read = threading.Barrier(2, timeout=20), itertools.count()
    results = side_by_side(lambda number: both.wait() and number, (next(read) for _ in range(50)), 2)
    next(results)
    assert next(read) <= 4


def test_an_error_of_a_batch_is_the_callers():
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda number: 1 // number, (3, 0, 2), 2))


def test_a_core_is_a_batch_where_operations_share_the_cores():
    code = """
import os
from t2t_mm.cli.tensorflow_start import start_tensorflow
start_tensorflow(batches_at_once={})
from t2t_mm.cores import at_once
print(at_once(), min(len(os.sched_getaffinity(0)), 8))
"""
    for asked in (True, False):
        done = subprocess.run([sys.executable, "-c", code.format(asked)], capture_output=True, text=True, check=True)
        found, cores = map(int, done.stdout.split())
        assert found == (cores if asked else 1)
