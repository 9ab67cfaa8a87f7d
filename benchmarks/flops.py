"""Model FLOPs: the multiplications and additions of the matrix products and plain convolutions of a traced function."""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

BACKWARD = 2  # each product has two in its gradient, one for either factor


def forward_flops(function: Callable, *specs: object) -> int:
    """2·m·n·k summed over the products of `function`, traced with `specs` (tensors or tf.TensorSpec of fixed shapes).

    Depthwise convolutions and all that works element by element count nothing. ValueError where a shape is not known.
    """
    graph = tf.function(function, autograph=False).get_concrete_function(*specs).graph
    return sum(_flops(operation) for operation in _operations(graph))


def training_flops(function: Callable, *specs: object) -> int:
    """Those of `function` and of its gradient: three times the forward pass."""
    return (1 + BACKWARD) * forward_flops(function, *specs)


def _operations(graph):
    yield from graph.get_operations()
    for operation in graph.get_operations():  # functions called, as those of a custom gradient
        for name in ("f", "body"):
            if name in operation.node_def.attr and operation.node_def.attr[name].func.name:
                inner = graph._functions.get(operation.node_def.attr[name].func.name)
                if inner is not None and getattr(inner, "graph", None) is not None:
                    yield from _operations(inner.graph)


def _flops(operation) -> int:
    if operation.type in ("MatMul", "BatchMatMul", "BatchMatMulV2"):
        transposed = "transpose_a" if operation.type == "MatMul" else "adj_x"
        left = operation.inputs[0].shape.as_list()
        inner = left[-2 if operation.get_attr(transposed) else -1]
    elif operation.type == "Conv2D":
        inner = math.prod(_known(operation, operation.inputs[1].shape.as_list()[:3]))
    else:
        return 0
    return 2 * math.prod(_known(operation, [inner, *operation.outputs[0].shape.as_list()]))


def _known(operation, sizes: list[int | None]) -> list[int]:
    if None in sizes:
        raise ValueError(f"The product {operation.name} has an open shape: trace it with fixed ones.")
    return sizes
