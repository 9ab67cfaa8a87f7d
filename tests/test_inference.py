"""Laws of inference: order, grouping, limits, the way from ids to text, stored splits; with a model that echoes."""

from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
import toy_problems

from t2t_mm import datagen
from t2t_mm.data.text_encoders import EOS, Bytes
from t2t_mm.errors import UserError
from t2t_mm.experiment import Experiment
from t2t_mm.hparams.hparams import Hparams
from t2t_mm.inference import Decoder, DecodeSettings
from t2t_mm.training import checkpoints

ENCODERS = {"bytes": Bytes()}
SAMPLES = ["one two", "a", "", "a longer text than the others here", "é", "six", "and so on and on"]


class Output(NamedTuple):
    logits: tf.Tensor


class Echo:
    """Writes the source text again (without one: the command's letter), or the class that the inputs' sum says."""

    trainable_variables = ()
    compute_dtype = "float32"

    def __init__(self, problems):
        self.problems = {problem.name: problem for problem in problems}
        self.traces = 0

    def autoregressive(self, name):
        return self.problems[name].targets.is_text

    def graph_key(self, name):
        return tuple(self.problems[name].features.items())

    def command_id(self, name):
        return sorted({problem.command for problem in self.problems.values()}).index(self.problems[name].command)

    def call(self, batch, name, command=None):
        self.traces += 1
        total = tf.cast(tf.reduce_sum(batch["inputs"], axis=range(1, batch["inputs"].shape.rank)), tf.int32)
        classes = self.problems[name].targets.size
        return Output(tf.one_hot(total % classes, classes)[:, tf.newaxis])

    def encode(self, batch, name):
        self.traces += 1
        text = [key for key, feature in self.problems[name].inputs.items() if feature.is_text]
        source = batch[text[0]] if text else tf.fill([tf.shape(next(iter(batch.values())))[0], 1], EOS)
        return {"source": source}

    def memory(self, source, name, command):
        return {**source, "command": command}

    def initial_state(self, source, max_length):
        return {"position": tf.zeros([tf.shape(source["source"])[0]], tf.int32)}

    def step(self, ids, state, name, memory):
        source = tf.pad(memory["source"], [[0, 0], [1, 1]])  # the command's letter comes first
        source = tf.repeat(source, tf.shape(ids)[0] // tf.shape(source)[0], axis=0)
        letter = memory["command"] + ord("A") + 2
        place = tf.minimum(state["position"], tf.shape(source)[1] - 1)
        copied = tf.maximum(tf.gather(source, place, batch_dims=1), EOS)
        wanted = tf.where(state["position"] == 0, letter, copied)
        return 9.0 * tf.one_hot(wanted, 258), {**state, "position": state["position"] + 1}


class EchoExperiment(Experiment):
    """An experiment whose model needs no training."""

    def build_model(self):
        return Echo(self.problems)


@pytest.fixture(autouse=True)
def no_weights(monkeypatch):
    monkeypatch.setattr(checkpoints, "load_weights", lambda model, output_dir, which: (7, which))


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    datagen.generate(toy_problems.all_toys(), str(folder), str(folder / "raw"), processes=1, say=lambda message: None)
    return str(folder)


def decoder(*problems, data_dir="", longest=100, batch_size=32, xla="off", **settings):
    experiment = EchoExperiment(tuple(problems), "echo", "none", Hparams(max_length=longest), data_dir,
                                encoders=dict(ENCODERS))
    return Decoder(experiment, "", DecodeSettings(**settings), batch_size=batch_size, xla=xla)


def texts(results):
    return [[text for text, _ in outputs] for outputs in results]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 32])
@pytest.mark.parametrize("settings", [{}, {"beam_size": 3}, {"top_k": 1}])
def test_results_come_in_the_order_of_the_samples_whatever_shares_a_batch(batch_size, settings):
    problem = toy_problems.ToyTextToText()
    echo = decoder(problem, batch_size=batch_size, **settings)
    results = echo.decode_samples(problem, [{"inputs": text} for text in SAMPLES])
    assert texts(results) == [["A" + text] for text in SAMPLES]
    assert echo.step == 7


