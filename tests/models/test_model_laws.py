"""Laws of every registered model over problems of every kind."""

import keras
import model_cases
import numpy as np
import pytest
import tensorflow as tf
import toy_problems
from model_cases import ALL_TOYS, MODELS, SIZES, TEXT_TOYS, batch_of, make_model, shared_model, take_rows

from t2t_mm import registry
from t2t_mm.data.features import Audio, Image, Text
from t2t_mm.errors import UserError

every_model = pytest.mark.parametrize("name", MODELS)
one_model = pytest.mark.parametrize("name", MODELS[-1:])  # for laws of the doors, which all models share
CLOSE = {"rtol": 1e-3, "atol": 1e-4}
SEED = tf.constant([3, 5])


def toys(*default, among=ALL_TOYS):
    """Every model with every toy problem; those beyond `default` are slow."""
    return pytest.mark.parametrize("name, problem", [
        pytest.param(name, problem, marks=[] if problem in default else [pytest.mark.slow])
        for name in MODELS for problem in among])


def logits_of(model, batch, problem):
    return model.call(batch, problem).logits.numpy()


@toys("toy_text_to_text", among=TEXT_TOYS)
def test_no_logit_sees_its_own_or_a_later_target(name, problem):
    """Row t of the batch has other targets from t on: its logits up to t must be those of the last row."""
    batch = batch_of(problem, rows=1, length=6)
    rows = model_cases.variants(batch["targets"][0])
    batch = {**take_rows(batch, [0] * len(rows)), "targets": tf.constant(rows)}
    logits = logits_of(shared_model(name), batch, problem)
    for t in range(len(rows) - 1):
        np.testing.assert_allclose(logits[t, :t + 1], logits[-1, :t + 1], **CLOSE)
        if t + 2 < len(rows):
            assert np.abs(logits[t, t + 1] - logits[-1, t + 1]).max() > 1e-3


@toys("toy_text_to_text", "toy_two_inputs_to_text", among=TEXT_TOYS)
def test_stepping_gives_the_logits_of_calling_also_after_rows_of_a_source_were_gathered(name, problem):
    model, batch = shared_model(name), batch_of(problem)
    batch["targets"] = tf.where(batch["targets"] == 0, 3, batch["targets"])  # padding is never stepped through
    source = model.encode(batch, problem)
    memory, state = model.memory(source, problem), model.initial_state(source, 9)
    assert all(leaf.shape[0] == 3 for leaf in tf.nest.flatten(state))
    state = tf.nest.map_structure(lambda leaf: tf.repeat(leaf, 2, axis=0), state)
    beams = take_rows(batch, [0, 0, 1, 1, 2, 2])
    odd = tf.range(6)[:, None] % 2 == 1
    ids, targets = tf.fill([6], -1), tf.where(odd, 2 + (beams["targets"] + 5) % 28, beams["targets"])
    logits = logits_of(model, {**beams, "targets": targets}, problem)
    for position in range(targets.shape[1]):
        if position == 3:  # as a beam search does: one beam goes on as both, two change places
            order = [1, 1, 3, 2, 4, 4]
            state = tf.nest.map_structure(lambda leaf: tf.gather(leaf, order), state)
            ids, targets, logits = tf.gather(ids, order), tf.gather(targets, order), logits[order]
        now, state = model.step(ids, state, problem, memory)
        np.testing.assert_allclose(now, logits[:, position], **CLOSE)
        ids = targets[:, position]


def lengthened(batch, problem, extra=3):
    """More padding for every text and sound, garbage where a length says that it is padding, and two more rows."""
    longer, other = {}, batch_of(problem, rows=2, length=7 + extra, seed=8, frames=32)
    for name, value in batch.items():
        feature = toy_problems.toy(problem).features.get(name)
        if feature is not None and feature.is_text:
            value = tf.pad(value, [[0, 0], [0, extra]])
        elif isinstance(feature, Audio):
            frames = tf.range(32)[None, :, None] < batch[f"{name}_length"][:, None, None]
            value = tf.where(frames, tf.pad(value, [[0, 0], [0, 20], [0, 0]]), 7.0)
        longer[name] = tf.concat([value, other[name]], 0)
    return longer


