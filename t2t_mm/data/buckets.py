"""Buckets: which examples share a batch and how large it is, so that a batch never holds more than its token budget."""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

from t2t_mm.data.features import Audio, Feature
from t2t_mm.errors import UserError

GROWTH = 1.5  # from one boundary to the next


@dataclasses.dataclass(frozen=True)
class Buckets:
    """An example of length n falls in the bucket of the smallest boundary ≥ n; it is padded to that boundary.

    `batch_sizes` are examples a batch, one per boundary. Longer examples than `max_length` are dropped.
    """

    boundaries: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    max_length: int


class Plan(NamedTuple):
    """Batches of consecutive examples: `batch_of[i]` is the batch of example i, or -1 if it is dropped."""

    batch_of: list[int]  # per example
    sizes: list[int]  # per batch: examples
    boundaries: list[int]  # per batch: the length that texts are padded to


def length_features(problem) -> dict[str, Feature]:
    """The features whose longest sets an example's bucket: texts and sounds; without any, its length is 1."""
    return {name: feature for name, feature in problem.features.items()
            if feature.is_text or isinstance(feature, Audio)}


def make_buckets(problem, batch_size: int, max_examples: int, max_length: int, min_bucket: int) -> Buckets:
    """The buckets of a problem: boundaries min_bucket, each half as long again, up to max_length.

    Args:
        problem: its texts are counted in tokens with EOS, its sounds in 0.32 s (so that a batch of long sounds is
            bounded like one of long texts); without either there is one bucket.
        batch_size: padded tokens a batch; examples, where there is one bucket.
        max_examples: most examples a batch.
        max_length: the longest example that is kept.
        min_bucket: the smallest boundary.

    Raises UserError if a number is out of range. A batch has at least one example, however long it is.
    """
    if min(batch_size, max_examples, max_length, min_bucket) < 1:
        raise UserError(f"Buckets of {problem.name} need batch_size, max_examples, max_length and min_bucket ≥ 1; got "
                        f"{batch_size}, {max_examples}, {max_length}, {min_bucket}.")
    if not length_features(problem):
        return Buckets((1,), (min(max_examples, batch_size),), 1)
    boundaries, boundary = [], min_bucket
    while boundary < max_length:
        boundaries.append(boundary)
        boundary = max(boundary + 1, int(boundary * GROWTH))
    boundaries.append(max_length)
    sizes = tuple(max(1, min(max_examples, batch_size // boundary)) for boundary in boundaries)
    return Buckets(tuple(boundaries), sizes, max_length)


def boundary_for(buckets: Buckets, length: int) -> int:
    """The boundary an example of this length is padded to; raises UserError if it is longer than max_length."""
    return buckets.boundaries[_bucket_of(buckets, length)]


def plan_in_order(lengths: Iterable[int], buckets: Buckets) -> Plan:
    """Consecutive examples share a batch for as long as the bucket of the longest allows; too long ones get -1."""
    plan = Plan([], [], [])
    bucket = 0
    for length in lengths:
        if length > buckets.max_length:
            plan.batch_of.append(-1)
            continue
        own = _bucket_of(buckets, length)
        if not plan.sizes or plan.sizes[-1] + 1 > buckets.batch_sizes[max(bucket, own)]:
            bucket = own
            plan.sizes.append(0)
            plan.boundaries.append(0)
        bucket = max(bucket, own)
        plan.sizes[-1] += 1
        plan.boundaries[-1] = buckets.boundaries[bucket]
        plan.batch_of.append(len(plan.sizes) - 1)
    return plan


def _bucket_of(buckets: Buckets, length: int) -> int:
    if length > buckets.max_length:
        raise UserError(f"An example of length {length} is longer than max_length={buckets.max_length}. "
                        "Shorten it, or raise max_length.")
    return bisect.bisect_left(buckets.boundaries, length)
