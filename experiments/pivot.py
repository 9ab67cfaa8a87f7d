"""Translation by way of a third language: one model's output is its next input."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from t2t_mm import registry
from t2t_mm.metrics.corpus import corpus_metric

Run = Callable[[list[str]], bool]  # a program with its flags → whether it came to its end in time


def pivot_bleu(asked: str, steps: tuple[str, str], output_dir: Path, tmp_dir: Path, folder: Path, beam_size: int,
               run: Run) -> float | None:
    """BLEU of the test split of `asked`, translated by the problems `steps` one after the other; None: out of time.

    `run` starts t2t-decoder; what it writes goes to `folder`.
    """
    samples = list(registry.problem(asked).generate("test", str(tmp_dir)))
    source = folder / f"{asked}.0.txt"
    source.write_text("".join(f"{sample['inputs']}\n" for sample in samples), encoding="utf-8")
    for number, problem in enumerate(steps, start=1):
        target = folder / f"{asked}.{number}.txt"
        command = ["t2t-decoder", f"--output_dir={output_dir}", f"--problem={problem}", f"--beam_size={beam_size}",
                   f"--decode_from_file={source}", f"--decode_to_file={target}"]
        if not run(command):
            return None
        source = target
    hypotheses = source.read_text(encoding="utf-8").split("\n")[:-1]
    return corpus_metric("bleu", hypotheses, [[sample["targets"]] for sample in samples])["bleu"]