@toys("toy_text_to_text", "toy_audio_to_text", "toy_text_to_label")
def test_padding_and_more_rows_change_no_logit_that_counts(name, problem):
    model, batch = shared_model(name), batch_of(problem)
    weights = model.target_weights(batch, problem).numpy()[..., None]
    logits = logits_of(model, batch, problem)
    longer = logits_of(model, lengthened(batch, problem), problem)[:3, :weights.shape[1]]
    np.testing.assert_allclose(longer * weights, logits * weights, **CLOSE)


class TwoTexts(toy_problems.ToyProblem):
    """Two texts, one after the other, and a class or a text."""

    def __init__(self, to_text):
        super().__init__()
        self.to_text = to_text

    @property
    def name(self):
        return f"two_texts_{self.to_text}"

    def define_features(self):
        targets = Text("bytes") if self.to_text else toy_problems.toy("toy_text_to_label").targets
        return {"inputs": Text("bytes"), "question": Text("bytes"), "targets": targets}


@every_model
def test_padding_between_two_inputs_changes_nothing(name):
    problems = [TwoTexts(to_text=True), TwoTexts(to_text=False)]
    model = make_model(name, problems)
    for problem in problems:
        batch = batch_of(problem)
        longer = {**batch, "inputs": tf.pad(batch["inputs"], [[0, 0], [0, 4]])}
        weights = model.target_weights(batch, problem.name).numpy()[..., None]
        np.testing.assert_allclose(logits_of(model, longer, problem.name) * weights,
                                   logits_of(model, batch, problem.name) * weights, **CLOSE)


@toys("toy_text_to_text", "toy_image_to_label")
def test_logits_targets_weights_and_loss_fit_each_other(name, problem):
    model, batch, spec = shared_model(name), batch_of(problem), toy_problems.toy(problem)
    output = model.call(batch, problem)
    targets, weights = model.targets(batch, problem), model.target_weights(batch, problem)
    size = SIZES[spec.targets.vocabulary] if spec.targets.is_text else spec.targets.size
    assert output.logits.shape == (*targets.shape, size) and weights.shape == targets.shape
    assert model.autoregressive(problem) == spec.targets.is_text
    nats, count = model.loss(batch, problem, output, training=False)
    log_probabilities = tf.nn.log_softmax(output.logits)
    wanted = -tf.reduce_sum(tf.gather(log_probabilities, targets, batch_dims=2) * weights)
    np.testing.assert_allclose(nats, wanted, rtol=1e-4)
    np.testing.assert_allclose(count, tf.reduce_sum(weights))
    assert np.array_equal(weights, np.asarray(targets) != 0) or not spec.targets.is_text


@every_model
def test_the_loss_is_smoothed_in_training_only(name, monkeypatch):
    model, problem = shared_model(name), "toy_text_to_text"
    monkeypatch.setattr(model, "hparams", model.hparams.replace(label_smoothing=0.2))
    batch = batch_of(problem)
    output = model.call(batch, problem)
    plain = -tf.nn.log_softmax(output.logits)
    weights = model.target_weights(batch, problem)
    chosen = tf.gather(plain, batch["targets"], batch_dims=2)
    wanted = tf.reduce_sum((0.8 * chosen + 0.2 * tf.reduce_mean(plain, -1)) * weights)
    np.testing.assert_allclose(model.loss(batch, problem, output, training=True)[0], wanted, rtol=1e-4)
    np.testing.assert_allclose(model.loss(batch, problem, output, training=False)[0],
                               tf.reduce_sum(chosen * weights), rtol=1e-4)


def gradients_of(model, batch, problem):
    with tf.GradientTape() as tape:
        output = model.call(batch, problem, training=True, seed=SEED)
        nats, count = model.loss(batch, problem, output)
        loss = tf.add_n([nats / count, *output.losses.values()])
    return loss, tape.gradient(loss, model.trainable_variables)


@pytest.mark.parametrize("problems", [
    ("toy_audio_to_text", "toy_image_to_label"), pytest.param(ALL_TOYS, marks=pytest.mark.slow)], ids=["two", "all"])
