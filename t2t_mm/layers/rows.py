"""Positions as the rows of one matrix, [B, L, D] as [B·L, D]: for layers that look at one position at a time."""

from keras import ops


def in_rows(function, x):
    """function: [N, D] → [N, F], of all positions of x [..., D] → [..., F].

    Layers nest these; those inside find rows already, so that a layout is taken apart and put together once.
    """
    if len(x.shape) == 2:
        return function(x)
    y = function(ops.reshape(x, (-1, x.shape[-1])))
    return ops.reshape(y, (*ops.shape(x)[:-1], y.shape[-1]))


def sum_rows(*matrices):
    """[Σ_N of x [N, D] → [D] for each x of as many rows], as products with ones.

    On CPUs that takes half the time of a sum over the first axis.
    """
    first = matrices[0]
    ones = ops.ones((1, ops.shape(first)[0]), first.dtype)
    return [ops.reshape(ops.matmul(ones, x), (x.shape[-1],)) for x in matrices]
