"""One process and two: steps a second against ideal, and what adding gradients over loopback takes.

`python -m benchmarks.workers [--cases ...] [--quick]`. A batch of 32 × 32 tokens is one step's work in every setup, cut
into parts where there are several devices; so two cores are ideal if they take half the time of one. The processes of
all setups live at the same time and take turns, so that a slow minute meets all alike.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks.measure import Work, chosen, emit, measure_in_turn
from benchmarks.worker_process import CASES

EXAMPLES, LENGTH = 32, 32
FLOATS = (1, 2**22)  # sizes of the sums, beside that of the model's gradients: 4 bytes and 16 MiB


class Setup(NamedTuple):
    """A strategy, the cores of each process, and the examples of a batch."""

    strategy: str
    cores: tuple[str, ...]
    examples: int = EXAMPLES


SETUPS = {
    "one_core": Setup("none", ("0",)),
    "two_workers_one_core_each": Setup("multi_worker", ("0", "1")),
    "one_process_two_cores": Setup("none", ("0,1",)),
    "mirrored_two_logical_cpus": Setup("mirrored", ("0,1",)),
    "one_core_half_the_batch": Setup("none", ("0",), EXAMPLES // 2),  # what each of two workers computes
}
QUICK = ("one_core", "two_workers_one_core_each", "one_process_two_cores")


class Group:
    """The processes of a setup; `do` has all of them do one thing, and waits until it is done."""

    def __init__(self, case: str, setup: Setup):
        ports = [_free_port() for _ in setup.cores]
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        self._processes = []
        for index, cores in enumerate(setup.cores):
            config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
            environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "", "TF_CONFIG": config}
            if setup.strategy != "multi_worker":
                del environment["TF_CONFIG"]
            command = [sys.executable, "-m", "benchmarks.worker_process", case, setup.strategy, cores,
                       str(setup.examples)]
            self._processes.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                                    env=environment))

    def answer(self) -> str:
        """Waits until every process has answered a line, which is the same. RuntimeError if one has ended instead."""
        lines = [process.stdout.readline() for process in self._processes]
        if not all(lines):
            raise RuntimeError("A process of the benchmark ended early; what it said is above.")
        return lines[0]

    def do(self, command: str) -> None:
        for process in self._processes:
            print(command, file=process.stdin, flush=True)
        self.answer()

    def end(self) -> None:
        for process in self._processes:
            process.stdin.close()
        for process in self._processes:
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextlib.contextmanager
def groups(case: str, names: Sequence[str]) -> Iterator[tuple[dict[str, Group], int]]:
    """The processes of these setups, ready; and the number of parameters of the model."""
    started = {name: Group(case, SETUPS[name]) for name in names}
    try:
        parameters = {int(group.answer()) for group in started.values()}
        yield started, parameters.pop()
    finally:
        for group in started.values():
            group.end()


def run(case: str, names: Sequence[str], repeats: int) -> None:
    """Times the steps of the setups, then the sums; the last line compares them with ideal and with their parts."""
    with groups(case, names) as (started, parameters):
        steps = {f"{case}/{name}": (lambda group=group: group.do("step")) for name, group in started.items()}
        works = {f"{case}/{name}": Work(SETUPS[name].examples, SETUPS[name].examples * LENGTH) for name in names}
        lines = measure_in_turn(steps, works, repeats)
        one, pair = started["one_core"], started["two_workers_one_core_each"]
        products = measure_in_turn({f"{case}/product_on_{name}": (lambda group=group: group.do("matmul"))
                                    for name, group in (("one_core", one), ("each_of_two_cores", pair))}, None, repeats)
        sums = {f"{case}/sum_of_{4 * size}_bytes": (lambda size=size: pair.do(f"sum {size}"))
                for size in (parameters, *FLOATS)}
        summed = measure_in_turn(sums, repeats=repeats)
    _compare(case, {name: lines[f"{case}/{name}"]["ms"] for name in names}, _milliseconds(products),
             _milliseconds(summed)[0], 4 * parameters)


def _milliseconds(lines: dict[str, dict]) -> list[float]:
    return [line["ms"] for line in lines.values()]


def _compare(case: str, steps: dict[str, float], products: list[float], summed: float, size: int) -> None:
    """Speed-ups over one core: of the machine itself, which two products at once show, and of the steps.

    And the parts of a step of two workers: one on half the batch, and the sum of as many bytes as their gradients have.
    """
    whole = {name: ms for name, ms in steps.items() if SETUPS[name].examples == EXAMPLES}
    emit({"case": f"{case}/against_ideal", "ideal": 2.0, "of_two_products": round(2 * products[0] / products[1], 2),
          "steps_per_s": {name: round(1e3 / ms, 2) for name, ms in whole.items()},
          "speedup": {name: round(steps["one_core"] / ms, 2) for name, ms in whole.items()},
          "gradient_bytes": size, "sum_ms": summed, "half_step_ms": steps.get("one_core_half_the_batch"),
          "two_workers_ms": steps["two_workers_one_core_each"]})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="one case, three setups, 5 repeats")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.cases, arguments.repeats = arguments.cases or ["transformer_small"], min(arguments.repeats, 5)
    for case in chosen(CASES, arguments.cases):
        run(case, QUICK if arguments.quick else tuple(SETUPS), arguments.repeats)


if __name__ == "__main__":
    main()