@every_model
def test_gradients_are_finite_and_every_variable_gets_one(name, problems):
    model, still = make_model(name, problems), None
    before, total = len(model.variables), sum(int(np.prod(v.shape)) for v in model.trainable_variables)
    for problem in problems:
        loss, gradients = gradients_of(model, batch_of(problem), problem)
        dense = [0.0 if g is None else np.asarray(tf.convert_to_tensor(g)) for g in gradients]
        assert np.isfinite(loss) and all(np.isfinite(g).all() for g in dense), problem
        unmoved = {i for i, gradient in enumerate(dense) if np.abs(gradient).max() == 0}
        still = unmoved if still is None else still & unmoved
    assert [model.trainable_variables[i].path for i in still] == []
    assert len(model.variables) == before  # build_variables made all of them
    assert sum(model.parameter_groups().values()) == total


@every_model
def test_randomness_is_the_seed_alone(name):
    model, problem = make_model(name, ["toy_text_to_text"], dropout=0.3), "toy_text_to_text"
    batch = batch_of(problem)
    first, again, other = (model.call(batch, problem, training=True, seed=tf.constant([1, s])).logits.numpy()
                           for s in (2, 2, 3))
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    np.testing.assert_array_equal(logits_of(model, batch, problem), logits_of(model, batch, problem))
    with pytest.raises(RuntimeError, match="seed="):
        model.call(batch, problem, training=True)


class OtherWay(toy_problems.ToyTextToText):
    """The same features, asked for by another command."""

    registered_name = "toy_other_way"
    command = "to-other-way"


@every_model
def test_problems_of_one_graph_key_differ_in_their_command_alone(name):
    one, other = "toy_text_to_text", OtherWay()
    model, batch = make_model(name, [one, other]), batch_of(one)
    assert model.graph_key(one) == model.graph_key(other.name)
    assert model.command_id(one) != model.command_id(other.name)
    different = {shared_model(name).graph_key(toy) for toy in ALL_TOYS}
    assert len(different) == len(ALL_TOYS)
    wanted = logits_of(model, batch, other.name)
    by_command = model.call(batch, one, command=tf.constant(model.command_id(other.name)))
    np.testing.assert_allclose(by_command.logits, wanted, **CLOSE)
    assert np.abs(logits_of(model, batch, one) - wanted).max() > 1e-3
    for row in (one, other.name):
        source = model.encode(batch, row)
        first, _ = model.step(tf.fill([3], -1), model.initial_state(source, 3), row, model.memory(source, row))
        np.testing.assert_allclose(first, logits_of(model, batch, row)[:, 0], **CLOSE)


class OtherBins(toy_problems.ToyAudioToText):
    """Sounds with other frequencies than those of its parent."""

    registered_name = "toy_other_bins"

    def define_features(self):
        return {"inputs": Audio(8000, mel_bins=8), "targets": Text("bytes")}


@one_model
def test_sounds_with_different_frequencies_can_be_learned_together(name):
    model = make_model(name, ["toy_audio_to_text", OtherBins()])
    for problem in (toy_problems.toy("toy_audio_to_text"), OtherBins()):
        assert np.isfinite(logits_of(model, batch_of(problem), problem.name)).all()


def signature_of(batch, problem):
    """Specifications of the batch's tensors in which the number of rows and the lengths are unknown."""
    features, signature = toy_problems.toy(problem).features, {}
    for key, value in batch.items():
        known = features[key].shape if hasattr(features.get(key), "shape") else value.shape[2:]
        signature[key] = tf.TensorSpec([None, *([None] if value.shape.rank in (2, 3) else []), *known], value.dtype)
    return [signature]


@pytest.mark.parametrize("name, problem", [
    pytest.param(name, problem, marks=[] if (name, problem) == (MODELS[-1], "toy_text_to_text") else [pytest.mark.slow])
    for name in MODELS for problem in ALL_TOYS])
