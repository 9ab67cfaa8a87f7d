"""Scorers of decoded text on synthetic corpora: items a second, memory. `python -m benchmarks.scorers [--cases ...]`.

An item has one reference, or five for the caption measures; sentences have 5 to 20 words of a vocabulary of 5,000, of
which hypotheses share some three quarters with their (first) reference; trees have 23 words, the median of the WSJ.
"""

from __future__ import annotations

import argparse
import random
import tracemalloc
from collections.abc import Callable

from benchmarks.measure import Work, chosen, measure_in_turn
from t2t_mm.metrics.corpus import corpus_metric, metric_names

VOCABULARY = [f"w{number}" for number in range(5000)]
FREQUENCIES = [1 / rank for rank in range(1, 5001)]
CAPTIONS = ("caption_bleu", "rouge_l", "cider_d")
WORDS_OF_A_TREE = 23


def sentences(items: int, several: int) -> tuple[list[str], list[list[str]]]:
    """Hypotheses, and `several` references of each."""
    rng = random.Random(1)

    def sentence() -> list[str]:
        return rng.choices(VOCABULARY, FREQUENCIES, k=rng.randint(5, 20))

    def changed(words: list[str]) -> list[str]:
        return [word if rng.random() < 0.75 else rng.choice(VOCABULARY) for word in words]

    first = [sentence() for _ in range(items)]
    references = [[" ".join(words), *(" ".join(changed(words)) for _ in range(several - 1))] for words in first]
    return [" ".join(changed(words)) for words in first], references


def trees(items: int) -> tuple[list[str], list[list[str]]]:
    """Random binary trees over the same words, and one reference of each."""
    rng = random.Random(1)

    def tree(words: list[str]) -> str:
        if len(words) == 1:
            return f"(NN {words[0]})"
        cut = rng.randrange(1, len(words))
        return f"({rng.choice(('NP', 'VP', 'PP'))} {tree(words[:cut])} {tree(words[cut:])})"

    leaves = [rng.choices(VOCABULARY, k=WORDS_OF_A_TREE) for _ in range(items)]
    return [tree(words) for words in leaves], [[tree(words)] for words in leaves]


def prepared(name: str, items: int) -> tuple[Callable[[], object], dict[str, object]]:
    """A call of a metric, and what its line says besides: `peak_mib` is what it holds at most beyond the texts."""
    several = 5 if name in CAPTIONS else 1
    hypotheses, references = trees(items) if name == "brackets" else sentences(items, several)
    tracemalloc.start()
    corpus_metric(name, hypotheses, references)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return (lambda: corpus_metric(name, hypotheses, references),
            {"items": items, "references_each": several, "peak_mib": round(peak / 2**20, 1)})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", nargs="*", default=[], help="words that their names contain; default: all")
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="500 items, 3 repeats")
    arguments = parser.parse_args()
    items, repeats = (500, 3) if arguments.quick else (arguments.items, arguments.repeats)
    cases = {name: prepared(name, items) for name in chosen(metric_names(), arguments.cases)}
    calls, extras = ({name: case[k] for name, case in cases.items()} for k in (0, 1))
    measure_in_turn(calls, dict.fromkeys(cases, Work(examples=items)), repeats, warm_up=0, extras=extras)


if __name__ == "__main__":
    main()