def test_xla_compiles_for_few_shapes_and_gives_the_same():
    problem = toy_problems.ToyTextToText()
    echo = decoder(problem, batch_size=3, xla="on")
    shapes = []
    call = echo._function

    def noted(problem, longest):
        function = call(problem, longest)
        return lambda batch, *others: shapes.append((longest, *batch["inputs"].shape)) or function(batch, *others)

    echo._function = noted
    results = echo.decode_samples(problem, [{"inputs": text} for text in SAMPLES])
    assert texts(results) == [["A" + text] for text in SAMPLES]
    assert {rows for _, rows, _ in shapes} == {3}
    assert all(length & (length - 1) == 0 for *_, length in shapes)
    assert echo.traces == len({longest for longest, *_ in shapes})


def test_samples_do_not_depend_on_batches_nor_on_chunks():
    problem = toy_problems.ToyTextToText()
    inputs = [{"inputs": text} for text in SAMPLES]
    wild = {"temperature": 8.0, "seed": 3, "n_best": 2, "max_length": 6}
    together = decoder(problem, **wild).decode_samples(problem, inputs)
    one_by_one = decoder(problem, batch_size=1, **wild)
    assert texts(one_by_one.decode_samples(problem, inputs)) == texts(together)
    assert texts(one_by_one.decode_samples(problem, inputs[4:], first=4)) == texts(together[4:])
    assert len({text for outputs in texts(together) for text in outputs}) == 2 * len(SAMPLES)


def test_one_trace_serves_every_batch_and_every_problem_of_the_same_kind():
    first, second = toy_problems.ToyTextToText(), toy_problems.ToyTextToText()
    second.registered_name, second.command = "toy_other", "to-other"
    echo = decoder(first, second, batch_size=2)
    for _ in range(2):
        results = echo.decode_samples(second, [{"inputs": text} for text in SAMPLES])
        assert texts(results) == [["A" + text] for text in SAMPLES]
        assert texts(echo.decode_samples(first, [{"inputs": "x"}])) == [["Bx"]]
    assert echo.model.traces == 1


def test_outputs_end_at_the_limit_of_their_own_source():
    problem = toy_problems.ToyTextToText()
    assert texts(decoder(problem, longest=4).decode_samples(problem, [{"inputs": "abcdefgh"}])) == [["Aabc"]]
    short = decoder(problem, longest=500)
    assert short._longest_output(problem, {"inputs": [5] * 8}) == 2 * 8 + 20
    assert short._longest_output(problem, {"inputs": [5] * 9}) == 2 * 12 + 20
    assert short._longest_output(problem, {"inputs": [5] * 900}) == 500
    assert decoder(problem, longest=9)._longest_output(problem, {"inputs": [5]}) == 9
    assert decoder(problem, longest=9, max_length=30)._longest_output(problem, {"inputs": [5]}) == 30
    assert decoder(problem)._longest_output(toy_problems.ToyImageToText(), {"inputs": b""}) == 100


def test_text_is_postprocessed_in_outputs_and_references_alike(data_dir):
    class Loud(toy_problems.ToyTextToText):
        def postprocess(self, text, inputs):
            return f"{text.upper()}!{len(inputs['inputs'])}"

    problem = Loud()
    echo = decoder(problem, data_dir=data_dir)
    assert texts(echo.decode_samples(problem, [{"inputs": "hi"}])) == [["AHI!2"]]
    _, inputs, reference, outputs = next(echo.decode_split(problem, "dev"))
    assert outputs[0][0] == f"A{inputs}!{len(inputs)}".upper()
    assert reference == " ".join(reversed(inputs.split())).upper() + f"!{len(inputs)}"


def test_classes_come_with_log_probabilities_most_probable_first():
    problem = toy_problems.ToyTextToLabel()
    results = decoder(problem, n_best=5).decode_samples(problem, [{"inputs": "\x00"}, {"inputs": "\x01"}])
    for outputs, best in zip(results, ["odd", "even"], strict=True):  # ids 2 + 1 and 3 + 1
        assert outputs[0][0] == best and {text for text, _ in outputs} == {"even", "odd"}
        assert sum(np.exp(score) for _, score in outputs) == pytest.approx(1)
        assert outputs[0][1] > outputs[1][1]


@pytest.mark.parametrize("toy", toy_problems.CLASSES)
def test_a_split_comes_whole_in_order_with_references(toy, data_dir):
    problem = toy()
    raw = list(problem.generate("test", ""))
    found = list(decoder(problem, data_dir=data_dir, batch_size=2).decode_split(problem, "test"))
    assert [number for number, *_ in found] == list(range(len(raw)))
    wanted = [problem.targets.describe(sample["targets"]) for sample in raw]
    assert sorted(reference for _, _, reference, _ in found) == sorted(wanted)
    assert all(len(outputs) == 1 for *_, outputs in found)
    assert list(decoder(problem, data_dir=data_dir).decode_split(problem, "test", limit=3))[2][:3] == found[2][:3]


