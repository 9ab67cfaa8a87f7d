"""How to decode: the choices of a user, checked before any work starts; imports no TensorFlow."""

import dataclasses

from t2t_mm.errors import UserError, did_you_mean

METHODS = ("greedy", "beam", "sample")
CHUNK = 16  # batches of inputs that are decoded together, similar lengths side by side, before results are written


@dataclasses.dataclass(frozen=True)
class DecodeSettings:
    """The choices of a decoding run; UserError for any that are out of range or contradict each other.

    Attributes:
        beam_size: hypotheses kept by beam search.
        alpha: exponent of its length penalty ((5 + length) / 6) ** alpha.
        max_length: most ids of an output, EOS included; None: chosen for each sentence by its source.
        temperature, top_k, top_p: of sampling; None (1), 0 (all) and 1 (all) are its defaults.
        seed: of sampling.
        n_best: results for each input.
        method: "greedy", "beam" or "sample"; by default what the other choices ask for: sampling if one of its three is
            given, beam search if beam_size > 1, else greedy.
    """

    beam_size: int = 1
    alpha: float = 0.6
    max_length: int | None = None
    temperature: float | None = None
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0
    n_best: int = 1
    method: str | None = None

    def __post_init__(self) -> None:
        sampling = self.temperature is not None or self.top_k != 0 or self.top_p != 1.0
        if self.method is None:
            object.__setattr__(self, "method", "sample" if sampling else "beam" if self.beam_size > 1 else "greedy")
        if self.method not in METHODS:
            raise UserError(f"There is no decoding method {self.method!r}.{did_you_mean(self.method, METHODS)} "
                            f"There are: {', '.join(METHODS)}.")
        self._check_ranges()
        if sampling and self.method != "sample":
            raise UserError(f"--temperature, --top_k and --top_p are for sampling, not for {self.method}. "
                            "Leave them out.")
        if self.beam_size > 1 and self.method != "beam":
            raise UserError(f"--beam_size={self.beam_size} is for beam search, not for method {self.method!r} "
                            "(--temperature, --top_k and --top_p mean sampling). Leave one of them out.")

    def check_target(self, is_text: bool) -> None:
        """UserError if n_best is more than the method can give; classes always have as many results as there are."""
        if is_text and self.method != "sample" and self.n_best > self.beam_size:
            raise UserError(f"--n_best={self.n_best} results need --beam_size={self.n_best} or more (it is "
                            f"{self.beam_size}), or sampling (--temperature=1).")

    def _check_ranges(self) -> None:
        temperature = 1.0 if self.temperature is None else self.temperature
        length = 1 if self.max_length is None else self.max_length
        for name, value, fits, wanted in (
            ("beam_size", self.beam_size, self.beam_size >= 1, "at least 1"),
            ("alpha", self.alpha, 0 <= self.alpha < float("inf"), "at least 0"),
            ("max_length", length, length >= 1, "at least 1"),
            ("temperature", temperature, 0 < temperature < float("inf"), "more than 0 and finite; for the most "
                                                                         "probable output leave it out"),
            ("top_k", self.top_k, self.top_k >= 0, "at least 0 (0: all ids)"),
            ("top_p", self.top_p, 0 < self.top_p <= 1, "more than 0 and at most 1"),
            ("seed", self.seed, 0 <= self.seed < 2**31, "from 0 to 2147483647"),
            ("n_best", self.n_best, self.n_best >= 1, "at least 1"),
        ):
            if not fits:
                raise UserError(f"--{name}={value}: it must be {wanted}.")
