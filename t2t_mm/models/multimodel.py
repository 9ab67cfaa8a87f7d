"""The MultiModel, "One Model To Learn Them All" (Kaiser et al. 2017, 1706.05137)."""

from t2t_mm import registry
from t2t_mm.hparams.multimodel import MultimodelHparams
from t2t_mm.layers.attention import AttentionBlock, SourceAttention, SourceMean
from t2t_mm.layers.composite import Chain, Residual
from t2t_mm.layers.convolution import ConvBlock
from t2t_mm.layers.experts import MixtureOfExperts
from t2t_mm.layers.sequence import Timing
from t2t_mm.models.t2t_model import T2TModel


@registry.register_model("multimodel")
class Multimodel(T2TModel):
    """Depthwise-separable convolutions, attention and mixtures of experts, one body for every modality (section 2.4).

    Encoder: timing signal, ConvBlocks with a mixture of experts in the middle (3 + MoE + 3). I/O mixer: attention
    block over the encoded input and 2 ConvBlocks. Decoder: ConvBlock and attention over the source, four times, with
    a mixture of experts in the middle (2 + MoE + 2). Mixer and decoder are causal.

    Departures from the paper: a layer norm closes encoder and decoder (their residual sums grow with depth), and the
    layer norm that ends a residual branch of a ConvBlock starts at a gain of 0.1 (layers/convolution.py).

    For the paper's table of crucial components (section 3.4) `attention=false` leaves out the attention block and sees
    the source by its mean only, and `experts=false` leaves out the mixtures of experts.
    """

    hparams_class = MultimodelHparams

    def make_encoder(self, hparams):
        blocks = [_conv_block(hparams, False, f"block{i + 1}") for i in range(hparams.encoder_blocks)]
        return Chain([Timing(name="timing"), *_around_experts(blocks, hparams, "encoder_experts")], name="encoder")

    def make_decoder(self, hparams):
        mixer = [_mixer_attention(hparams)] if hparams.attention else []
        mixer += [_conv_block(hparams, True, f"mixer_block{i + 1}") for i in range(hparams.mixer_blocks)]
        pairs = []
        for i in range(hparams.decoder_blocks):
            pairs.append([_conv_block(hparams, True, f"block{i + 1}"), _source_view(hparams, i + 1)])
        middle = _around_experts(pairs, hparams, "decoder_experts")
        flat = [part for pair in middle for part in (pair if isinstance(pair, list) else [pair])]
        return Chain([*mixer, *flat], name="decoder")


def _conv_block(hparams, causal, name):
    return ConvBlock(hparams.hidden_size, causal, hparams.dropout, name=name)


def _mixer_attention(hparams):
    return AttentionBlock(hparams.hidden_size, hparams.num_heads, hparams.dropout, name="mixer")


def _source_view(hparams, number):
    """What a decoder block sees the source through."""
    if not hparams.attention:
        return SourceMean(hparams.hidden_size, hparams.dropout, name=f"source_mean{number}")
    attention = SourceAttention(hparams.hidden_size, hparams.num_heads, name="attention")
    return Residual(attention, hparams.dropout, name=f"attention{number}")


def _around_experts(parts, hparams, name):
    """The parts with a mixture of experts in their middle."""
    if not hparams.experts:
        return parts
    experts = MixtureOfExperts(
        hparams.hidden_size, hparams.expert_size, hparams.num_experts, hparams.experts_per_token,
        hparams.moe_loss_coef, hparams.capacity_factor, name=name,
    )
    half = len(parts) // 2
    return [*parts[:half], Residual(experts, hparams.dropout, name=f"{name}_branch"), *parts[half:]]
