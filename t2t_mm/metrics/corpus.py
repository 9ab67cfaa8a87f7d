"""Corpus measures of decoded texts against one or more references each, by name."""

import importlib.metadata
from collections.abc import Callable, Iterable, Sequence
from itertools import zip_longest

from t2t_mm.errors import UserError, did_you_mean

Measures = dict[str, float | int | str]
References = Sequence[Sequence[str]]
_AT_ONCE = 1000  # pairs that jiwer aligns at once


def corpus_metric(name: str, hypotheses: Sequence[str], references: References) -> Measures:
    """The measures called `name` of a corpus: one hypothesis and one or more references an item, in the same order.

    | name | figures | with several references |
    |---|---|---|
    | accuracy, exact_match | share of items, 0 to 1 | any of them |
    | bleu, chrf | sacrebleu's, 0 to 100 | all, as sacrebleu counts them |
    | wer, cer | errors per reference word or character; 0 is perfect, 1 is not the most | the one with fewest errors |
    | brackets | metrics/bracketing.py, 0 to 100, and counts of failures | the first |
    | caption_bleu | caption_bleu_1 to caption_bleu_4, metrics/captions.py, 0 to 1 | all |
    | rouge_l | the same, 0 to 1 | the best precision and the best recall |
    | cider_d | the same, 0 to 10 | the mean over them |

    All but the shares come with a "<name>_signature" that says how they were counted. Raises UserError for an unknown
    name, for no items, unequal numbers of them, or an item without references.
    """
    check_names([name])
    if len(hypotheses) != len(references):
        raise UserError(f"{name} needs one hypothesis for each item; got {len(hypotheses)} hypotheses and references "
                        f"of {len(references)} items. Give as many of one as of the other.")
    if not references:
        raise UserError(f"{name} of no examples does not exist. Decode at least one example.")
    if any(isinstance(several, str) or not several for several in references):
        raise UserError(f"{name} needs a list of one or more references for each item, not a text or nothing. "
                        "Write [[reference], ...].")
    return _METRICS[name](list(hypotheses), references)


def metric_names() -> tuple[str, ...]:
    """The names that `corpus_metric` knows, sorted."""
    return tuple(sorted(_METRICS))


def check_names(names: Iterable[str], whose: str = "") -> None:
    """UserError if a name is of no corpus metric; `whose` says where it stands, e.g. " of problem caption_coco"."""
    for name in names:
        if name not in _METRICS:
            raise UserError(f"There is no corpus metric {name!r}{whose}.{did_you_mean(name, _METRICS)} "
                            f"There are: {', '.join(metric_names())}.")


def _bleu(hypotheses: list[str], references: References) -> Measures:
    """Papineni et al. 2002 (ACL P02-1040), as sacrebleu computes it (Post 2018, arXiv:1804.08771)."""
    from sacrebleu.metrics import BLEU

    return _sacrebleu("bleu", BLEU(), hypotheses, references)


def _chrf(hypotheses: list[str], references: References) -> Measures:
    """Popović 2015 (ACL W15-3049): F2 of character n-grams."""
    from sacrebleu.metrics import CHRF

    return _sacrebleu("chrf", CHRF(), hypotheses, references)


def _sacrebleu(name: str, metric, hypotheses: list[str], references: References) -> Measures:
    streams = [list(stream) for stream in zip_longest(*references)]  # the k-th references of all items, None for none
    score = metric.corpus_score(hypotheses, streams).score
    return {name: float(score), f"{name}_signature": str(metric.get_signature())}


def _word_error_rate(hypotheses: list[str], references: References) -> Measures:
    import jiwer

    return _error_rate("wer", "words:between blanks", jiwer.process_words, hypotheses, references)


def _character_error_rate(hypotheses: list[str], references: References) -> Measures:
    import jiwer

    return _error_rate("cer", "characters:all", jiwer.process_characters, hypotheses, references)


