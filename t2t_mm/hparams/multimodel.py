"""Sets for the MultiModel (models/multimodel.py), from the paper's sizes to a laptop's."""

import dataclasses

from t2t_mm import registry
from t2t_mm.hparams.doors import DoorHparams
from t2t_mm.hparams.hparams import hparam
from t2t_mm.hparams.ranges import Ranges


@dataclasses.dataclass(frozen=True)
class MultimodelHparams(DoorHparams):
    """Keys of the MultiModel."""

    num_heads: int = hparam(8, "heads of each attention; divides hidden_size", low=1)
    encoder_blocks: int = hparam(6, "ConvBlocks of the encoder, the experts in their middle", low=1)
    mixer_blocks: int = hparam(2, "ConvBlocks of the I/O mixer", low=0)
    decoder_blocks: int = hparam(4, "pairs of ConvBlock and attention in the decoder", low=1)
    attention: bool = hparam(True, "false: no attention; the decoder sees the mean of the encoded source")
    experts: bool = hparam(True, "false: no mixtures of experts")
    num_experts: int = hparam(60, "experts of each mixture", low=1)
    experts_per_token: int = hparam(4, "experts that work on a token (k)", low=1)
    expert_size: int = hparam(2048, "hidden units of an expert", low=1)
    moe_loss_coef: float = hparam(0.01, "weight of the experts' balance losses", low=0.0)
    capacity_factor: float = hparam(1.25, "slots of an expert in training, in its even share of the choices", low=0.1)


@registry.register_hparams("multimodel_base")
def multimodel_base() -> MultimodelHparams:
    """The paper's sizes with 60 experts, for training on one problem: GPUs, days."""
    return MultimodelHparams(
        hidden_size=512, batch_size=4096, max_length=256, dropout=0.5, label_smoothing=0.1,
        learning_rate=2e-4, learning_rate_schedule="rsqrt", warmup_steps=4000,
    )


@registry.register_hparams("multimodel_8")
def multimodel_8() -> MultimodelHparams:
    """The paper's sizes with 240 experts, for training on eight problems jointly: several GPUs, days."""
    return multimodel_base().replace(num_experts=240)


@registry.register_hparams("multimodel_small")
def multimodel_small() -> MultimodelHparams:
    """Half the width and 16 experts: one GPU or a patient CPU, hours."""
    return multimodel_base().replace(
        hidden_size=256, num_heads=4, num_experts=16, experts_per_token=2, expert_size=512, batch_size=2048,
        dropout=0.1, learning_rate=5e-4, warmup_steps=1000,
        image_filters=(16, 32, 64, 128), audio_filters=(16, 32, 64), exit_filters=(384, 512),
    )


@registry.register_hparams("multimodel_tiny")
def multimodel_tiny() -> MultimodelHparams:
    """All parts, two or three of each: for CPUs and minutes; what `make demo` trains."""
    return MultimodelHparams(
        hidden_size=128, num_heads=4, encoder_blocks=2, mixer_blocks=1, decoder_blocks=2,
        num_experts=8, experts_per_token=2, expert_size=256, capacity_factor=1.5,
        batch_size=1024, max_examples=64, max_length=128, min_bucket=4, dropout=0.0,
        learning_rate=3e-3, learning_rate_schedule="cosine", warmup_steps=200,
        image_filters=(16, 16, 32, 64), audio_filters=(16, 16, 32), exit_filters=(192, 256),
    )


@registry.register_ranged_hparams("multimodel_range")
def multimodel_range() -> Ranges:
    """What to search first around a MultiModel set: learning rate, warm-up, dropout, the experts' balance."""
    return (
        Ranges(multimodel_base())
        .float("learning_rate", 1e-4, 3e-3, scale="log")
        .discrete("warmup_steps", [100, 300, 1000, 4000])
        .float("dropout", 0.0, 0.5)
        .float("moe_loss_coef", 1e-3, 1e-1, scale="log")
    )
