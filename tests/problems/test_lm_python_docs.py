"""Laws of the language model's data: targets only, paragraphs of the promised length, each once."""

from t2t_mm import registry
from t2t_mm.data.splitting import normalised


def test_it_has_no_inputs_and_cannot_be_reversed():
    problem = registry.problem("lm_python_docs")
    assert problem.inputs == {} and not problem.reversible


def test_paragraphs_have_the_promised_length_and_come_once(first):
    for split in ("train", "dev", "test"):
        texts = [sample["targets"] for sample in first("lm_python_docs", split)]
        assert all(40 <= len(text) <= 400 and text == " ".join(text.split()) for text in texts)
        assert len({normalised(text) for text in texts}) == len(texts)
