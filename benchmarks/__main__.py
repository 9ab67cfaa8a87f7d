"""All benchmarks one after another, each in a process of its own: `python -m benchmarks [--full] [NAME ...]`.

Lines of JSON go to standard output and to bench.jsonl as they come; a table follows at the end. Quick, all of them take
five to eight minutes; --full has more cases and repeats. Nothing else should run on the machine meanwhile.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.measure import chosen, note
from benchmarks.table import markdown

NAMES = ("train_step", "layers", "decoding", "xla", "launch", "input_pipeline", "datagen", "memory", "workers",
         "scorers")
RESULTS = Path("bench.jsonl")
LONGEST = 1200  # seconds a benchmark may take


def run(name: str, full: bool) -> list[dict[str, object]]:
    """The lines of one benchmark; a line with an "error" if it failed or took too long."""
    command = [sys.executable, "-m", f"benchmarks.{name}", *([] if full else ["--quick"])]
    environment = {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=LONGEST)
        failure = done.stderr.strip().splitlines()[-1:] if done.returncode else []
    except subprocess.TimeoutExpired:
        return [{"case": name, "error": f"took longer than {LONGEST} s"}]
    lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return lines + [{"case": name, "error": reason} for reason in failure]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(NAMES)}; default: all")
    parser.add_argument("--full", action="store_true", help="all cases and repeats: about half an hour")
    arguments = parser.parse_args()
    found = []
    with RESULTS.open("w") as results:
        for name in chosen(NAMES, arguments.names):
            start = time.monotonic()
            for line in run(name, arguments.full):
                found.append({"benchmark": name, **line})
                print(json.dumps(found[-1]), file=results, flush=True)
                print(json.dumps(found[-1]), flush=True)
            note(f"{name}: {time.monotonic() - start:.0f} s")
    note(f"\n{markdown(found)}\nThe lines are in {RESULTS}.")


if __name__ == "__main__":
    main()
