"""The Transformer, "Attention Is All You Need" (Vaswani et al. 2017, 1706.03762): the yardstick."""

from t2t_mm import registry
from t2t_mm.hparams.transformer import TransformerHparams
from t2t_mm.layers.attention import SelfAttention, SourceAttention
from t2t_mm.layers.composite import Chain, Residual
from t2t_mm.layers.feed_forward import FeedForward
from t2t_mm.layers.sequence import Timing
from t2t_mm.models.t2t_model import T2TModel


@registry.register_model("transformer")
class Transformer(T2TModel):
    """Layers of attention and feed-forward networks, encoder and decoder (section 3).

    Departures: layer norms stand before each branch and at the end of each stack, not after each sum, as in
    Tensor2Tensor's later sets; deep stacks then train without a long warm-up. There is no dropout on the sum of
    embeddings and timing signal (section 5.4), and the softmax has a matrix of its own (section 3.4 shares it).
    """

    hparams_class = TransformerHparams

    def make_encoder(self, hparams):
        return self._stack(hparams, ("self_attention", "feed_forward"), hparams.encoder_layers, False, "encoder")

    def make_decoder(self, hparams):
        branches = ("self_attention", "source_attention", "feed_forward")
        return self._stack(hparams, branches, hparams.decoder_layers, True, "decoder")

    def _stack(self, hparams, branches, layers, causal, name):
        width, heads = hparams.hidden_size, hparams.num_heads
        make = {
            "self_attention": lambda: SelfAttention(width, heads, causal, name="self_attention"),
            "source_attention": lambda: SourceAttention(width, heads, name="source_attention"),
            "feed_forward": lambda: FeedForward(width, hparams.filter_size, name="feed_forward"),
        }
        parts = [
            Residual(make[branch](), hparams.dropout, name=f"{branch}{i + 1}")
            for i in range(layers) for branch in branches
        ]
        return Chain([Timing(name="timing"), *parts], name=name)