def test_measure_is_of_decoded_text_over_the_whole_split(data_dir):
    problem = toy_problems.ToyTextToText()
    measures = decoder(problem, data_dir=data_dir).measure(problem, "dev")
    assert measures["decoded_examples"] == toy_problems.SIZES["dev"]
    assert measures["exact_match"] == 0 and 0 <= measures["bleu"] < 100 and "bleu_signature" in measures
    assert "token_accuracy" not in measures
    assert decoder(problem, data_dir=data_dir).measure(problem, "dev", limit=2)["decoded_examples"] == 2


class Captions(toy_problems.ToyTextToText):
    """Words → the first of them, what an `Echo` writes, or another text; the texts of a source lie apart."""

    registered_name = "toy_captions"
    metrics = ("exact_match", "rouge_l", "wer")

    def samples(self, split, tmp_dir):
        for reference in ("{}", "something else", "{} and more"):
            yield from ({"inputs": word, "targets": reference.format("A" + word)} for word in ("red", "green", "blue"))


@pytest.mark.parametrize("batch_size", [1, 2, 32])
def test_examples_with_the_same_inputs_are_one_item_with_several_references(tmp_path, batch_size):
    problem = Captions()
    datagen.generate([problem], str(tmp_path), str(tmp_path / "raw"), processes=1, say=lambda message: None)
    measures = decoder(problem, data_dir=str(tmp_path), batch_size=batch_size).measure(problem, "dev")
    assert (measures["decoded_examples"], measures["decoded_references"]) == (3, 9)
    assert (measures["exact_match"], measures["rouge_l"], measures["wer"]) == (1, 1, 0)
    measures = decoder(problem, data_dir=str(tmp_path)).measure(problem, "dev", limit=2)
    assert (measures["decoded_examples"], measures["decoded_references"]) == (2, 6)


def test_examples_without_inputs_are_items_of_their_own(data_dir):
    problem = toy_problems.ToyLanguageModel()
    measures = decoder(problem, data_dir=data_dir).measure(problem, "dev")
    assert measures["decoded_examples"] == measures["decoded_references"] == toy_problems.SIZES["dev"]


def test_a_metric_that_does_not_exist_is_explained_before_decoding(data_dir):
    problem = toy_problems.ToyTextToText()
    problem.metrics = ("blue",)
    with pytest.raises(UserError, match="in the metrics of toy_text_to_text.*Did you mean 'bleu'"):
        decoder(problem, data_dir=data_dir + "/nowhere").measure(problem, "dev")


def test_mistakes_are_explained(data_dir):
    problem = toy_problems.ToyTextToText()
    echo = decoder(problem, data_dir=data_dir)
    with pytest.raises(UserError, match="no problem 'toy_image_to_text'"):
        echo.decode_samples(toy_problems.ToyImageToText(), [])
    with pytest.raises(UserError, match="must be a str"):
        echo.decode_samples(problem, [{"inputs": 3}])
    with pytest.raises(UserError, match="no split 'tset'"):
        next(echo.decode_split(problem, "tset"))
    with pytest.raises(UserError, match="t2t-datagen"):
        next(decoder(problem, data_dir=data_dir + "/nowhere").decode_split(problem, "dev"))
    with pytest.raises(UserError, match="--beam_size=2"):
        decoder(problem, n_best=2).decode_samples(problem, [{"inputs": "a"}])


def test_a_sample_that_cannot_be_used_is_no_gap_in_the_results(tmp_path):
    problem = toy_problems.ToyImageToText()
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    whole = np.zeros((problem.inputs["inputs"].height, problem.inputs["inputs"].width, 3), np.uint8)
    with pytest.raises(UserError, match="1 of 2 samples of toy_image_to_text"):
        decoder(problem).decode_samples(problem, [{"inputs": tmp_path / "damaged.png"}, {"inputs": whole}])


def test_no_samples_give_no_results():
    problem = toy_problems.ToyTextToText()
    assert decoder(problem).decode_samples(problem, []) == []


def test_data_of_another_vocabulary_are_refused(data_dir):
    class Other(Bytes):
        checksum = "another"

    problem = toy_problems.ToyTextToText()
    echo = decoder(problem, data_dir=data_dir)
    echo.experiment.encoders["bytes"] = Other()
    with pytest.raises(UserError, match="vocabular"):
        next(echo.decode_split(problem, "dev"))
