"""How many bytes the tensors of a graph take at most: its operations walked in the order in which they become ready.

TensorFlow's executor starts an operation once its inputs are there, and frees a tensor after its last reader. Walked
one after another, first come first served, that gives the bytes alive after each operation; their largest sum is what
the graph needs. Two threads run a little ahead of it: measured in benchmarks/memory.py.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from typing import Any, NamedTuple

import tensorflow as tf

# Operations whose output is their (first) input under another name or shape.
_SAME_BUFFER = frozenset("Bitcast EnsureShape ExpandDims Identity IdentityN PreventGradient ReadVariableOp Reshape "
                         "Snapshot Squeeze StopGradient".split())
# Operations that write over an input of the output's size when nobody else will read it.
_IN_PLACE = frozenset("Abs Add AddN AddV2 BiasAdd Ceil Cos Div DivNoNan Elu EluGrad Erf Exp Expm1 Floor Inv InvGrad "
                      "Log Log1p LogSoftmax LogicalAnd LogicalNot LogicalOr Maximum Minimum Mul MulNoNan Neg Pow "
                      "RealDiv Reciprocal Relu Relu6 Relu6Grad ReluGrad Round Rsqrt RsqrtGrad Select SelectV2 Sigmoid "
                      "SigmoidGrad Sign Sin Softmax Softplus SoftplusGrad Sqrt SqrtGrad Square SquaredDifference Sub "
                      "Tanh TanhGrad Xdivy".split())
_OWNED_ELSEWHERE = frozenset("Const Placeholder ReadVariableOp VarHandleOp".split())  # there all the time
_CALLS = frozenset("Case If PartitionedCall StatefulPartitionedCall StatelessCase StatelessIf StatelessWhile "
                   "While".split())


class Peak(NamedTuple):
    """What a graph needs, in bytes, beside its inputs, constants and variables.

    Attributes:
        live: all tensors at their largest sum, those that the graph returns included.
        passing: the same without those that it returns.
        unknown: how many floating-point tensors had no known size and count nothing.
    """

    live: int
    passing: int
    unknown: int


def peak_live_bytes(graph: Any) -> Peak:
    """The Peak of a traced function's graph (`ConcreteFunction.graph`)."""
    walk = _Walk(graph)
    for operation in _as_they_become_ready(graph):
        walk.run(operation)
    return Peak(walk.most, walk.most_passing, walk.unknown)


def _as_they_become_ready(graph: Any) -> Iterator[Any]:
    waits_for, readers = {}, collections.defaultdict(list)
    for operation in graph.get_operations():
        before = {tensor.op for tensor in operation.inputs} | set(operation.control_inputs)
        waits_for[operation] = len(before)
        for other in before:
            readers[other].append(operation)
    ready = collections.deque(operation for operation, count in waits_for.items() if not count)
    while ready:
        operation = ready.popleft()
        yield operation
        for reader in readers[operation]:
            waits_for[reader] -= 1
            if not waits_for[reader]:
                ready.append(reader)


class _Buffer:
    """Memory that one or several tensors share, until nobody will read any of them."""

    def __init__(self, size: int):
        self.size, self.readers, self.returned = size, 0, False


class _Walk:
    """The state of the walk: which buffers are alive."""

    def __init__(self, graph: Any):
        self._graph = graph
        self._readers = collections.Counter(id(tensor) for op in graph.get_operations() for tensor in op.inputs)
        self._returned = _returned(graph)
        self._buffers: dict[int, _Buffer | None] = {}  # id of a tensor → its buffer, None where others own it
        self._alive: set[_Buffer] = set()
        self._live = self._passing = 0
        self.most = self.most_passing = self.unknown = 0

    def run(self, operation: Any) -> None:
        """Makes the outputs, notes the sum, frees what nobody will read again."""
        inputs = list(operation.inputs)
        for i, output in enumerate(operation.outputs):
            self._buffers[id(output)] = self._buffer(operation, inputs, i, output)
        self._note(self._working_space(operation))
        for tensor in inputs:
            if self._buffers[id(tensor)]:
                self._buffers[id(tensor)].readers -= 1
        for tensor in (*inputs, *operation.outputs):
            buffer = self._buffers[id(tensor)]
            if buffer in self._alive and not buffer.readers and not buffer.returned:
                self._alive.remove(buffer)
                self._live -= buffer.size
                self._passing -= buffer.size

    def _buffer(self, operation, inputs, i, output):
        if operation.type in _OWNED_ELSEWHERE:
            return None
        if operation.type in _SAME_BUFFER:
            buffer = self._buffers[id(inputs[i])]
        else:
            buffer = self._overwritten(operation, inputs, output) or self._new(output)
        if buffer:
            buffer.readers += self._readers[id(output)]
            if id(output) in self._returned and not buffer.returned:
                buffer.returned = True
                self._passing -= buffer.size
        return buffer

    def _overwritten(self, operation, inputs, output):
        """The buffer of an input that the operation may write over, or None."""
        if operation.type in _IN_PLACE:
            for tensor in inputs:
                buffer = self._buffers[id(tensor)]
                uses = sum(self._buffers[id(other)] is buffer for other in inputs)
                if (buffer and not buffer.returned and buffer.readers == uses and tensor.dtype == output.dtype
                        and buffer.size == (_size(output) or 0)):
                    return buffer
        return None

    def _new(self, output):
        size = _size(output)
        self.unknown += size is None and output.dtype.is_floating
        buffer = _Buffer(size or 0)
        self._alive.add(buffer)
        self._live += buffer.size
        self._passing += buffer.size
        return buffer

    def _note(self, working_space):
        self.most_passing = max(self.most_passing, self._passing + working_space)
        self.most = max(self.most, self._live + working_space)

    def _working_space(self, operation):
        """Bytes of the tensors inside a function that the operation calls, beside those that it returns."""
        if operation.type not in _CALLS:
            return 0
        names = (value.func.name for value in operation.node_def.attr.values() if value.func.name)
        functions = (self._graph._functions.get(name) for name in names)  # TensorFlow has no public way to them
        graphs = (function.graph for function in functions if getattr(function, "graph", None) is not None)
        return max((peak_live_bytes(graph).passing for graph in graphs), default=0)


def _returned(graph: Any) -> set[int]:
    """The ids of the tensors that the graph returns, under whatever name."""
    returned = {id(tensor) for tensor in graph.outputs}
    for operation in reversed(graph.get_operations()):
        if operation.type in _SAME_BUFFER:
            pairs = zip(operation.inputs, operation.outputs)  # those of an IdentityN; of the others the first
            returned.update(id(tensor) for tensor, output in pairs if id(output) in returned)
    return returned


def _size(tensor: Any) -> int | None:
    """Bytes; None where the shape is not known. Handles and strings count nothing."""
    if tensor.dtype in (tf.resource, tf.variant, tf.string):
        return 0
    count = tensor.shape.num_elements()
    return None if count is None else count * tensor.dtype.size
