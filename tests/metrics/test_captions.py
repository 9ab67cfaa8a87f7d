"""Laws of the caption measures: published examples, cases counted by hand, and what holds for any captions."""

import math
import random

import numpy as np
import pytest

from t2t_mm.metrics.captions import caption_bleu, caption_words, cider_d, longest_common_subsequence, rouge_l

GUIDE = """It is a guide to action which ensures that the military always obeys the commands of the party.
It is a guide to action that ensures that the military will forever heed Party commands.
It is the guiding principle which guarantees the military forces always being under the command of the Party.
It is the practical guide for the army always to heed the directions of the party.""".splitlines()


def words(*texts):
    return [caption_words(text) for text in texts]


def captions(seed, items=30, most=4, vocabulary=12):
    """Random hypotheses and references, of 0 to 12 words."""
    rng = random.Random(seed)

    def caption():
        return [f"w{rng.randrange(vocabulary)}" for _ in range(rng.randint(0, 12))]

    return [caption() for _ in range(items)], [[caption() for _ in range(rng.randint(1, most))] for _ in range(items)]


@pytest.mark.parametrize("text, expected", [
    ("Two dogs' T-shirts, aren't they?", "two dogs t-shirts are n't they"),
    ("A man 's hat ; it’s 3.5 m (or 1,000 cm) -- \"tall\" .", "a man 's hat it 's 3.5 m or 1,000 cm tall"),
    ("U\u0308BER  \n ÉTÉ", "über été"),
    ("दो कुत्ते खेल रहे हैं।", "दो कुत्ते खेल रहे हैं"),
    ("a_b ... !", "a b"),
])
def test_words_of_captions(text, expected):
    assert caption_words(text) == expected.split()


def test_bleu_of_the_papers_first_example():
    """Papineni et al. 2002, sections 2.1 and 2.1.1: of candidate 1, 17/18 unigrams and 10/17 bigrams are right."""
    hypothesis, *references = words(*GUIDE)
    assert [len(text) for text in (hypothesis, *references)] == [18, 16, 18, 16]
    assert caption_bleu([hypothesis], [references], 2) == pytest.approx([17 / 18, math.sqrt(17 / 18 * 10 / 17)])


def test_bleu_clips_by_the_reference_that_has_most():
    """Papineni et al. 2002, section 2.1, example 2: 2 of 7."""
    hypothesis, *references = words("the the the the the the the", "The cat is on the mat.",
                                    "There is a cat on the mat.")
    assert caption_bleu([hypothesis], [references])[0] == pytest.approx(2 / 7)


@pytest.mark.parametrize("references, brevity", [
    (["a b c d e"], math.exp(1 - 5 / 4)),
    (["a b c d e f", "a b c"], 1.0),  # 3 is nearer than 6
    (["a b c d e", "a b c"], 1.0),  # as near: the shorter
    (["a b c d e f g", "a b c d e f"], math.exp(1 - 6 / 4)),
])
def test_bleu_compares_lengths_with_the_nearest_reference(references, brevity):
    assert caption_bleu(words("a b c d"), [words(*references)])[0] == pytest.approx(brevity)


def test_bleu_is_of_the_corpus_not_the_mean_of_items():
    found = caption_bleu(words("a b", "x x x x"), [words("a b"), words("y y y y")], 1)
    assert found == pytest.approx([2 / 6])
    assert caption_bleu([[]], [words("a")]) == [0.0] * 4


def test_rouge_of_the_papers_example():
    """Lin 2004, section 3.1: "police killed the gunman" is 3/4 of S2 and 2/4 of S3 and S4."""
    reference = words("police killed the gunman")
    found = rouge_l(words("police kill the gunman", "the gunman kill police", "the gunman police killed"),
                    [reference] * 3)
    assert found == pytest.approx([0.75, 0.5, 0.5])


