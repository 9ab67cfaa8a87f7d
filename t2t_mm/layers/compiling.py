"""Whether XLA compiles what is being traced: a layer may have a formulation that it runs better."""

import contextlib
import contextvars

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
