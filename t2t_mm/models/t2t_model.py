"""T2TModel: doors around a body. What every model does with a problem; a subclass brings the body."""

from typing import NamedTuple

import keras
import numpy as np
from keras import ops

from t2t_mm.errors import UserError
from t2t_mm.layers.cross_entropy import cross_entropy
from t2t_mm.layers.domain_adaptation import DomainAdaptation
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.randomness import seeded
from t2t_mm.layers.sequence import Stream, join, shift_right
from t2t_mm.layers.side_outputs import collect_side_outputs
from t2t_mm.models.doors import Doors


class ModelOutput(NamedTuple):
    """logits [B, T, V] (a class: [B, 1, V]); losses: name → weighted scalar; statistics: name → tensor."""

    logits: keras.KerasTensor
    losses: dict
    statistics: dict


class T2TModel(Layer):
    """Bottoms → body → top, for any number of problems at once; doors of one modality and vocabulary are shared.

    A subclass defines `make_encoder` and `make_decoder`. Both are chains of layers (layers/composite.py): the encoder
    sees its whole input, the decoder is causal and attends to the encoded source.

    A problem is asked for by its command: one learned vector [D] per `problem.command`, shared by problems that have
    the same. Where targets are generated it stands before the first target. Where they are classes, nothing is to be
    generated: the decoder runs over the places of the encoded input, the command added to each, and the categorical
    door reads the result in the picture's own 2-D layout. A problem without inputs has the command as its source.

    Args:
        problems: objects with `name`, `command`, `inputs`, `targets` (problems/problem.py).
        vocabulary_sizes: vocabulary key of a text feature → number of ids.
        hparams: of the class `hparams_class`.
        modalities: overrides, "inputs" or "problem.inputs" → name of a modality.
    """

    hparams_class: type

    def __init__(self, problems, vocabulary_sizes, hparams, modalities=None, **kwargs):
        super().__init__(**kwargs)
        self.hparams = hparams
        self._problems = {problem.name: problem for problem in problems}
        self._commands = sorted({problem.command for problem in problems})
        self.doors = Doors(problems, vocabulary_sizes, hparams, modalities or {}, name="doors")
        self.encoder, self.decoder = self.make_encoder(hparams), self.make_decoder(hparams)
        self.adaptation = None
        if hparams.adversary_coef or hparams.similarity_coef:
            self.adaptation = DomainAdaptation(hparams.hidden_size, len(self._problems), hparams.adversary_coef,
                                               hparams.similarity_coef, name="adaptation")
        start = keras.initializers.RandomNormal(stddev=1.0)
        self.commands = self.add_weight(
            shape=(len(self._commands), hparams.hidden_size), initializer=start, name="commands"
        )
        self.built = True

    def make_encoder(self, hparams):
        """A layer: call(x [B, S, D], source=None, presence [B, S], training) → [B, S, D]."""
        raise NotImplementedError

    def make_decoder(self, hparams):
        """A causal layer (layers/__init__.py): call(x [B, T, D], source, presence, training) → [B, T, D]."""
        raise NotImplementedError

    def admit(self, problem):
        """Lets the model be asked for a problem that it was not made for, through doors and with a command that it has.

        Raises UserError if it lacks one of them.
        """
        missing = self.doors.admit(problem)
        if problem.command not in self._commands:
            missing.append(f"the command {problem.command!r} (it has {', '.join(self._commands)})")
        if missing:
            raise UserError(f"This model was not trained on {problem.name} and cannot be asked for it, because it "
                            f"lacks {' and '.join(missing)}. Train it on a problem that has them.")
        self._problems[problem.name] = problem

    def door(self, problem: str, feature: str):
        """The modality through which `feature` of `problem` passes."""
        return self.doors.door(problem, feature)

    def autoregressive(self, problem: str) -> bool:
        """Whether the targets are generated one by one; if not, `call`'s logits [:, 0] say it all."""
        return self.door(problem, "targets").autoregressive

    def command_id(self, problem: str) -> int:
        """The row of the problem's command."""
        return self._commands.index(self._problems[problem].command)

    def graph_key(self, problem: str):
        """Problems with equal keys differ in nothing but their command: one graph, given the command, serves all.

        With a domain adversary each problem has a graph of its own.
        """
        spec = self._problems[problem]
        shapes = tuple((name, self.doors.name_of(problem, name), getattr(feature, "shape", None))
                       for name, feature in spec.features.items())
        return (problem, shapes) if self.hparams.adversary_coef else shapes

    def build_variables(self):
        """Makes every variable by one small eager pass of training through each graph; call it before tracing.

        Of training, as it uses all parts, and has few operations however many experts there are.
        """
        keys = {}
        for name in self._problems:
            keys.setdefault(self.graph_key(name), name)
        for name in keys.values():
            self.call(self._smallest_batch(self._problems[name]), name, training=True, seed=np.zeros(2, "int32"))

    def _smallest_batch(self, problem):
        batch = {}
        for name, feature in problem.features.items():
            if feature.is_text:
                batch[name] = np.ones((1, 2), "int32")
            elif hasattr(feature, "shape"):
                batch[name] = np.zeros((1, *feature.shape), "float32")
            elif hasattr(feature, "mel_bins"):
                batch[name] = np.zeros((1, 32, feature.mel_bins), "float32")
                batch[f"{name}_length"] = np.full((1,), 32, "int32")
            else:
                batch[name] = np.zeros((1,), "int32")
        return {name: ops.convert_to_tensor(value) for name, value in batch.items()}

    # The forward pass.

    def call(self, batch, problem: str, training=False, seed=None, command=None):
        """A batch of `problem` (data/pipeline.py) → ModelOutput; the targets are fed back as they are.

        Args:
            seed: int32 [2], the source of all randomness; needed when training.
            command: the scalar row of the command; by default the problem's.
        """
        with seeded(seed if training else None), collect_side_outputs() as side:
            command = self._command(problem, command)
            source = self._encode(batch, problem, command, training)
            if training and self.adaptation is not None:
                domain = list(self._problems).index(problem)
                self.adaptation(source, domain=domain, encoded_target=self._target_encoder(batch, problem))
            stream = self._decoder_input(batch, problem, source, command)
            x = self.decoder(stream.x, source=source._replace(grid=None), presence=stream.presence, training=training)
            logits = self.door(problem, "targets").top(x, stream)
        return ModelOutput(logits, side.losses, side.statistics)

    def _command(self, problem, command):
        return ops.take(self.commands, self.command_id(problem) if command is None else command, axis=0)  # [D]

    def _encode(self, batch, problem, command, training=False):
        """The encoded inputs, one after another along the length, as a Stream."""
        streams = [
            self.door(problem, name).bottom(batch[name], batch.get(f"{name}_length"))
            for name in self._problems[problem].inputs
        ]
        if not streams:
            rows = ops.shape(batch["targets"])[0]
            x = ops.broadcast_to(command, (rows, 1, self.hparams.hidden_size))
            streams = [Stream(x, ops.ones_like(x[..., 0], dtype="float32"))]
        stream = join(streams) if len(streams) > 1 else streams[0]
        return self._encoded(stream, training)

    def _encoded(self, stream, training):
        return stream._replace(x=self.encoder(stream.x, presence=stream.presence, training=training))

    def _target_encoder(self, batch, problem):
        """A function that encodes the targets as if they were inputs; None if they are no sequence, or all there is."""
        door = self.door(problem, "targets")
        if not door.autoregressive or not self._problems[problem].inputs:
            return None
        return lambda: self._encoded(door.bottom(batch["targets"]), training=True)

    def _decoder_input(self, batch, problem, source, command):
        door = self.door(problem, "targets")
        if not door.autoregressive:
            return source._replace(x=source.x + ops.cast(command, source.x.dtype))
        ids = door.target_ids(batch["targets"])
        return Stream(shift_right(door.targets_bottom(ids), command), door.target_weights(ids))

    # Losses.

    def targets(self, batch, problem: str):
        """The target ids int32 [B, T] (classes: [B, 1])."""
        return self.door(problem, "targets").target_ids(batch["targets"])

    def target_weights(self, batch, problem: str):
        """float32 [B, T]: 1 where a target position counts."""
        return self.door(problem, "targets").target_weights(self.targets(batch, problem))

    def loss(self, batch, problem: str, output, training=True):
        """(summed cross-entropy in nats, number of target positions); label smoothing while training."""
        targets, weights = self.targets(batch, problem), self.target_weights(batch, problem)
        smoothing = self.hparams.label_smoothing if training else 0.0
        nats = cross_entropy(output.logits, targets, smoothing)
        return ops.sum(nats * weights), ops.sum(weights)

    # One position at a time.

    def encode(self, batch, problem: str):
        """The encoded inputs of a batch (no targets needed, but for a problem without inputs): a nest of tensors."""
        with seeded(None):
            source = self._encode(batch, problem, self._command(problem, None))
        return {"x": source.x, "presence": source.presence}

    def memory(self, source, problem: str, command=None):
        """What the steps read of the encoded inputs and of the command (as in `call`); a nest of tensors."""
        body = self.decoder.memory(Stream(**source))
        return {"command": self._command(problem, command), "body": body}

    def initial_state(self, source, max_length: int):
        """The state before the first of at most `max_length` targets; a nest of tensors with leading axis B."""
        body = self.decoder.initial_state(Stream(**source), max_length)
        return {"position": ops.zeros_like(source["presence"][:, 0], "int32"), "body": body}

    def step(self, ids, state, problem: str, memory):
        """ids [R], the outputs of the position before (−1 at the first) → (logits [R, V], state).

        R, the rows of `state`, is B, or as many times B as there are rows in a row for each source: beams, samples.
        """
        door = self.door(problem, "targets")
        x = ops.where(ids[:, None] < 0, memory["command"], door.targets_bottom(ops.maximum(ids, 0)))
        x = ops.cast(x, self.decoder.compute_dtype)
        y, body = self.decoder.step(x, state["body"], state["position"][0], memory["body"])
        return door.top(y), {"position": state["position"] + 1, "body": body}

    # Its parts.

    def parts(self) -> dict:
        """Name → layer: the doors, the encoder, the decoder, and what adapts domains."""
        parts = {**self.doors.all(), "encoder": self.encoder, "decoder": self.decoder}
        return parts | ({"adaptation": self.adaptation} if self.adaptation is not None else {})

    def take_commands(self, other) -> list[str]:
        """Takes over the vectors of the commands that another model has too; their names."""
        shared = [command for command in self._commands if command in other._commands]
        table, theirs = ops.convert_to_numpy(self.commands).copy(), ops.convert_to_numpy(other.commands)
        for command in shared:
            table[self._commands.index(command)] = theirs[other._commands.index(command)]
        self.commands.assign(table)
        return shared

    def parameter_groups(self) -> dict[str, int]:
        """Part (as of `parts`, and the commands) → its number of parameters."""
        parts = self.parts().items()
        counts = {name: sum(int(np.prod(w.shape)) for w in part.trainable_weights) for name, part in parts}
        return {**counts, "commands": int(np.prod(self.commands.shape))}
