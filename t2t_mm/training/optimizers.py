"""Adam and SGD on the variables that a step touched, and the loss scale of float16 training."""

from collections.abc import Mapping, Sequence

import keras
import tensorflow as tf


class Optimizer(tf.Module):
    """What all optimizers share: which variables, how often each was updated, decoupled weight decay.

    A variable that has no gradient in a step (it stands in the door of another problem) is left as it is, its moments
    and its count of updates too. All writes go through resource handles, so that `apply` works in a replica of a
    distribution strategy, where every replica updates its own copy with the same reduced gradients, and under XLA.

    Args:
      variables: trainable variables, Keras' or TensorFlow's, in an order that is the same when training resumes.
      weight_decay: the decoupled weight decay of Loshchilov and Hutter 2019: per update each matrix (rank ≥ 2) loses
        learning_rate · weight_decay of itself.
      loss_scaling: keep a `LossScale` (for float16) as `loss_scale`, which is None otherwise.
    """

    # The model owns and saves its weights; here they are only referred to.
    _TF_MODULE_IGNORED_PROPERTIES = frozenset({"variables_updated"} | tf.Module._TF_MODULE_IGNORED_PROPERTIES)

    def __init__(self, variables: Sequence, weight_decay: float = 0.0, loss_scaling: bool = False):
        super().__init__(name="optimizer")
        self._keep_untracked([raw_variable(v) for v in variables])
        self._weight_decay = weight_decay
        self.updates = tf.Variable(tf.zeros([len(self.variables_updated)]), trainable=False, name="updates")
        self.loss_scale = LossScale() if loss_scaling else None

    @tf.__internal__.tracking.no_automatic_dependency_tracking
    def _keep_untracked(self, variables):
        self.variables_updated = tuple(variables)

    def apply(self, gradients: Mapping[int, tf.Tensor], learning_rate: tf.Tensor, keep: tf.Tensor) -> None:
        """Updates the variables that have a gradient; in graph.

        Args:
          gradients: index of a variable → dense float32 gradient of its shape; finite, also where `keep` is False.
          learning_rate: float32 scalar.
          keep: boolean scalar; where it is False nothing changes, to the last bit.
        """
        if not gradients:
            return
        indices = sorted(gradients)
        rate = tf.where(keep, learning_rate, 0.0)
        self._decay([self.variables_updated[i] for i in indices], rate)
        self._apply(indices, [gradients[i] for i in indices], rate, keep)

    def _apply(self, indices, gradients, rate, keep):
        raise NotImplementedError

    def _decay(self, variables, rate):
        if not self._weight_decay:
            return
        for variable in variables:
            if variable.shape.rank >= 2:
                change = rate * self._weight_decay * read(variable)
                tf.raw_ops.AssignSubVariableOp(resource=variable.handle, value=change)

    def _count_updates(self, indices, keep):
        """Counts this update; returns each variable's number of updates, at least 1: float32 [len(indices)]."""
        present = set(indices)
        touched = tf.constant([float(i in present) for i in range(len(self.variables_updated))])
        counts = read(self.updates) + tf.where(keep, touched, 0.0)
        assign(self.updates, counts)
        return tf.maximum(tf.gather(counts, indices), 1.0)

    def _slots(self, name):
        return [tf.Variable(tf.zeros(v.shape, v.dtype), trainable=False, name=name) for v in self.variables_updated]