def _error_rate(name: str, units: str, align: Callable, hypotheses: list[str], references: References) -> Measures:
    """Edits per reference unit; an empty corpus of references counts as one unit, so that insertions still show.

    Of several references the one with the fewest edits counts, the longest of those.
    """
    pairs = [(item, text) for item, several in enumerate(references) for text in several]
    best: list[tuple[int, int] | None] = [None] * len(hypotheses)  # (edits, -units) of each item
    for start in range(0, len(pairs), _AT_ONCE):
        some = pairs[start:start + _AT_ONCE]
        aligned = align([text for _, text in some], [hypotheses[item] for item, _ in some])
        for (item, _), chunks, words in zip(some, aligned.alignments, aligned.references, strict=True):
            found = (sum(map(_edits, chunks)), -len(words))
            best[item] = found if best[item] is None else min(best[item], found)
    edits, units_in_all = (sum(numbers) for numbers in zip(*best, strict=True))
    signature = f"{units}|case:mixed|punctuation:kept|refs:{_numbers(references)}|jiwer:{_version('jiwer')}"
    return {name: edits / max(-units_in_all, 1), f"{name}_signature": signature}


def _edits(chunk) -> int:
    """The edits that a stretch of jiwer's alignment stands for; insertions have no reference units."""
    if chunk.type == "equal":
        return 0
    return max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)


def _brackets(hypotheses: list[str], references: References) -> Measures:
    from t2t_mm.metrics.bracketing import score_brackets

    return score_brackets(hypotheses, [several[0] for several in references])


def _caption_bleu(hypotheses: list[str], references: References) -> Measures:
    from t2t_mm.metrics import captions

    scores = captions.caption_bleu(*_as_words(hypotheses, references))
    figures = {f"caption_bleu_{length}": score for length, score in enumerate(scores, 1)}
    return {**figures, "caption_bleu_signature": _caption_signature(references, "length:closest|smooth:none")}


def _rouge_l(hypotheses: list[str], references: References) -> Measures:
    from t2t_mm.metrics import captions

    scores = captions.rouge_l(*_as_words(hypotheses, references))
    return {"rouge_l": float(scores.mean()), "rouge_l_signature": _caption_signature(references, "beta:1.2")}


def _cider_d(hypotheses: list[str], references: References) -> Measures:
    from t2t_mm.metrics import captions

    scores = captions.cider_d(*_as_words(hypotheses, references))
    signature = _caption_signature(references, f"n:4|sigma:6|idf:these {len(references)} items")
    return {"cider_d": float(scores.mean()), "cider_d_signature": signature}


def _as_words(hypotheses: list[str], references: References) -> tuple[list[list[str]], list[list[list[str]]]]:
    from t2t_mm.metrics.captions import caption_words

    return [*map(caption_words, hypotheses)], [[*map(caption_words, several)] for several in references]


def _caption_signature(references: References, settings: str) -> str:
    from t2t_mm.metrics.captions import TOKENS

    return f"refs:{_numbers(references)}|{settings}|tokens:{TOKENS}"


def _numbers(references: References) -> str:
    """How many references an item has: "5", or "1-5"."""
    counts = {len(several) for several in references}
    return "-".join(str(count) for count in sorted({min(counts), max(counts)}))


def _version(package: str) -> str:
    return importlib.metadata.version(package)


def _share_equal(name: str) -> Callable[[list[str], References], Measures]:
    """The share of items whose text is one of the references, blanks around them set aside."""
    def metric(hypotheses: list[str], references: References) -> Measures:
        right = sum(any(text.strip() == reference.strip() for reference in several)
                    for text, several in zip(hypotheses, references, strict=True))
        return {name: right / len(references)}

    return metric


_METRICS: dict[str, Callable[[list[str], References], Measures]] = {
    "accuracy": _share_equal("accuracy"),
    "bleu": _bleu,
    "brackets": _brackets,
    "caption_bleu": _caption_bleu,
    "cer": _character_error_rate,
    "chrf": _chrf,
    "cider_d": _cider_d,
    "exact_match": _share_equal("exact_match"),
    "rouge_l": _rouge_l,
    "wer": _word_error_rate,
}
