"""What a layer reports beside its output: auxiliary losses and statistics, gathered by whoever calls the model."""

import contextlib
import contextvars
import dataclasses

_journal: contextvars.ContextVar = contextvars.ContextVar("side_outputs", default=None)


@dataclasses.dataclass
class SideOutputs:
    """losses: name → scalar, already weighted, to be added to the loss; statistics: name → tensor, to be looked at."""

    losses: dict = dataclasses.field(default_factory=dict)
    statistics: dict = dataclasses.field(default_factory=dict)
    reports: dict = dataclasses.field(default_factory=dict)  # layer → how often it has reported


@contextlib.contextmanager
def collect_side_outputs():
    """Gathers what the layers called within this context report."""
    token = _journal.set(SideOutputs())
    try:
        yield _journal.get()
    finally:
        _journal.reset(token)


def report(layer: str, losses: dict, statistics: dict) -> None:
    """Adds `layer`'s losses and statistics to the context's, as "layer/name"; without a context they are dropped.

    A second layer of that name, or a second call, is "layer_2".
    """
    journal = _journal.get()
    if journal is not None:
        count = journal.reports.get(layer, 0) + 1
        journal.reports[layer] = count
        prefix = layer if count == 1 else f"{layer}_{count}"
        journal.losses.update({f"{prefix}/{name}": value for name, value in losses.items()})
        journal.statistics.update({f"{prefix}/{name}": value for name, value in statistics.items()})