class Adam(Optimizer):
    """Adam (Kingma and Ba 2015, in the form at the end of section 2, whose epsilon stands beside the raw moment).

    m ← β1 m + (1 - β1) g;  v ← β2 v + (1 - β2) g²;  w ← w - rate · sqrt(1 - β2^t) / (1 - β1^t) · m / (sqrt(v) + ε)
    where t counts the updates of this variable, not the steps of the run, so that the bias correction is right for a
    door whose problem comes rarely.
    """

    def __init__(self, variables: Sequence, beta1: float = 0.9, beta2: float = 0.98, epsilon: float = 1e-9,
                 weight_decay: float = 0.0, loss_scaling: bool = False):
        super().__init__(variables, weight_decay, loss_scaling)
        self._beta1, self._beta2, self._epsilon = beta1, beta2, epsilon
        self.first_moments = self._slots("first_moment")
        self.second_moments = self._slots("second_moment")

    def _apply(self, indices, gradients, rate, keep):
        times = self._count_updates(indices, keep)
        powers1 = tf.unstack(self._beta1 ** times)
        powers2 = tf.unstack(self._beta2 ** times)
        beta1 = tf.where(keep, self._beta1, 1.0)    # with β = 1 and gradient 0 a moment stays as it is
        beta2 = tf.where(keep, self._beta2, 1.0)
        epsilon = tf.constant(self._epsilon)
        for i, gradient, power1, power2 in zip(indices, gradients, powers1, powers2):
            tf.raw_ops.ResourceApplyAdam(
                var=self.variables_updated[i].handle, m=self.first_moments[i].handle, v=self.second_moments[i].handle,
                beta1_power=power1, beta2_power=power2, lr=rate, beta1=beta1, beta2=beta2, epsilon=epsilon,
                grad=gradient)


class Sgd(Optimizer):
    """Stochastic gradient descent with momentum: a ← momentum · a + g;  w ← w - rate · a."""

    def __init__(self, variables: Sequence, momentum: float = 0.9, weight_decay: float = 0.0,
                 loss_scaling: bool = False):
        super().__init__(variables, weight_decay, loss_scaling)
        self._momentum = momentum
        self.momenta = self._slots("momentum")

    def _apply(self, indices, gradients, rate, keep):
        self._count_updates(indices, keep)
        momentum = tf.where(keep, self._momentum, 1.0)
        for i, gradient in zip(indices, gradients):
            tf.raw_ops.ResourceApplyMomentum(var=self.variables_updated[i].handle, accum=self.momenta[i].handle,
                                             lr=rate, grad=gradient, momentum=momentum)


class LossScale(tf.Module):
    """The factor on the loss that keeps float16 gradients from vanishing (Micikevicius et al. 2018, section 3.2).

    It halves (never below 1) when a gradient is not finite, and doubles after `interval` finite ones in a row.
    """

    def __init__(self, initial: float = 2.0 ** 15, interval: int = 2000):
        super().__init__(name="loss_scale")
        self._interval = float(interval)
        self.scale = tf.Variable(initial, trainable=False, name="scale", dtype=tf.float32)
        self.finite_steps = tf.Variable(0.0, trainable=False, name="finite_steps")

    def update(self, finite: tf.Tensor) -> None:
        """Takes note of a step whose gradients were finite or not (boolean scalar); in graph."""
        scale, steps = read(self.scale), read(self.finite_steps) + 1.0
        double = steps >= self._interval
        larger = tf.where(double, tf.minimum(2.0 * scale, 2.0 ** 24), scale)
        assign(self.scale, tf.where(finite, larger, tf.maximum(scale / 2.0, 1.0)))
        assign(self.finite_steps, tf.where(finite & ~double, steps, 0.0))


def make_optimizer(hparams, variables: Sequence) -> Optimizer:
    """The optimizer of an hparams set; to be called in the scope of the strategy. SGD's momentum is `adam_beta1`."""
    kind, settings = {"adam": (Adam, (hparams.adam_beta1, hparams.adam_beta2, hparams.adam_epsilon)),
                      "sgd": (Sgd, (hparams.adam_beta1,))}[hparams.optimizer]
    return kind(variables, *settings, weight_decay=hparams.weight_decay,
                loss_scaling=hparams.mixed_precision == "float16")


def raw_variable(variable) -> tf.Variable:
    """TensorFlow's variable inside a Keras variable; a TensorFlow variable itself."""
    return variable.value if isinstance(variable, keras.Variable) else variable


def read(variable: tf.Variable) -> tf.Tensor:
    """The value of this replica's copy."""
    return tf.raw_ops.ReadVariableOp(resource=variable.handle, dtype=variable.dtype)


def assign(variable: tf.Variable, value: tf.Tensor) -> None:
    """Overwrites this replica's copy."""
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)