def test_rouge_takes_the_best_precision_and_the_best_recall():
    """"a b c d" with "a b c x y z" (3 of 4, 3 of 6) and "a b" (2 of 4, 2 of 2): precision 3/4, recall 1."""
    found = rouge_l(words("a b c d"), [words("a b c x y z", "a b")])
    assert found == pytest.approx([(1 + 1.44) * 0.75 / (1 + 1.44 * 0.75)])
    assert rouge_l([[], ["a"]], [[["a"]], [[]]]).tolist() == [0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_longest_common_subsequence_is_that_of_all_subsequences(seed):
    def subsequences(text):
        return {tuple(w for k, w in enumerate(text) if mask >> k & 1) for mask in range(1 << len(text))}

    rng = random.Random(seed)
    first, second = ([rng.choice("abc") for _ in range(7)] for _ in range(2))
    longest = max(len(common) for common in subsequences(first) & subsequences(second))
    assert longest_common_subsequence(first, second) == longest_common_subsequence(second, first) == longest


def test_cider_counted_by_hand():
    """Two items of other words, so that each n-gram weighs log 2; only unigrams are shared, so all is divided by 4.

    "a a" for "a b": the clipped product is 1, the norms are 2 and √2. "c" for "c d": 1, 1 and √2, one word apart.
    """
    found = cider_d(words("a a", "c"), [words("a b"), words("c d")])
    assert found == pytest.approx([10 / 4 / (2 * math.sqrt(2)), 10 / 4 / math.sqrt(2) * math.exp(-1 / 72)])


def test_cider_of_the_references_themselves_is_ten_and_common_words_weigh_nothing():
    texts = words("one two three four", "five six seven eight nine", "ten eleven twelve thirteen")
    assert cider_d(texts, [[text] for text in texts]) == pytest.approx([10, 10, 10])
    assert cider_d(texts, [[text, text] for text in texts]) == pytest.approx([10, 10, 10])
    assert cider_d([["a"]] * 2, [[["a", "b"]], [["a", "c"]]]).tolist() == [0, 0]  # "a" is in all items
    assert cider_d(texts[:1], [texts[:1]]).tolist() == [0]  # one item: log 1


def test_cider_is_the_mean_over_references_and_unknown_ngrams_only_lengthen():
    hypotheses = words("a b c d", "x y z w")
    both = cider_d(hypotheses, [words("a b c d", "e f g h"), words("x y z w")])
    assert both[0] == pytest.approx(5)
    assert cider_d(words("a b c q", "x y z w"), [words("a b c d"), words("x y z w")])[0] < 10


def test_cider_agrees_with_its_formula_written_out():
    """Equations 1 to 5 of 1411.5726 with section 5's changes, n-gram by n-gram, on random captions."""
    hypotheses, references = captions(3)

    def grams(text, n):
        return [tuple(text[k:k + n]) for k in range(len(text) - n + 1)]

    def vector(text, n):
        return {g: grams(text, n).count(g) * math.log(len(references) / max(1, sum(
            any(g in grams(r, n) for r in several) for several in references))) for g in grams(text, n)}

    def similarity(c, r, n):
        one, two = vector(c, n), vector(r, n)
        norm = math.hypot(*one.values()) * math.hypot(*two.values())
        dot = sum(min(one[g], two[g]) * two[g] for g in one if g in two)
        return dot / norm * math.exp(-(len(c) - len(r)) ** 2 / 72) if norm else 0.0

    expected = [10 * sum(similarity(c, r, n) for n in range(1, 5) for r in several) / 4 / len(several)
                for c, several in zip(hypotheses, references, strict=True)]
    assert cider_d(hypotheses, references) == pytest.approx(expected) and sum(expected) > 0


@pytest.mark.parametrize("seed", range(3))
def test_all_are_in_range_and_blind_to_order_and_names(seed):
    hypotheses, references = captions(seed)
    order = np.random.default_rng(seed).permutation(len(hypotheses))

    def renamed(text):
        return [word + "!" for word in text]

    moved = [renamed(hypotheses[k]) for k in order], [[renamed(r) for r in references[k][::-1]] for k in order]
    for measure, top in ((rouge_l, 1), (cider_d, 10)):
        values = measure(hypotheses, references)
        assert values.shape == (len(hypotheses),) and 0 <= values.min() <= values.max() <= top + 1e-9
        np.testing.assert_allclose(measure(*moved), values[order], atol=1e-12)
    bleu = caption_bleu(hypotheses, references)
    assert bleu == pytest.approx(caption_bleu(*moved)) and 1 >= bleu[0] >= bleu[1] >= bleu[2] >= bleu[3] >= 0
