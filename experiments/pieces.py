"""The trainings of each page: which problems, which changes, how many steps; together eight hours of two CPU cores."""

from __future__ import annotations

from experiments.piece import Piece

SEEDS = (1, 2)
EIGHT = ("image_cifar10", "translate_ende_multi30k", "translate_ende_multi30k_rev", "translate_enfr_multi30k",
         "translate_enfr_multi30k_rev", "caption_flickr8k", "speech_fsdd", "parse_ptb_sample")
STEPS = 700  # of each problem, joint or alone
LONG = "max_length=256"  # tokens; trees are long
PARSING, IMAGES, GERMAN = "parse_ptb_sample", "image_cifar10", "translate_ende_multi30k"
UNSEEN = ("translate_defr_multi30k", "translate_defr_multi30k_rev")
BY_ENGLISH = (
    ("translate_defr_multi30k", "translate_ende_multi30k_rev", "translate_enfr_multi30k"),
    ("translate_defr_multi30k_rev", "translate_enfr_multi30k_rev", "translate_ende_multi30k"),
)
TO_AND_FROM_ENGLISH = tuple(name for name in EIGHT if name.startswith("translate_"))
ZERO_SHOT_STEPS = 4 * 900
VARIANTS = {"plain": "", "adversary": "adversary_coef=0.1", "similarity": "similarity_coef=1",
            "both": "adversary_coef=0.1,similarity_coef=1"}
FOUR = (IMAGES, GERMAN, "speech_fsdd", PARSING)
MIXINGS = ("uniform", "adaptive")
MIXED_STEPS = 4 * 250
BLOCKS = {"no_experts": "experts=false", "no_attention": "attention=false"}


def joint(seed: int) -> Piece:
    """All eight in one model."""
    return Piece(f"joint-eight-s{seed}", EIGHT, STEPS * len(EIGHT), hparams=LONG, seed=seed)


def alone(problem: str, seed: int) -> Piece:
    """The same model on one problem, for as many steps as it had among the eight."""
    return Piece(f"alone-{problem}-s{seed}", (problem,), STEPS, hparams=LONG, seed=seed)


def with_images(seed: int) -> Piece:
    """Parsing beside pictures."""
    return Piece(f"parsing-images-s{seed}", (PARSING, IMAGES), 2 * STEPS, hparams=LONG, seed=seed, asked=(PARSING,))


def without(block: str, problem: str, seed: int) -> Piece:
    """One problem with a block left out."""
    return Piece(f"{block}-{problem}-s{seed}", (problem,), STEPS, hparams=f"{LONG},{BLOCKS[block]}", seed=seed)


def zero_shot(variant: str, seed: int) -> Piece:
    """To and from English, then asked for German ↔ French."""
    return Piece(f"zero_shot-{variant}-s{seed}", TO_AND_FROM_ENGLISH, ZERO_SHOT_STEPS, hparams=VARIANTS[variant],
                 seed=seed, asked=(*TO_AND_FROM_ENGLISH, *UNSEEN),
                 pivots=BY_ENGLISH if variant == "plain" else ())


def supervised(seed: int) -> Piece:
    """German ↔ French, trained."""
    return Piece(f"zero_shot-supervised-s{seed}", UNSEEN, ZERO_SHOT_STEPS // 2, seed=seed)


def mixed(mixing: str, seed: int) -> Piece:
    """Four problems of four kinds, and who decides which is trained."""
    return Piece(f"mixing-{mixing}-s{seed}", FOUR, MIXED_STEPS, hparams=f"{LONG},mixing={mixing}", seed=seed,
                 eval_interval=MIXED_STEPS // 8)


BASELINES = (
    Piece("baseline-speech", ("speech_fsdd",), 1500, eval_interval=500),
    Piece("baseline-parse", (PARSING,), 4000, "transformer", "transformer_tiny",
          f"{LONG},batch_size=2048,dropout=0.2,learning_rate=2e-3", eval_interval=500),
    Piece("baseline-translate", (GERMAN,), 3000, "transformer", "transformer_small",
          "dropout=0.3,learning_rate=2e-3,learning_rate_schedule=cosine", eval_interval=500),
    Piece("baseline-translate-bfloat16", (GERMAN,), 3000, "transformer", "transformer_small",
          "dropout=0.3,learning_rate=2e-3,learning_rate_schedule=cosine,mixed_precision=bfloat16", eval_interval=500),
    Piece("baseline-image", (IMAGES,), 6000, eval_interval=1000,
          hparams="image_filters=32:64:128:192,weight_decay=0.05,label_smoothing=0.1"),
    Piece("baseline-caption", ("caption_flickr8k",), 2000, eval_interval=500, hparams="dropout=0.1"),
)

PAGES: dict[str, tuple[Piece, ...]] = {
    "baselines": BASELINES,
    "joint": tuple(piece for seed in SEEDS for piece in (joint(seed), *(alone(name, seed) for name in EIGHT))),
    "parsing": tuple(piece for seed in SEEDS for piece in (alone(PARSING, seed), with_images(seed), joint(seed))),
    "blocks": tuple(piece for seed in SEEDS for problem in (IMAGES, GERMAN)
                    for piece in (alone(problem, seed), *(without(block, problem, seed) for block in BLOCKS))),
    "zero_shot": tuple(piece for seed in SEEDS
                       for piece in (*(zero_shot(variant, seed) for variant in VARIANTS), supervised(seed))),
    "mixing": tuple(mixed(mixing, seed) for seed in SEEDS for mixing in MIXINGS),
}
