"""Sets for the Transformer (models/transformer.py) at Tensor2Tensor's sizes."""

import dataclasses

from t2t_mm import registry
from t2t_mm.hparams.doors import DoorHparams
from t2t_mm.hparams.hparams import hparam
from t2t_mm.hparams.ranges import Ranges


@dataclasses.dataclass(frozen=True)
class TransformerHparams(DoorHparams):
    """Keys of the Transformer."""

    num_heads: int = hparam(8, "heads of each attention; divides hidden_size", low=1)
    encoder_layers: int = hparam(6, "layers of the encoder", low=1)
    decoder_layers: int = hparam(6, "layers of the decoder", low=1)
    filter_size: int = hparam(2048, "hidden units of the feed-forward layers", low=1)


@registry.register_hparams("transformer_base")
def transformer_base() -> TransformerHparams:
    """The paper's base model, width 512 and 6 layers: one GPU, a day."""
    return TransformerHparams(
        hidden_size=512, batch_size=4096, dropout=0.1, label_smoothing=0.1,
        learning_rate=7e-4, learning_rate_schedule="rsqrt", warmup_steps=4000,
    )


@registry.register_hparams("transformer_small")
def transformer_small() -> TransformerHparams:
    """Width 256, filters 1024, 4 heads, 2 layers: one GPU or a patient CPU, hours."""
    return transformer_base().replace(
        hidden_size=256, filter_size=1024, num_heads=4, encoder_layers=2, decoder_layers=2, batch_size=2048,
        learning_rate=1e-3, warmup_steps=1000,
        image_filters=(16, 32, 64, 128), audio_filters=(16, 32, 64), exit_filters=(384, 512),
    )


@registry.register_hparams("transformer_tiny")
def transformer_tiny() -> TransformerHparams:
    """Width 128, filters 512, 4 heads, 2 layers: for CPUs and minutes."""
    return transformer_small().replace(
        hidden_size=128, filter_size=512, batch_size=1024, max_examples=64, max_length=128, min_bucket=4,
        dropout=0.0, label_smoothing=0.0, learning_rate=1e-3, learning_rate_schedule="cosine", warmup_steps=200,
        image_filters=(16, 16, 32, 64), audio_filters=(16, 16, 32), exit_filters=(192, 256),
    )


@registry.register_ranged_hparams("transformer_range")
def transformer_range() -> Ranges:
    """What to search first around a Transformer set: learning rate, warm-up, dropout, label smoothing."""
    return (
        Ranges(transformer_base())
        .float("learning_rate", 1e-4, 3e-3, scale="log")
        .discrete("warmup_steps", [100, 300, 1000, 4000])
        .float("dropout", 0.0, 0.4)
        .float("label_smoothing", 0.0, 0.2)
    )