def test_a_graph_of_unknown_shapes_gives_the_eager_numbers(name, problem):
    model, signature = shared_model(name), signature_of(batch_of(problem), problem)
    traced = tf.function(lambda batch: model.call(batch, problem).logits, input_signature=signature, autograph=False)
    for shape in ({}, {"rows": 2, "length": 5, "frames": 9}):
        batch = batch_of(problem, **shape)
        np.testing.assert_allclose(traced(batch), logits_of(model, batch, problem), **CLOSE)


@pytest.fixture
def policy():
    before = keras.config.dtype_policy()
    yield lambda dtype: keras.config.set_dtype_policy(f"mixed_{dtype}")
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("dtype", ["bfloat16", pytest.param("float16", marks=pytest.mark.slow)])
@toys("toy_text_to_text")
def test_narrow_types_are_finite_and_close_in_calls_and_steps(name, problem, dtype, policy):
    wide, batch = make_model(name, [problem]), batch_of(problem, rows=2, length=4)
    if wide.autoregressive(problem):
        batch["targets"] = tf.where(batch["targets"] == 0, 3, batch["targets"])  # padding is never stepped through
    policy(dtype)
    narrow = make_model(name, [problem])
    for ours, theirs in zip(narrow.variables, wide.variables, strict=True):
        assert ours.dtype == "float32"
        ours.assign(theirs)
    expected = logits_of(wide, batch, problem)
    allowed = (0.2 if dtype == "bfloat16" else 0.05) * np.abs(expected).mean()
    logits = tf.cast(narrow.call(batch, problem).logits, tf.float32)
    assert np.isfinite(logits).all() and np.abs(logits - expected).mean() < allowed
    loss, gradients = gradients_of(narrow, batch, problem)
    assert np.isfinite(loss) and loss.dtype == "float32"
    assert all(np.isfinite(tf.convert_to_tensor(g)).all() and g.dtype == "float32" for g in gradients if g is not None)
    if narrow.autoregressive(problem):
        source = narrow.encode(batch, problem)
        memory, state = narrow.memory(source, problem), narrow.initial_state(source, 3)
        types = [leaf.dtype for leaf in tf.nest.flatten(state)]
        for ids in (tf.fill([2], -1), batch["targets"][:, 0]):
            step_logits, state = narrow.step(ids, state, problem, memory)
            assert [leaf.dtype for leaf in tf.nest.flatten(state)] == types
        assert np.abs(tf.cast(step_logits, tf.float32) - logits[:, 1]).mean() < allowed


def learner(model, signature, problem, rate=0.005):
    """A function of a batch that updates the model (Adam, all variables as one vector) and returns nats a position."""
    variables = model.trainable_variables
    sizes = [int(np.prod(v.shape)) for v in variables]
    mean, square, time = (tf.Variable(tf.zeros(shape)) for shape in ([sum(sizes)], [sum(sizes)], []))

    @tf.function(autograph=False, input_signature=signature)
    def step(batch):
        with tf.GradientTape() as tape:
            seed = tf.stack([tf.cast(time, tf.int32), 0])  # noise of its own: that of one seed would be learned too
            output = model.call(batch, problem, training=True, seed=seed)
            nats, count = model.loss(batch, problem, output)
            loss = tf.add_n([nats / count, *output.losses.values()])
        gradients = zip(variables, tape.gradient(loss, variables))
        flat = tf.concat([tf.zeros([np.prod(v.shape)]) if g is None else tf.reshape(g, [-1]) for v, g in gradients], 0)
        mean.assign(0.9 * mean + 0.1 * flat)
        square.assign(0.98 * square + 0.02 * flat ** 2)
        time.assign_add(1.0)
        changes = rate * mean / (1 - 0.9 ** time) / (tf.sqrt(square / (1 - 0.98 ** time)) + 1e-8)
        for variable, change in zip(variables, tf.split(changes, sizes)):
            variable.assign_sub(tf.reshape(change, variable.shape))
        return nats / count

    return step


