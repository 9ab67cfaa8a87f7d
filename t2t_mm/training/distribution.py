"""On which devices training runs: the strategy, the parts of a batch, and whether XLA compiles."""

import functools
import json
import math
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

from t2t_mm.cores import at_once
from t2t_mm.errors import UserError, did_you_mean
from t2t_mm.training.choices import STRATEGIES, XLA

# Calls of one shape. On an H100 a training step of transformer_base or multimodel_base takes 60 ms less with XLA, and a
# minute to compile (benchmarks/README.md).
WORTH_COMPILING = 1000


def make_strategy(kind: str = "auto") -> tf.distribute.Strategy | None:
    """The distribution strategy of a training run, or None for a single device.

    "auto" mirrors the model on all GPUs if there are several; "mirrored" does so always (on all logical CPUs if there
    is no GPU); "multi_worker" joins the processes named in the TF_CONFIG environment variable; "none" is one device,
    and so is "cores", whose cores each have a part of a batch (`parts`). "multi_worker" must be asked for before
    TensorFlow makes its first tensor (`workers.py`: which of them writes).

    Raises:
      UserError: for an unknown kind, "multi_worker" without a cluster in TF_CONFIG, or "cores" beside a GPU.
    """
    if kind not in STRATEGIES:
        raise UserError(f"The distribution {kind} is not known.{did_you_mean(kind, STRATEGIES)} "
                        f"Known: {', '.join(STRATEGIES)}.")
    if kind == "multi_worker":       # before anything else wakes TensorFlow's devices
        _check_cluster(os.environ.get("TF_CONFIG", ""))
        return tf.distribute.MultiWorkerMirroredStrategy()
    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if kind == "cores" and gpus:
        raise UserError("--strategy=cores is for machines without a GPU. Leave it out: auto takes all GPUs.")
    if kind in ("none", "cores") or (kind == "auto" and len(gpus) < 2):
        return None
    return _mirrored(tuple(gpus or [device.name for device in tf.config.list_logical_devices("CPU")]))


@functools.cache
def _mirrored(devices: tuple[str, ...]) -> tf.distribute.Strategy:
    """One for all runs of a process: a second one would number its collectives as the first did, to clash with them."""
    return tf.distribute.MirroredStrategy(devices)


def _check_cluster(config):
    example = '{"cluster": {"worker": ["host1:2222", "host2:2222"]}, "task": {"type": "worker", "index": 0}}'
    try:
        described = json.loads(config)
        workers, task = described["cluster"]["worker"], described["task"]
        complete = (set(described["cluster"]) == {"worker"} and task["type"] == "worker"
                    and 0 <= int(task["index"]) < len(workers))
    except (ValueError, KeyError, TypeError):
        complete = False
    if not complete:
        raise UserError("The distribution multi_worker needs a cluster of workers in the environment variable "
                        f"TF_CONFIG, which is {config!r}. Set it in every process, each with its own index from 0: "
                        f"TF_CONFIG='{example}'.")


def parts(kind: object) -> int:
    """How many parts a batch has where there is no strategy: with "cores" as many as they work on at once."""
    return at_once() if kind == "cores" else 1


def replicas(strategy: tf.distribute.Strategy | None) -> int:
    """How many replicas share a batch, over all workers."""
    return strategy.num_replicas_in_sync if strategy else 1


def split_batch(batch: Mapping[str, tf.Tensor], parts: int) -> tuple[dict[str, tf.Tensor], ...]:
    """Cuts a batch along its first axis into parts whose sizes differ by at most 1, none of them empty.

    A batch with fewer examples than parts is repeated as a whole until it has enough: every example then counts
    equally often, so that the gradient of the mean loss stays what it was. With several workers each makes all parts of
    the same batch and takes its own, so that they train as one process would.
    """
    if parts == 1:
        return (dict(batch),)
    examples = int(next(iter(batch.values())).shape[0])
    copies = -(-parts // examples)
    repeated = {name: tf.concat([tensor] * copies, axis=0) if copies > 1 else tensor for name, tensor in batch.items()}
    cuts = [examples * copies * i // parts for i in range(parts + 1)]
    return tuple({name: tensor[start:stop] for name, tensor in repeated.items()}
                 for start, stop in zip(cuts, cuts[1:]))


def count_once(scalars: Mapping[str, tf.Tensor], batch: Mapping[str, tf.Tensor],
               parts: Sequence[Mapping[str, tf.Tensor]]) -> dict[str, tf.Tensor]:
    """The scalars of a step on the parts of a batch, with its tokens and examples, also where the parts repeat it."""
    rows = [int(next(iter(tensors.values())).shape[0]) for tensors in (batch, *parts)]
    copies = sum(rows[1:]) // rows[0]
    if copies == 1:
        return dict(scalars)
    return dict(scalars, tokens=scalars["tokens"] / copies, examples=scalars["examples"] / copies)


def use_xla(flag: str, calls: float = math.inf, devices: Sequence[str] | None = None) -> bool:
    """Whether XLA compiles.

    Args:
      flag: "on", "off", or "auto": on for GPUs if what is compiled for a shape is called often enough to pay for its
        compilation. Off for CPUs: on two cores a training step of 32 × 32 tokens takes 531 ms with XLA
        and 419 ms without (transformer_small; `benchmarks/xla.py`).
      calls: how often each shape will come.
      devices: types of the devices that train, like ("CPU", "GPU"); by default those of this machine.

    Raises:
      UserError: for another flag.
    """
    if flag not in XLA:
        raise UserError(f"--xla={flag} is not known.{did_you_mean(flag, XLA)} Known: {', '.join(XLA)}.")
    if flag != "auto":
        return flag == "on"
    if devices is None:
        devices = [device.device_type for device in tf.config.list_logical_devices()]
    return "GPU" in devices and calls >= WORTH_COMPILING
