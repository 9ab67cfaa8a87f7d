"""One training and its evaluation, by the programs anybody has; killed, it goes on, and its result is one JSON file."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from experiments.pivot import pivot_bleu

BIN = Path(__file__).parents[1] / "bin"
RESULTS = Path(__file__).parent / "results"
STOP_GRACE = 60  # seconds that a trainer has to save when its time is up


@dataclasses.dataclass(frozen=True)
class Piece:
    """A run of t2t-trainer and what t2t-eval is asked about it.

    Attributes:
        name: of the run and of its result.
        problems: what it is trained on.
        steps: updates, of all problems together.
        model, hparams_set, hparams, seed: as the flags.
        asked: the problems evaluated, those never trained on included; default: those trained on.
        eval_interval: steps between evaluations on dev; 0: only at the end.
        beam_size: of the decoded measures.
        pivots: (problem never trained on, the two problems that lead there by way of a third language), ...
    """

    name: str
    problems: tuple[str, ...]
    steps: int
    model: str = "multimodel"
    hparams_set: str = "multimodel_tiny"
    hparams: str = ""
    seed: int = 1
    asked: tuple[str, ...] = ()
    eval_interval: int = 0
    beam_size: int = 4
    pivots: tuple[tuple[str, str, str], ...] = ()

    def train_command(self, data_dir: Path, runs: Path) -> list[str]:
        """The t2t-trainer command."""
        command = ["t2t-trainer", f"--problem={','.join(self.problems)}", f"--model={self.model}",
                   f"--hparams_set={self.hparams_set}", f"--seed={self.seed}", f"--train_steps={self.steps}",
                   f"--eval_interval={self.eval_interval or self.steps}",
                   f"--checkpoint_interval={min(500, self.steps)}", f"--data_dir={data_dir}",
                   f"--output_dir={runs / self.name}"]
        return command + ([f"--hparams={self.hparams}"] if self.hparams else [])

    def eval_command(self, runs: Path) -> list[str]:
        """The t2t-eval command."""
        return ["t2t-eval", f"--problem={','.join(self.asked or self.problems)}", f"--output_dir={runs / self.name}",
                "--split=test", f"--beam_size={self.beam_size}"]

    @property
    def result_path(self) -> Path:
        """Where the result is kept."""
        return RESULTS / f"{self.name}.json"

    def result(self) -> dict[str, Any] | None:
        """The result; None if there is none of exactly this piece."""
        try:
            result = json.loads(self.result_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return result if result["piece"] == json.loads(json.dumps(dataclasses.asdict(self))) else None

    def run(self, home: Path, tmp_dir: Path, in_time: Callable[[], bool]) -> bool:
        """Trains on where it was and evaluates; whether it was finished while `in_time`."""
        runs = home / "runs"
        runs.mkdir(parents=True, exist_ok=True)
        clock = Clock(runs / f"{self.name}.seconds.json")
        commands = {"train": self.train_command(home / "data", runs), "eval": self.eval_command(runs)}
        with (runs / f"{self.name}.log").open("a", encoding="utf-8") as log:
            for part, command in commands.items():
                if not clock.run(part, command, log, in_time):
                    return False
            pivots = {}
            for asked, *steps in self.pivots:
                pivots[asked] = pivot_bleu(
                    asked, tuple(steps), runs / self.name, tmp_dir, runs / self.name, self.beam_size,
                    lambda command: clock.run(f"pivot {command[2]} for {asked}", command, log, in_time))
                if pivots[asked] is None:
                    return False
        figures = json.loads((runs / self.name / "eval-test.json").read_text(encoding="utf-8"))
        RESULTS.mkdir(exist_ok=True)
        self.result_path.write_text(json.dumps({
            "piece": dataclasses.asdict(self), "commands": [" ".join(_portable(command, home))
                                                            for command in commands.values()],
            "cores": len(os.sched_getaffinity(0)), "gpus": gpus(), "seconds": clock.seconds, "figures": figures,
            "pivot_bleu": pivots,
        }, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return True


def gpus() -> list[str]:
    """The names of NVIDIA's GPUs that a program started here sees; asked without TensorFlow."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1") or not shutil.which("nvidia-smi"):
        return []
    told = subprocess.run(["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"], capture_output=True, text=True)
    return told.stdout.split("\n")[:-1] if told.returncode == 0 else []


class Clock:
    """The seconds that each part of a piece took, over all times that it was started."""

    def __init__(self, path: Path):
        self._path = path
        state = json.loads(path.read_text()) if path.exists() else {"seconds": {}, "done": []}
        self.seconds, self._done = state["seconds"], state["done"]

    def run(self, part: str, command: list[str], log: Any, in_time: Callable[[], bool]) -> bool:
        """Whether a program has come to its end, now or before; interrupted when it is no longer in time: it saves.

        SystemExit if it fails.
        """
        if part in self._done:
            return True
        before, start = self.seconds.get(part, 0.0), time.monotonic()
        line = [sys.executable, str(BIN / command[0]), *command[1:]]
        with subprocess.Popen(line, stdout=log, stderr=log, env={"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ}) as program:
            while program.poll() is None and in_time():
                time.sleep(2)
                self._keep(part, before + time.monotonic() - start)
            if program.poll() is None:
                program.send_signal(signal.SIGINT)
                try:
                    program.wait(STOP_GRACE)
                except subprocess.TimeoutExpired:
                    program.kill()
                self._keep(part, before + time.monotonic() - start)
                return False
        if program.returncode:
            raise SystemExit(f"{command[0]} failed (status {program.returncode}); its words are in {log.name}.")
        self._done.append(part)
        self._keep(part, before + time.monotonic() - start)
        return True

    def _keep(self, part: str, seconds: float) -> None:
        self.seconds[part] = round(seconds, 1)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({"seconds": self.seconds, "done": self._done}))
        partial.replace(self._path)


def _portable(command: list[str], home: Path) -> list[str]:
    """The command without the folder it was run in."""
    return [part.replace(f"{home}/", "") for part in command]
