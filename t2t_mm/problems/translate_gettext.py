"""Translation between English and German or French, from the interface texts of well-known Python packages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from t2t_mm import registry
from t2t_mm.data.features import Feature, Text
from t2t_mm.problems import gettext_catalogues
from t2t_mm.problems.problem import Problem, Sample


class GettextTranslation(Problem):
    """Text → text: (English, other) pairs of `gettext_catalogues`, in one direction."""

    language: ClassVar[str]  # "de" or "fr"
    from_english: ClassVar[bool]
    needs = gettext_catalogues.NEEDS
    extra = "demo"
    metrics = ("bleu", "chrf")

    def define_features(self) -> dict[str, Feature]:
        return {"inputs": Text("subwords:demo"), "targets": Text("subwords:demo")}

    def samples(self, split: str, tmp_dir: str) -> Iterator[Sample]:
        for english, other in gettext_catalogues.pairs(self.language, split):
            source, target = (english, other) if self.from_english else (other, english)
            yield {"inputs": source, "targets": target}


@registry.register_problem("translate_ende_gettext")
class TranslateEndeGettext(GettextTranslation):
    """English to German: interface texts of Django, its packages, JupyterLab, and emoji names.

    5,327 train, 313 dev, 327 test pairs. Licences: BSD-3-Clause, MIT, Unicode-3.0.
    """

    command = "to-german"
    reverse_command = "to-english"
    language = "de"
    from_english = True


@registry.register_problem("translate_deen_gettext")
class TranslateDeenGettext(GettextTranslation):
    """German to English: the pairs of `translate_ende_gettext`, in the same splits, the other way round.

    5,327 train, 313 dev, 327 test pairs. Licences: BSD-3-Clause, MIT, Unicode-3.0.
    """

    command = "to-english"
    reverse_command = "to-german"
    language = "de"
    from_english = False


@registry.register_problem("translate_enfr_gettext")
class TranslateEnfrGettext(GettextTranslation):
    """English to French: interface texts of Django, its packages, JupyterLab, and emoji names.

    6,847 train, 413 dev, 411 test pairs. Licences: BSD-3-Clause, MIT, Unicode-3.0.
    """

    command = "to-french"
    reverse_command = "to-english"
    language = "fr"
    from_english = True


@registry.register_problem("translate_fren_gettext")
class TranslateFrenGettext(GettextTranslation):
    """French to English: the pairs of `translate_enfr_gettext`, in the same splits, the other way round.

    6,847 train, 413 dev, 411 test pairs. Licences: BSD-3-Clause, MIT, Unicode-3.0.
    """

    command = "to-english"
    reverse_command = "to-french"
    language = "fr"
    from_english = False
