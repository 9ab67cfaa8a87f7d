"""Whether XLA compiles what is being traced: a layer may have a formulation that it runs better."""

import contextlib
import contextvars

import keras

_compiling: contextvars.ContextVar = contextvars.ContextVar("compiling", default=False)


@contextlib.contextmanager
def compiling(xla: bool = True):
    """To be entered where a model is called in a function that XLA compiles; nothing else tells a layer so."""
    token = _compiling.set(xla)
    try:
        yield
    finally:
        _compiling.reset(token)


def is_compiling() -> bool:
    return _compiling.get()


def wants_few_operations() -> bool:
    """Whether a few large operations of fixed shapes beat many small ones: with XLA, and on GPUs, which start each."""
    return is_compiling() or bool(keras.distribution.list_devices("gpu"))
