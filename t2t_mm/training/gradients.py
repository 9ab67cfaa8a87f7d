"""The gradients of a problem's batch, averaged over replicas or cores; what runs in the graph of a step."""

from collections.abc import Mapping
from functools import partial

import tensorflow as tf

from t2t_mm.layers.compiling import compiling
from t2t_mm.training.optimizers import Optimizer, read


class Gradients:
    """Differentiates a model's objective: nats per target position, times a weight, plus its auxiliary losses.

    With a strategy each replica takes its own part of the batch, and with several parts and no strategy each core. They
    count by their target positions, so that the gradient is that of the whole batch: Σ nats / Σ positions. Auxiliary
    losses are averaged by the same weights. XLA then compiles the forward and backward pass of a replica, and not what
    follows, because on CPUs collectives cannot be compiled.

    Args:
      model, optimizer, xla, strategy: as those of `TrainStep`.
    """

    def __init__(self, model, optimizer: Optimizer, xla: bool, strategy: tf.distribute.Strategy | None):
        self._model, self._optimizer, self._xla, self._strategy = model, optimizer, xla, strategy

    def __call__(self, problem: str, parts: tuple[Mapping[str, tf.Tensor], ...], command: tf.Tensor,
                 seed: tf.Tensor, weight: tf.Tensor | float = 1.0) -> tuple[dict[int, tf.Tensor], dict[str, tf.Tensor]]:
        """To be called in a graph, in a replica where there is a strategy.

        Args:
          problem: a problem of the graph.
          parts: the part of the batch for each replica or core.
          command: int32 scalar, the number of the command.
          seed: int32 [2].
          weight: float32 scalar, of the problem's nats in the objective.

        Returns:
          Index of a variable → dense gradient, for the variables that the problem touches; and the scalars loss (not
          weighted), objective, auxiliary losses and statistics by their names, tokens, examples, and finite (1 or 0).
        """
        if self._strategy is not None:
            gradients, means, tokens, examples = self._of_all_replicas(problem, parts, command, seed, weight)
        elif len(parts) > 1:
            gradients, means, tokens, examples = self._of_all_cores(problem, parts, command, seed, weight)
        else:
            gradients, means, tokens, examples = self._of_one_replica(problem, parts[0], command, seed, weight)
        finite = tf.where(tf.math.is_finite(means["objective"]), 1.0, 0.0)
        return gradients, dict(means, tokens=tokens, examples=examples, finite=finite)

    def _of_all_replicas(self, problem, parts, command, seed, weight):
        replica = tf.distribute.get_replica_context()
        number = int(tf.get_static_value(replica.replica_id_in_sync_group))
        seed = tf.random.experimental.stateless_fold_in(seed, number)
        function = partial(self._of_one_replica, problem)
        if self._xla:
            function = tf.function(function, jit_compile=True, autograph=False)
        gradients, means, tokens, examples = function(dict(parts[number]), command, seed, weight)
        weighted = [tensor * tokens for tensor in (*gradients.values(), *means.values())]
        *sums, tokens, examples = replica.all_reduce(tf.distribute.ReduceOp.SUM, [*weighted, tokens, examples])
        averages = [tf.math.divide_no_nan(total, tokens) for total in sums]
        return dict(zip(gradients, averages)), dict(zip(means, averages[len(gradients):])), tokens, examples

    def _of_all_cores(self, problem, parts, command, seed, weight):
        """One function, traced once and called for each part: the calls wait for nothing but cores."""
        function = tf.function(partial(self._of_one_replica, problem), autograph=False)
        seeds = [tf.random.experimental.stateless_fold_in(seed, number) for number in range(len(parts))]
        results = [function(dict(part), command, own, weight) for part, own in zip(parts, seeds)]
        tokens, examples = (tf.add_n([result[place] for result in results]) for place in (2, 3))
        shares = [tf.math.divide_no_nan(own, tokens) for _, _, own, _ in results]
        gradients, means = (
            {key: tf.add_n([result[place][key] * share for result, share in zip(results, shares)])
             for key in results[0][place]} for place in (0, 1))
        return gradients, means, tokens, examples

    def _of_one_replica(self, problem, batch, command, seed, weight):
        """Gradients, means over target positions, number of target positions, number of examples."""
        loss_scale = self._optimizer.loss_scale
        scale = 1.0 if loss_scale is None else read(loss_scale.scale)
        with tf.GradientTape() as tape, compiling(self._xla):
            output = self._model.call(batch, problem, training=True, seed=seed, command=command)
            nats, tokens = self._model.loss(batch, problem, output, training=True)
            tokens = tf.cast(tokens, tf.float32)
            loss = tf.math.divide_no_nan(tf.cast(nats, tf.float32), tokens)
            means = {name: tf.cast(value, tf.float32) for name, value in output.losses.items()}
            means = {"loss": loss, **means, "objective": tf.add_n([loss * weight, *means.values()])}
            scaled_loss = means["objective"] * scale
        gradients = self._by_index(tape, scaled_loss, scale)
        means.update(_scalar_statistics(output.statistics))
        examples = tf.cast(tf.shape(next(iter(batch.values())))[0], tf.float32)
        return gradients, means, tokens, examples

    def _by_index(self, tape, scaled_loss, scale):
        """Dense gradients of the variables that the forward pass read."""
        watched = {id(variable) for variable in tape.watched_variables()}
        variables = {i: v for i, v in enumerate(self._optimizer.variables_updated) if id(v) in watched}
        gradients = zip(variables, tape.gradient(scaled_loss, list(variables.values())))
        dense = {i: tf.convert_to_tensor(gradient) for i, gradient in gradients if gradient is not None}
        if self._optimizer.loss_scale is None:
            return dense
        return {i: gradient / scale for i, gradient in dense.items()}


def _scalar_statistics(statistics):
    return {name: tf.cast(value, tf.float32) for name, value in statistics.items() if value.shape.rank == 0}