@toys("toy_text_to_text")
def test_one_batch_can_be_learned_by_heart(name, problem):
    model, batch = make_model(name, [problem], hidden_size=32), batch_of(problem, rows=4, length=6)
    step = learner(model, signature_of(batch, problem), problem)
    losses = [float(step(batch)) for _ in range(80)]
    assert losses[-1] < 0.2 * losses[0]
    weights = model.target_weights(batch, problem).numpy() == 1
    if not toy_problems.toy(problem).inputs:
        weights[:, 0] = False  # nothing tells the rows apart before their first targets
    right = np.argmax(logits_of(model, batch, problem), -1) == model.targets(batch, problem).numpy()
    assert right[weights].mean() > 0.9


@every_model
def test_domain_adaptation_teaches_the_encoder_and_costs_nothing_outside_of_training(name):
    problem = "toy_text_to_text"
    model = make_model(name, [problem, "toy_text_to_label"], adversary_coef=0.3, similarity_coef=0.7)
    batch = batch_of(problem)
    assert not [key for key in model.call(batch, problem).losses if key.split("/")[0] in ("adversary", "similarity")]
    output = model.call(batch, problem, training=True, seed=SEED)
    assert {"adversary/nats", "similarity/loss"} <= set(output.losses)
    for loss in ("adversary/nats", "similarity/loss"):
        with tf.GradientTape() as tape:
            value = model.call(batch, problem, training=True, seed=SEED).losses[loss]
        gradients = tape.gradient(value, [v.value for v in model.encoder.trainable_variables])
        assert max(float(tf.reduce_max(tf.abs(g))) for g in gradients if g is not None) > 1e-6


@pytest.mark.parametrize("changes", [dict(attention=False), dict(experts=False), dict(attention=False, experts=False)],
                         ids=str)
def test_a_multimodel_without_some_blocks_steps_as_it_calls_and_sees_its_source(changes):
    problem = "toy_text_to_text"
    model, batch = make_model("multimodel", [problem], **changes), batch_of(problem)
    batch["targets"] = tf.where(batch["targets"] == 0, 3, batch["targets"])
    logits = logits_of(model, batch, problem)
    names = " ".join(variable.path for variable in model.variables)
    assert ("attention" in names) == changes.get("attention", True)
    assert ("experts" in names) == changes.get("experts", True)
    source = model.encode(batch, problem)
    memory, state = model.memory(source, problem), model.initial_state(source, 9)
    ids = tf.fill([3], -1)
    for position in range(batch["targets"].shape[1]):
        now, state = model.step(ids, state, problem, memory)
        np.testing.assert_allclose(now, logits[:, position], **CLOSE)
        ids = batch["targets"][:, position]
    other = {**batch, "inputs": tf.where(batch["inputs"] > 0, 2 + batch["inputs"] % 20, 0)}
    assert np.abs(logits_of(model, other, problem) - logits).max() > 1e-3


@every_model
def test_a_problem_with_known_doors_and_command_can_be_asked_for(name):
    class Unseen(toy_problems.ToyTextToText):
        """The same command, another name."""

        registered_name = "toy_unseen"

    model, seen, unseen = make_model(name, ["toy_text_to_text"]), "toy_text_to_text", Unseen()
    count, batch = len(model.variables), batch_of("toy_text_to_text")
    model.admit(unseen)
    assert len(model.variables) == count
    np.testing.assert_array_equal(logits_of(model, batch, "toy_unseen"), logits_of(model, batch, seen))
    unseen.command = "to-elsewhere"
    with pytest.raises(UserError, match="'to-elsewhere'.*to-reverse"):
        model.admit(unseen)
    with pytest.raises(UserError, match="a door for its inputs"):
        model.admit(toy_problems.toy("toy_image_to_text"))


@pytest.mark.parametrize("features, words", [
    ({"inputs": Text("bytes"), "targets": Image(8, 8, 3)},
     "targets of misfit cannot pass the modality image, which lacks top, target_ids, target_weights"),
])
def test_a_modality_that_cannot_stand_where_it_is_named_is_explained(features, words):
    class Misfit(toy_problems.ToyTextToText):
        name = "misfit"

        def define_features(self):
            return features

    with pytest.raises(UserError, match=words):
        registry.model("transformer")([Misfit()], {"bytes": 258}, registry.hparams("transformer_tiny"))
