"""Batches side by side: on a CPU each core works on one of its own, which costs less than sharing every product.

A step of decoding is many small operations between products too thin for several cores: two batches of 32 sentences, a
thread each, are decoded 1.4 to 1.8 times as fast on two cores as one after the other (benchmarks/decoding.py).
"""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import tensorflow as tf

MOST = 8  # batches at once: each has its own state in memory


def share_cores() -> None:
    """Gives each operation one thread, or an even share of more than MOST cores, so that batches go side by side.

    Not where there is a GPU. Call it before TensorFlow's first operation; after that, or with TF_NUM_INTRAOP_THREADS
    set, it changes nothing.
    """
    if "TF_NUM_INTRAOP_THREADS" not in os.environ and not tf.config.list_physical_devices("GPU"):
        try:
            tf.config.threading.set_intra_op_parallelism_threads(max(1, _cores() // MOST))
        except RuntimeError:  # TensorFlow has begun
            pass


def at_once() -> int:
    """How many batches this process works on at once: as many as there are cores for the threads of one operation."""
    threads = tf.config.threading.get_intra_op_parallelism_threads()  # 0: all cores
    if not threads or tf.config.list_physical_devices("GPU"):
        return 1
    return max(1, min(_cores() // threads, MOST))


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def side_by_side(work: Callable[[Any], Any], batches: Iterable[Any], count: int = 0) -> Iterator[Any]:
    """What `work` makes of each batch, in their order; few are read ahead. count: at once; 0: `at_once()`."""
    count = count or at_once()
    if count == 1:
        yield from map(work, batches)
        return
    with ThreadPoolExecutor(count) as threads:
        begun = deque()
        for batch in batches:
            begun.append(threads.submit(work, batch))
            if len(begun) > count:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
