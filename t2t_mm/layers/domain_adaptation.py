"""What makes encodings of different problems alike: a domain adversary and a similarity loss."""

from keras import ops

from t2t_mm.layers.cross_entropy import cross_entropy
from t2t_mm.layers.dense import Dense
from t2t_mm.layers.layer import Layer
from t2t_mm.layers.side_outputs import collect_side_outputs, report

HIDDEN = -1e9  # where padding must not win a maximum


def pooled(stream):
    """A stream's largest value of each channel over its real positions: [B, L, D] → float32 [B, D].

    As Arivazhagan et al. 2019 (1903.07091, section 4) pool encoded sentences.
    """
    presence = ops.cast(stream.presence, "float32")[..., None]
    return ops.max(ops.cast(stream.x, "float32") + (1 - presence) * HIDDEN, axis=1)


def reverse_gradient(x, strength: float):
    """x; the gradient that comes back is multiplied by −strength (Ganin and Lempitsky 2015, 1409.7495, section 3.3)."""

    @ops.custom_gradient
    def reverse(x):
        return ops.copy(x), lambda *upstream: -strength * upstream[0]

    return reverse(x)


class DomainAdversary(Layer):
    """Guesses from a pooled encoding [B, D] which domain it is of, while its gradient teaches the encoder to hide it.

    Dense(D) → ReLU → Dense(domains), behind a reversed gradient (1409.7495, section 3). In float32.

    Args:
        domains: how many there are.
        strength: λ, the factor of the reversed gradient; the adversary itself learns at full strength.
    """

    def __init__(self, channels: int, domains: int, strength: float, **kwargs):
        super().__init__(**kwargs)
        self._domains, self._strength = domains, strength
        self.hidden = Dense(channels, name="hidden", dtype="float32")
        self.guess = Dense(domains, name="guess", dtype="float32")

    def call(self, encoding, domain: int = 0):
        """Encodings [B, D] of one domain → (nats, accuracy), both means over the batch."""
        logits = self.guess(ops.relu(self.hidden(reverse_gradient(encoding, self._strength))))  # [B, domains]
        domains = ops.full((ops.shape(encoding)[0],), domain, "int32")
        right = ops.cast(ops.equal(ops.cast(ops.argmax(logits, axis=-1), "int32"), domains), "float32")
        return ops.mean(cross_entropy(logits, domains)), ops.mean(right)


def cosine_distance(a, b):
    """1 − cos(a, b) of encodings [B, D], the mean over the batch: 0 where they point the same way."""
    product = ops.sum(a * b, axis=-1)
    lengths = ops.sqrt(ops.sum(ops.square(a), axis=-1) * ops.sum(ops.square(b), axis=-1) + 1e-12)
    return 1 - ops.mean(product / lengths)


class DomainAdaptation(Layer):
    """Both losses on the encoded input while training, reported as side outputs.

    Args:
        domains: number of problems.
        adversary: strength of the adversary's reversed gradient; 0: no adversary.
        similarity: weight of the cosine distance between encoded input and encoded target (1903.07091, section 4);
            0: none.
    """

    def __init__(self, channels: int, domains: int, adversary: float, similarity: float, **kwargs):
        super().__init__(**kwargs)
        self._similarity = similarity
        self.adversary = DomainAdversary(channels, domains, adversary, name="adversary") if adversary else None

    def call(self, source, domain: int = 0, encoded_target=None):
        """`source`: the encoded input, a Stream; `encoded_target`: a function without arguments that encodes the
        target as if it were an input, None where it cannot be one."""
        encoding = pooled(source)
        if self.adversary is not None:
            nats, accuracy = self.adversary(encoding, domain=domain)
            report("adversary", {"nats": nats}, {"accuracy": accuracy})
        if self._similarity and encoded_target is not None:
            with collect_side_outputs():  # how the experts share these tokens is not the batch's business
                target = encoded_target()
            distance = cosine_distance(encoding, pooled(target))
            report("similarity", {"loss": self._similarity * distance}, {"distance": distance})
