"""Laws of the algorithmic problems: sizes, tokens, and every target is the right answer."""

import pytest

from t2t_mm import registry

ANSWERS = {
    "algorithmic_identity": lambda digits: digits,
    "algorithmic_reverse": lambda digits: list(reversed(digits)),
    "algorithmic_shift": lambda digits: [(digit + 1) % 10 for digit in digits],
    "algorithmic_sort": sorted,
}


def numbers(text):
    return [int(token) for token in text.split()]


@pytest.mark.parametrize("name", ANSWERS)
def test_targets_are_the_right_answers(name, first):
    for split, size in (("train", 2000), ("dev", 200), ("test", 200)):
        samples = first(name, split)
        assert len(samples) == size
        assert all(numbers(s["targets"]) == ANSWERS[name](numbers(s["inputs"])) for s in samples)
        assert {len(numbers(sample["inputs"])) for sample in samples} == set(range(3, 9))


def test_parity_counts_odd_digits(first):
    samples = first("algorithmic_parity_label", "train")
    assert all(s["targets"] == sum(n % 2 for n in numbers(s["inputs"])) % 2 for s in samples)
    assert {sample["targets"] for sample in samples} == {0, 1}


def test_sums_of_two_inputs_add_up(first):
    problem = registry.problem("algorithmic_addition")
    assert list(problem.inputs) == ["inputs", "addend"]
    for sample in first("algorithmic_addition", "train"):
        first_number, second, total = (int(sample[key].replace(" ", "")) for key in ("inputs", "addend", "targets"))
        assert first_number + second == total
        assert len(sample["inputs"]) == len(sample["addend"])


@pytest.mark.parametrize("name", [*ANSWERS, "algorithmic_parity_label"])
def test_all_ten_digits_are_in_the_vocabulary_texts(name):
    tokens = {token for text in registry.problem(name).sample_texts("") for token in text.split()}
    assert tokens >= set("0123456789")
