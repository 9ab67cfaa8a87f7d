"""Laws of text encoders: what comes back, which ids exist, files, checksums, and no crash on a model's odd output."""

import pickle
import random

import pytest

from t2t_mm.data import text_encoders
from t2t_mm.data.subword_training import train_subwords
from t2t_mm.data.text_encoders import EOS, PAD, Bytes, Subwords, Tokens
from t2t_mm.errors import UserError

WORDS = "the quick brown fox jumps over lazy dogs and cats while reading encoders about 1234 things".split()


@pytest.fixture(scope="module")
def subwords():
    rng = random.Random(1)
    return train_subwords("test", [" ".join(rng.choices(WORDS, k=8)) for _ in range(500)], 400)


@pytest.fixture(scope="module", params=["subwords", "bytes", "tokens"])
def encoder(request, subwords):
    return {"subwords": subwords, "bytes": Bytes(), "tokens": Tokens(WORDS)}[request.param]


def random_texts(number=200):
    """Any characters and any white space, but no surrogates and not the sign SentencePiece writes for a space."""
    rng = random.Random(2)
    alphabet = [*" \t\n ab1Ä日😀\u00a0\u0301\u2028\0</s>", "<unk>", "<0x41>", "\U0010ffff", "\ufeff", *WORDS]
    return ["", " ", "  a  b ", *("".join(rng.choices(alphabet, k=rng.randint(1, 12))) for _ in range(number))]


def test_subwords_and_bytes_give_every_text_back(subwords):
    for text in random_texts():
        for encoder in (subwords, Bytes()):
            assert encoder.decode(encoder.encode(text)) == text


def test_texts_of_known_tokens_come_back(encoder):
    rng = random.Random(3)
    for _ in range(50):
        text = " ".join(rng.choices(WORDS, k=rng.randint(1, 9)))
        assert encoder.decode(encoder.encode(text)) == text


def test_what_is_not_kept(subwords):
    assert subwords.decode(subwords.encode("a▁b")) == "a b"
    assert subwords.decode(subwords.encode("a\ud800b")) == Bytes().decode(Bytes().encode("a\ud800b")) == "a?b"
    tokens = Tokens(["a", "b"])
    assert tokens.decode(tokens.encode(" a \n c  b ")) == "a <unk> b"


def test_text_never_encodes_to_padding_or_end(encoder):
    for text in random_texts(100):
        assert all(EOS < token < encoder.size for token in encoder.encode(text))


def test_subwords_never_encode_to_unknown(subwords):
    assert all(text_encoders.UNKNOWN not in subwords.encode(text) for text in random_texts(100))


def test_encode_many_is_encode_of_each(encoder):
    texts = random_texts(30)
    assert encoder.encode_many(texts) == [encoder.encode(text) for text in texts]


def test_decoding_ends_at_the_end_and_skips_padding_and_ids_that_do_not_exist(encoder):
    ids = encoder.encode("quick brown fox")
    odd = [PAD, -1, -(10**9), encoder.size, encoder.size + 5, 2**40]
    assert encoder.decode([*odd, *(x for token in ids for x in (token, *odd)), EOS, *ids]) == "quick brown fox"
    assert encoder.decode([]) == encoder.decode([EOS, *ids]) == ""


def test_any_ids_decode(encoder):
    rng = random.Random(4)
    for _ in range(200):
        ids = [rng.randrange(-3, encoder.size + 3) for _ in range(10)]
        encoder.decode(ids).encode("utf-8")  # a text that can be printed


@pytest.mark.parametrize("kind", ["subwords", "bytes", "tokens"])
def test_files_and_pickles_hold_the_whole_encoder(kind, subwords, tmp_path):
    encoder = {"subwords": subwords, "bytes": Bytes(), "tokens": Tokens(["ä", "b"], unknown="?")}[kind]
    encoder.save(tmp_path / "file")
    for copy in (text_encoders.load(tmp_path / "file"), pickle.loads(pickle.dumps(encoder))):
        assert type(copy) is type(encoder) and copy == encoder
        assert (copy.checksum, copy.size) == (encoder.checksum, encoder.size)
        assert copy.decode([0]) == encoder.decode([0]) and copy.decode([4, 3]) == encoder.decode([4, 3])


def test_checksums_tell_encoders_apart(subwords):
    encoders = [subwords, Bytes(), Tokens("ab"), Tokens("ba"), Tokens("ab", unknown="?")]
    assert len({encoder.checksum for encoder in encoders}) == len(encoders) == len(set(encoders))


@pytest.mark.parametrize("content", [b"", b"nonsense", b"{", b'{"kind": "nonsense"}', b'{"kind": "tokens"}', b"{}"])
def test_a_damaged_file_is_a_user_error_that_names_it(content, tmp_path):
    (tmp_path / "broken").write_bytes(content)
    with pytest.raises(UserError, match="broken is not a vocabulary"):
        text_encoders.load(tmp_path / "broken")


def test_a_cut_subword_file_is_a_user_error(subwords, tmp_path):
    (tmp_path / "cut").write_bytes(subwords.to_bytes()[:-100])
    with pytest.raises(UserError, match="cut is not a vocabulary"):
        text_encoders.load(tmp_path / "cut")


@pytest.mark.parametrize("make", [lambda: Tokens(["a", "a"]), lambda: Tokens(["a b"]), lambda: Tokens([""]),
                                  lambda: Tokens(["<unk>"])])
def test_ambiguous_names_are_refused(make):
    with pytest.raises(UserError, match="distinct"):
        make()


def test_foreign_sentencepiece_models_are_refused():
    import io

    import sentencepiece

    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(sentence_iterator=iter(WORDS), model_writer=model, vocab_size=40,
                                             hard_vocab_limit=False, minloglevel=2)
    with pytest.raises(UserError, match="pad=0, eos=1"):
        Subwords(model.getvalue())
