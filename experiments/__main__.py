"""Runs the trainings of the pages that are not done yet: `python -m experiments [PAGE ...]`.

One after another on all cores, or several at once with cores of their own. Stopped or out of time, the same command
goes on. Data, runs and logs lie in --home, results in experiments/results.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from experiments.page import write_tables
from experiments.piece import BIN, Piece
from experiments.pieces import EIGHT, PAGES, UNSEEN
from t2t_mm.errors import did_you_mean


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pages", nargs="*", help=f"of {', '.join(PAGES)}; default: all")
    parser.add_argument("--home", type=Path, default=Path("experiments_home"), help="gets data, runs and logs")
    parser.add_argument("--tmp_dir", type=Path, help="has multi30k/, flickr8k_coco/, fsdd/, ...")
    parser.add_argument("--minutes", type=float, default=600, help="stop after so long")
    parser.add_argument("--at_once", type=int, default=1, help="trainings at once, which share the cores")
    parser.add_argument("--only", default="", help="words that the names of the trainings contain")
    parser.add_argument("--tables", action="store_true", help="train nothing, only write the tables of the results")
    arguments = parser.parse_args()
    for page in arguments.pages:
        if page not in PAGES:
            parser.error(f"there is no page {page!r}.{did_you_mean(page, PAGES)} There are {', '.join(PAGES)}")
    if arguments.tables:
        _tell_tables()
        return
    if arguments.tmp_dir is None:
        parser.error("--tmp_dir is missing: the folder of the open sets (experiments/README.md)")
    pieces = dict.fromkeys(piece for page in arguments.pages or PAGES for piece in PAGES[page]
                           if arguments.only in piece.name)
    deadline = time.monotonic() + 60 * arguments.minutes
    generate(arguments.home, arguments.tmp_dir)
    interrupted = threading.Event()

    def in_time() -> bool:
        return time.monotonic() < deadline and not interrupted.is_set()

    def run(piece: Piece) -> None:
        print(f"{piece.name}: its log is {arguments.home / 'runs' / piece.name}.log ...", flush=True)
        print(f"{piece.name}: {_state(piece, arguments, in_time)}", flush=True)

    with _workers(arguments.at_once) as threads:
        try:
            for done in [threads.submit(run, piece) for piece in pieces]:
                done.result()
        except BaseException:
            interrupted.set()
            raise
    _tell_tables()


def _workers(count: int) -> ThreadPoolExecutor:
    """So many threads, each with cores of its own, which the programs that it starts inherit."""
    cores = sorted(os.sched_getaffinity(0))
    shares = iter([cores[k::count] or cores for k in range(count)])
    return ThreadPoolExecutor(count, initializer=lambda: os.sched_setaffinity(0, next(shares)))


def _tell_tables() -> None:
    print("Pages changed:", ", ".join(map(str, write_tables())) or "none")


def generate(home: Path, tmp_dir: Path) -> None:
    """The data of all pages, with one vocabulary."""
    subprocess.run([sys.executable, str(BIN / "t2t-datagen"), f"--problem={','.join((*EIGHT, *UNSEEN))}",
                    f"--data_dir={home / 'data'}", f"--tmp_dir={tmp_dir}"], check=True)


def _state(piece: Piece, arguments: argparse.Namespace, in_time: Callable[[], bool]) -> str:
    """What became of a piece."""
    if piece.result():
        return "was done before"
    if not in_time():
        return "not begun: no time"
    finished = piece.run(arguments.home, arguments.tmp_dir, in_time)
    return f"done: {piece.result_path}" if finished else "stopped; the same command goes on"


if __name__ == "__main__":
    main()
