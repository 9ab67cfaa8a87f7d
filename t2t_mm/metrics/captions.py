"""Measures of captions with several references: BLEU, ROUGE-L and CIDEr-D as the COCO caption evaluation defines them.

COCO: Chen et al. 2015, arXiv:1504.00325, section 3. There texts pass the Stanford PTB tokenizer; here `caption_words`
stands for it, so figures differ a little from those of the COCO server. All three functions take words: one hypothesis
and one or more references an item.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence

import numpy as np

from t2t_mm.metrics.ngrams import Counts, Words, count_ngrams

TOKENS = "lower case, no punctuation, clitics apart"
BETA = 1.2  # weight of recall in ROUGE-L
SIGMA = 6.0  # words: width of CIDEr-D's penalty for other lengths
_CLITICS = "'(?:s|re|ve|ll|d|m)"
# Vowel signs of Hindi, Tamil, ... are no letters to re.
_MARKS = "".join(chr(code) for code in range(0x300, 0x1D00) if unicodedata.category(chr(code)) in ("Mn", "Mc"))
_WORD = re.compile(rf"\d+(?:[.,]\d+)+|[\w{_MARKS}]+(?:[-'][\w{_MARKS}]+)*|{_CLITICS}\b")
_CLITIC = re.compile(rf"(?<=\w)(n't|{_CLITICS})$")


def caption_words(text: str) -> list[str]:
    """The words that captions are compared by: "Two dogs' T-shirts, aren't they?" is "two dogs t-shirts are n't they".

    Lower case; words are letters and digits, joined by - or ' inside (numbers also by . and ,); n't and 's, 're, 've,
    'll, 'd, 'm at their end are words of their own; all else is left out. Of the 5,000 captions of Flickr8k's test
    split 4,997 are the same words from the COCO evaluation's tokenizer.
    """
    words = []
    for word in _WORD.findall(unicodedata.normalize("NFC", text).lower().replace("’", "'").replace("_", " ")):
        words += filter(None, _CLITIC.split(word))
    return words


def caption_bleu(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]], longest: int = 4) -> list[float]:
    """BLEU-1 to BLEU-`longest` of the corpus, 0 to 1 (Papineni et al. 2002, ACL P02-1040, sections 2.1 to 2.3).

    Of several references the length nearest to the hypothesis's counts, the shorter of two as near. No smoothing: 0
    where no n-gram of some length is right.
    """
    texts, item = _laid_out(hypotheses, references)
    written = sum(map(len, hypotheses))
    nearest = sum(min((abs(len(words) - len(hypothesis)), len(words)) for words in several)[1]
                  for hypothesis, several in zip(hypotheses, references, strict=True))
    brevity = min(0.0, 1 - nearest / written) if written else -math.inf
    logs, scores = [], []
    for counts in count_ngrams(texts, longest):
        own, others, place = _matched(counts, item, len(hypotheses))
        most = np.zeros(len(own.count), np.int64)  # [rows of hypotheses]: the most that one reference has of it
        np.maximum.at(most, place[place >= 0], others.count[place >= 0])
        right = np.minimum(own.count, most).sum()
        logs.append(math.log(right / own.count.sum()) if right else -math.inf)
        scores.append(math.exp(brevity + sum(logs) / len(logs)))
    return scores


def rouge_l(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]]) -> np.ndarray:
    """float64 [items]: ROUGE-L, 0 to 1 (Lin 2004, ACL W04-1013, section 3.1), the mean of which is the corpus's.

    F of the longest common subsequence with beta 1.2; precision and recall are each the best over the references.
    """
    return np.array([_rouge_l(words, several) for words, several in zip(hypotheses, references, strict=True)])


def _rouge_l(hypothesis: Words, references: Sequence[Words]) -> float:
    common = [longest_common_subsequence(hypothesis, words) for words in references]
    precision = max(common) / max(len(hypothesis), 1)
    recall = max(length / max(len(words), 1) for length, words in zip(common, references, strict=True))
    return (1 + BETA**2) * precision * recall / (recall + BETA**2 * precision) if recall else 0.0


def longest_common_subsequence(first: Words, second: Words) -> int:
    """The number of words of the longest sequence that is in both, in order, with gaps."""
    row = [0] * (len(second) + 1)  # row[k]: of the words of `first` so far and the first k words of `second`
    for word in first:
        above_left = 0
        for k, other in enumerate(second, 1):
            above, row[k] = row[k], above_left + 1 if word == other else max(row[k], row[k - 1])
            above_left = above
    return row[-1]


def cider_d(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]], longest: int = 4) -> np.ndarray:
    """float64 [items]: CIDEr-D, 0 to 10 (Vedantam et al. 2015, arXiv:1411.5726, sections 4 and 5).

    The mean over n = 1 to `longest` and over the references of a clipped cosine of tf-idf vectors, times a Gaussian of
    the difference in length (sigma 6), times 10. idf is log(items / items with the n-gram in a reference), of the items
    given: a single item, and an n-gram that is in all, weigh nothing. The mean over items is the corpus's figure.
    """
    texts, item = _laid_out(hypotheses, references)
    items, lengths = len(hypotheses), np.array([len(words) for words in texts])
    cosines = np.zeros(len(texts))  # [hypotheses, then references]: summed over n
    for counts in count_ngrams(texts, longest):
        weight = counts.count * _inverse_frequency(counts, item, items)[counts.gram]  # [rows]
        norm = np.sqrt(np.bincount(counts.text, weight**2, len(texts)))  # [texts]
        _, _, place = _matched(counts, item, items)
        theirs = np.flatnonzero(counts.text >= items)[place >= 0]  # rows of references; the hypotheses' rows come first
        inner = np.minimum(weight[place[place >= 0]], weight[theirs]) * weight[theirs]
        product = norm * norm[item]
        dot = np.bincount(counts.text[theirs], inner, len(texts))
        cosines += np.divide(dot, product, out=np.zeros(len(texts)), where=product > 0)
    similar = cosines / longest * np.exp(-(lengths - lengths[item]) ** 2 / (2 * SIGMA**2))
    return 10 * np.bincount(item[items:], similar[items:], items) / np.bincount(item[items:], minlength=items)


def _laid_out(hypotheses: Sequence[Words], references: Sequence[Sequence[Words]]) -> tuple[list[Words], np.ndarray]:
    """All texts, the hypotheses first, and the number of each one's item."""
    texts = [*hypotheses, *(words for several in references for words in several)]
    item = np.repeat(np.arange(len(references)), [len(several) for several in references])
    return texts, np.concatenate([np.arange(len(hypotheses)), item])


def _matched(counts: Counts, item: np.ndarray, items: int) -> tuple[Counts, Counts, np.ndarray]:
    """The rows of the hypotheses, those of the references by item, and for each of these its hypothesis's row or -1."""
    of_hypotheses = counts.text < items
    own = counts.take(of_hypotheses, counts.text[of_hypotheses])
    others = counts.take(~of_hypotheses, item[counts.text[~of_hypotheses]])
    return own, others, others.rows_in(own)


def _inverse_frequency(counts: Counts, item: np.ndarray, items: int) -> np.ndarray:
    """float64 [grams]: log(items / items with the n-gram in a reference); log(items) for one that is in none."""
    of_references = counts.text >= items
    pairs = np.unique(item[counts.text[of_references]] * counts.grams + counts.gram[of_references])
    return np.log(items / np.maximum(np.bincount(pairs % counts.grams, minlength=counts.grams), 1))
