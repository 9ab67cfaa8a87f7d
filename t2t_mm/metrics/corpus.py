"""Corpus metrics of decoded text against references: BLEU, chrF, word and character error rate, exact match."""

from collections.abc import Callable, Sequence

from t2t_mm.errors import UserError, did_you_mean

Measures = dict[str, float | str]


def corpus_metric(name: str, hypotheses: Sequence[str], references: Sequence[str]) -> Measures:
    """The metric `name` of a corpus, one reference per hypothesis, in the same order.

    "bleu" and "chrf" are 0 to 100 and come with sacrebleu's signature as "bleu_signature", "chrf_signature".
    "wer" and "cer" are errors per reference word or character: 0 is perfect, above 1 is possible.
    "accuracy" (of classes) and "exact_match" are shares, 0 to 1. Raises UserError for an unknown name, for no
    examples, or for unequal numbers of them.
    """
    if name not in _METRICS:
        raise UserError(f"There is no corpus metric {name!r}.{did_you_mean(name, _METRICS)} "
                        f"There are: {', '.join(metric_names())}.")
    if len(hypotheses) != len(references):
        raise UserError(f"{name} needs one hypothesis per reference; got {len(hypotheses)} hypotheses and "
                        f"{len(references)} references. Give both files the same number of lines.")
    if not references:
        raise UserError(f"{name} of no examples does not exist. Decode at least one example.")
    return _METRICS[name](list(hypotheses), list(references))


def metric_names() -> tuple[str, ...]:
    """The names that `corpus_metric` knows, sorted."""
    return tuple(sorted(_METRICS))


def _bleu(hypotheses: list[str], references: list[str]) -> Measures:
    """Papineni et al. 2002 (ACL P02-1040), as sacrebleu computes it (Post 2018, arXiv:1804.08771)."""
    from sacrebleu.metrics import BLEU

    return _sacrebleu("bleu", BLEU(), hypotheses, references)


def _chrf(hypotheses: list[str], references: list[str]) -> Measures:
    """Popović 2015 (ACL W15-3049): F2 of character n-grams."""
    from sacrebleu.metrics import CHRF

    return _sacrebleu("chrf", CHRF(), hypotheses, references)


def _sacrebleu(name: str, metric, hypotheses: list[str], references: list[str]) -> Measures:
    score = metric.corpus_score(hypotheses, [references]).score
    return {name: float(score), f"{name}_signature": str(metric.get_signature())}


def _word_error_rate(hypotheses: list[str], references: list[str]) -> Measures:
    import jiwer

    return {"wer": _error_rate(jiwer.process_words(references, hypotheses))}


def _character_error_rate(hypotheses: list[str], references: list[str]) -> Measures:
    import jiwer

    return {"cer": _error_rate(jiwer.process_characters(references, hypotheses))}


def _error_rate(counted) -> float:
    """Edits per reference unit; an empty corpus of references counts as one unit, so that insertions still show."""
    edits = counted.substitutions + counted.deletions + counted.insertions
    return edits / max(counted.hits + counted.substitutions + counted.deletions, 1)


def _share_equal(hypotheses: list[str], references: list[str]) -> float:
    return sum(h.strip() == r.strip() for h, r in zip(hypotheses, references, strict=True)) / len(references)


_METRICS: dict[str, Callable[[list[str], list[str]], Measures]] = {
    "bleu": _bleu,
    "chrf": _chrf,
    "wer": _word_error_rate,
    "cer": _character_error_rate,
    "accuracy": lambda hypotheses, references: {"accuracy": _share_equal(hypotheses, references)},
    "exact_match": lambda hypotheses, references: {"exact_match": _share_equal(hypotheses, references)},
}
