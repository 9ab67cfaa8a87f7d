"""Cross-entropy with label smoothing, with its gradient written out."""

from keras import ops


def cross_entropy(logits, targets, smoothing: float = 0.0):
    """Nats per position: logits [..., V], targets int [...] → float32 [...].

    With smoothing ε the target distribution is (1 − ε)·one-hot + ε/V (Szegedy et al. 2016, 1512.00567, section 7).
    The gradient is softmax(logits) − target distribution; the one-hot matrix is never kept for it.
    """
    size = logits.shape[-1]

    def one_hot():
        return ops.one_hot(targets, size, dtype="float32")

    @ops.custom_gradient
    def nats(logits):
        top = ops.max(logits, axis=-1, keepdims=True)
        shifted = logits - top
        exponentials = ops.exp(shifted)
        total = ops.sum(exponentials, axis=-1, keepdims=True)
        chosen = ops.sum(shifted * one_hot(), axis=-1)
        if smoothing:
            chosen = (1 - smoothing) * chosen + smoothing * ops.mean(shifted, axis=-1)

        def grad(*upstream):
            wanted = (1 - smoothing) * one_hot() + smoothing / size if smoothing else one_hot()
            return (exponentials / total - wanted) * ops.expand_dims(upstream[0], -1)

        return ops.log(total[..., 0]) - chosen, grad

    return nats(ops.cast(logits, "float32"))
