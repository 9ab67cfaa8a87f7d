"""Mixtures: names for problems that are trained together. `--problem` takes them where it takes problems."""

from t2t_mm import registry


@registry.register_mixture("multimodel_eight")
def multimodel_eight() -> tuple[str, ...]:
    """The paper's eight problems (1706.05137, section 3), with one vocabulary of 8k subwords."""
    return ("image_imagenet", "translate_ende_wmt14", "translate_ende_wmt14_rev", "translate_enfr_wmt14",
            "translate_enfr_wmt14_rev", "caption_coco", "speech_wsj", "parse_wsj")


@registry.register_mixture("multimodel_eight_open")
def multimodel_eight_open() -> tuple[str, ...]:
    """The same eight tasks from sets that anybody can get, with the same vocabulary."""
    return ("image_cifar10", "translate_ende_multi30k", "translate_ende_multi30k_rev", "translate_enfr_multi30k",
            "translate_enfr_multi30k_rev", "caption_flickr8k", "speech_fsdd", "parse_ptb_sample")
