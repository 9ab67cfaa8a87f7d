"""One update of the model: a batch's loss, its gradients, clipping, the optimizer; traced once for each graph."""

from collections.abc import Hashable, Mapping, Sequence
from functools import partial

import tensorflow as tf

from t2t_mm.training import distribution, schedules
from t2t_mm.training.gradients import Gradients
from t2t_mm.training.optimizers import Optimizer, assign, read
from t2t_mm.training.signatures import specification

Batch = Mapping[str, tf.Tensor]
Scalars = dict[str, tf.Tensor]


class TrainStep:
    """Updates a model with batches of its problems.

    The objective of a batch is its nats per target position, times the weight of its problem, plus the model's
    auxiliary losses; its gradient is clipped to the global norm `hparams.clip_norm` (0: never), and the optimizer
    applies it to the variables the problem touched. Where the objective or the norm is not finite, nothing at all is
    updated, and "finite" is 0.

    Problems of one `model.graph_key(problem)` share one traced function, in which batch and length are unknown; only
    the number of the command, `model.command_id(problem)`, differs, and it is a tensor. XLA, where it is on, compiles
    this function for every shape it meets: the whole update, or with a strategy only the forward and backward pass
    (on CPUs collectives cannot be compiled).

    Args:
      model: a built T2TModel, made in the scope of the strategy.
      optimizer: of `model.trainable_variables`, made in the scope of the strategy.
      hparams: clip_norm, problems_per_step and the learning rate schedule are read.
      xla: whether to compile.
      strategy: a distribution strategy, or None.
      seed: of the run; the randomness of a step is a function of (seed, step) alone.
      train_steps: length of the run for the schedule, where it is not `hparams.train_steps`.
      loss_weights: problem → the weight of its nats, where it is not 1.
      parts: without a strategy, how many cores share a batch, each with a part of it.
    """

    def __init__(self, model, optimizer: Optimizer, hparams, xla: bool = False,
                 strategy: tf.distribute.Strategy | None = None, seed: int = 0, train_steps: int | None = None,
                 loss_weights: Mapping[str, float] | None = None, parts: int = 1):
        self._model, self._optimizer, self._strategy = model, optimizer, strategy
        self._xla, self._seed, self._loss_weights = xla, seed, loss_weights or {}
        self._clip_norm = hparams.clip_norm
        self._problems_per_step = hparams.problems_per_step
        self._schedule = schedules.schedule(hparams, train_steps)
        self._gradients = Gradients(model, optimizer, xla, strategy)
        self._parts = distribution.replicas(strategy) if strategy else parts
        self._functions: dict[Hashable, tf.function] = {}
        self._touched: dict[Hashable, tuple[int, ...]] = {}   # graph → indices of the variables that get a gradient
        self._sums = self._make_sums() if self._problems_per_step > 1 else []

    def step(self, problem: str, batch: Batch, step: int) -> Scalars:
        """One update with one problem's batch.

        Args:
          problem: name of a problem of the model.
          batch: its tensors, as the pipeline yields them; at least one example.
          step: number of updates made before this one.

        Returns:
          Scalar tensors: loss (nats per target position, neither weighted nor with auxiliary losses), objective, each
          auxiliary loss and scalar statistic of the model by its name, grad_norm (before clipping), learning_rate,
          tokens (target positions), examples, and finite: 1, or 0 where the objective, or a gradient that no smaller
          loss scale can mend, was not finite. With a loss scale also skipped_updates: 1 where the next one is smaller,
          as the gradient overflowed and nothing was updated.
        """
        rate = self._schedule(step)
        function, inputs = self._function(self._update, problem, batch, step)
        scalars = distribution.count_once(function(*inputs, tf.constant(rate, tf.float32)), batch, inputs[0])
        return dict(scalars, learning_rate=tf.constant(rate, tf.float32))

    def step_many(self, problems: Sequence[str], batches: Sequence[Batch], step: int) -> list[Scalars]:
        """One update with the average gradient of `hparams.problems_per_step` batches of different problems.

        Returns:
          For each batch the scalars of `step`; grad_norm is the norm of the average, the same for all, and finite is
          0 for a batch whose own objective or gradient is not finite, or for all if only their average gradient is not.

        Raises:
          ValueError: if there are more or fewer problems or batches than `hparams.problems_per_step`.
        """
        if len(problems) != self._problems_per_step or len(batches) != self._problems_per_step:
            raise ValueError(f"problems_per_step={self._problems_per_step}, but {len(problems)} problems and "
                             f"{len(batches)} batches were given")
        if self._problems_per_step == 1:
            return [self.step(problems[0], batches[0], step)]
        results, touched = [], set()
        for i, (problem, batch) in enumerate(zip(problems, batches)):
            function, inputs = self._function(self._accumulate, problem, batch, step * self._problems_per_step + i)
            results.append(distribution.count_once(function(*inputs), batch, inputs[0]))
            touched.update(self._touched[self._model.graph_key(problem)])
        return self._finish(results, tuple(sorted(touched)), self._schedule(step))

    def _finish(self, results, touched, rate):
        """Applies the accumulated gradients and completes the scalars of every batch."""
        rate = tf.constant(rate, tf.float32)
        finite_losses = tf.reduce_min(tf.stack([result["finite"] for result in results]))
        if touched not in self._functions:
            body = partial(self._apply_sums, touched)
            self._functions[touched] = tf.function(partial(self._on_replicas, body), autograph=False)
        update = self._functions[touched](finite_losses, rate)
        gradient_is_why = (update["finite"] == 0) & (finite_losses == 1)
        return [{**result, **update, "learning_rate": rate,
                 "finite": tf.where(gradient_is_why, 0.0, result["finite"])} for result in results]

    @property
    def traces(self) -> int:
        """How many graphs have been traced so far."""
        return sum(function.experimental_get_tracing_count() for function in self._functions.values())

    # Functions, traced once per graph.

    def _function(self, body, problem, batch, randomness):
        """The traced function of a problem's graph, and its inputs: parts of the batch, command, seed, weight."""
        parts = distribution.split_batch(batch, self._parts)
        signature = tuple({name: specification(tensor) for name, tensor in part.items()} for part in parts)
        key = (body.__name__, self._model.graph_key(problem), tuple(sorted(signature[0].items())))
        if key not in self._functions:
            self._functions[key] = self._trace(body, problem, signature)
        seed = tf.constant([self._seed % 2 ** 31, randomness % 2 ** 31], tf.int32)
        weight = tf.constant(self._loss_weights.get(problem, 1.0), tf.float32)
        return self._functions[key], (parts, tf.constant(self._model.command_id(problem), tf.int32), seed, weight)

    def _trace(self, body, problem, signature):
        scalars = [tf.TensorSpec([], tf.int32), tf.TensorSpec([2], tf.int32), tf.TensorSpec([], tf.float32)]
        if body.__name__ == "_update":                                   # else the rate comes at the end of the step
            scalars.append(tf.TensorSpec([], tf.float32))
        whole = self._xla and self._strategy is None
        return tf.function(partial(self._on_replicas, partial(body, problem)), autograph=False,
                           input_signature=[signature, *scalars], jit_compile=whole)

    def _on_replicas(self, body, *inputs):
        """The scalars of `body`, run on every replica; they are the same on each."""
        if self._strategy is None:
            return body(*inputs)
        scalars = self._strategy.run(body, args=inputs)
        return {name: self._strategy.experimental_local_results(value)[0] for name, value in scalars.items()}

    # What runs in the graph, in each replica.

    def _update(self, problem, parts, command, seed, weight, rate):
        gradients, scalars = self._gradients(problem, parts, command, seed, weight)
        return dict(scalars, **self._commit(gradients, scalars["finite"], rate))

    def _accumulate(self, problem, parts, command, seed, weight):
        gradients, scalars = self._gradients(problem, parts, command, seed, weight)
        self._touched[self._model.graph_key(problem)] = tuple(gradients)
        for i, gradient in gradients.items():
            tf.raw_ops.AssignAddVariableOp(resource=self._sums[i].handle, value=gradient)
        if self._optimizer.loss_scale is None:      # else a gradient that overflows is no error yet
            norm = tf.linalg.global_norm(list(gradients.values()))
            scalars["finite"] = tf.where(tf.math.is_finite(norm), scalars["finite"], 0.0)
        return scalars

    def _apply_sums(self, touched, finite_losses, rate):
        gradients = {i: read(self._sums[i]) / self._problems_per_step for i in touched}
        result = self._commit(gradients, finite_losses, rate)
        for i in touched:
            assign(self._sums[i], tf.zeros_like(self._sums[i]))
        return result

    def _commit(self, gradients, finite_loss, rate):
        """Clips and applies gradients unless something is not finite."""
        norm = tf.linalg.global_norm(list(gradients.values()))
        keep = tf.math.is_finite(norm) & (finite_loss == 1)
        mended = self._update_loss_scale(keep)
        factor = self._clip_norm / tf.maximum(norm, self._clip_norm) if self._clip_norm else 1.0
        factor = tf.where(keep, factor, 0.0)
        clipped = {i: tf.math.multiply_no_nan(gradient, factor) for i, gradient in gradients.items()}
        self._optimizer.apply(clipped, rate, keep)
        scalars = {"grad_norm": norm, "finite": tf.where(keep | (mended & (finite_loss == 1)), 1.0, 0.0)}
        if self._optimizer.loss_scale is not None:
            scalars["skipped_updates"] = 1.0 - tf.cast(keep, tf.float32)
        return scalars

    def _update_loss_scale(self, keep):
        """Whether a gradient that is not finite is no error, because a smaller loss scale comes next."""
        loss_scale = self._optimizer.loss_scale
        if loss_scale is None:
            return tf.constant(False)
        may_shrink = read(loss_scale.scale) > 1
        loss_scale.update(keep)
        return may_shrink

    def _make_sums(self):
        """A variable for each trainable one, for the sum of gradients; zero between steps, so never saved."""
        def make():
            return [tf.Variable(tf.zeros(v.shape), trainable=False) for v in self._optimizer.variables_updated]
        if self._strategy is None:
            return make()
        with self._strategy.scope():
            return make()
