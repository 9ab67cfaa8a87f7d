"""Human translations inside pip packages: gettext catalogues and emoji names, split so that no string is shared.

Sources: the catalogues of Django, djangorestframework, Wagtail, django-oscar and JupyterLab's language packs
(BSD-3-Clause), those of django-allauth (MIT), and the names of `emoji` (BSD-3-Clause; Unicode CLDR's short names,
Unicode-3.0).
"""

from __future__ import annotations

import functools
import gettext
import importlib.util
import pathlib
import re
from collections.abc import Iterator

from t2t_mm.data.splitting import normalised, split_of

NEEDS = ("django", "rest_framework", "allauth", "wagtail", "oscar", "jupyterlab_language_pack_de_DE",
         "jupyterlab_language_pack_fr_FR", "emoji")
MAX_CHARACTERS = 200

_LANGUAGES = ("de", "fr")  # each with English; in this order everywhere, so that the splits agree
_REGIONS = {"de": "de_DE", "fr": "fr_FR"}
_UNFIT = re.compile(r"[%{}<>&\\\n\r\t_|`$]|https?:")  # placeholders, markup, several lines, identifiers, addresses
_TONE = " skin tone"
_CLOSING = re.compile(r"[\s.:!?…]+$")

Pair = tuple[str, str]  # English, other language


def comparable(text: str) -> str:
    """The form in which strings are compared: case-folded, single spaces, without closing punctuation."""
    folded = normalised(text)
    return _CLOSING.sub("", folded) or folded


def pairs(language: str, split: str) -> list[Pair]:
    """(English, other) pairs of a split, for `language` "de" or "fr"; always in the same order.

    Strings of all three languages that occur together anywhere are one group, and a group is in one split only. So
    no string of a dev or test pair, in any language, occurs in a training pair of any language.
    """
    groups = _groups()
    return [pair for pair in _all_pairs()[language] if groups[comparable(pair[0])] == split]


@functools.lru_cache(maxsize=1)
def _all_pairs() -> dict[str, list[Pair]]:
    """Every fit pair of every language, once, whichever way it is capitalised or punctuated."""
    found = {}
    for language in _LANGUAGES:
        distinct: dict[Pair, Pair] = {}
        for english, other in (*_catalogue_pairs(language), *_emoji_pairs(language)):
            key = comparable(english), comparable(other)
            if _fit(english) and _fit(other) and key[0] != key[1]:
                distinct.setdefault(key, (english, other))
        found[language] = list(distinct.values())
    return found


@functools.lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    """Comparable string of any language → its split: union-find over the pairs, hashed by the first English string."""
    parent: dict[str, str] = {}

    def root(text: str) -> str:
        parent.setdefault(text, text)
        while parent[text] != text:
            parent[text] = parent[parent[text]]
            text = parent[text]
        return text

    english_strings = []
    for pair in (pair for language in _LANGUAGES for pair in _all_pairs()[language]):
        english, other = map(comparable, pair)
        english_strings.append(english)
        parent[root(other)] = root(english)
    canonical: dict[str, str] = {}
    for english in sorted(english_strings):
        canonical.setdefault(root(english), english)
    return {text: split_of(canonical[root(text)]) for text in list(parent)}


def _catalogue_pairs(language: str) -> Iterator[Pair]:
    """(msgid, msgstr) of every catalogue; of a plural form only the singular, which is what the msgid means."""
    for path in _catalogue_files(language):
        with path.open("rb") as file:
            catalogue = gettext.GNUTranslations(file)._catalog  # there is no public way to list the messages
        for key, translation in catalogue.items():
            message, plural = key if isinstance(key, tuple) else (key, 0)
            if plural == 0:
                yield message.rpartition("\x04")[2].strip(), translation.strip()  # "context\x04message"


def _catalogue_files(language: str) -> Iterator[pathlib.Path]:
    region = _REGIONS[language]
    for package in ("django", "rest_framework", "allauth", "wagtail", "oscar", f"jupyterlab_language_pack_{region}"):
        for folder in importlib.util.find_spec(package).submodule_search_locations:
            paths = pathlib.Path(folder).rglob("LC_MESSAGES/*.mo")
            yield from sorted(path for path in paths if path.parent.parent.name in (language, region))


def _emoji_pairs(language: str) -> Iterator[Pair]:
    """CLDR short names of emoji, leaving out those with a skin tone (thousands that say little new)."""
    import emoji
    emoji.config.load_language([language])
    for names in emoji.EMOJI_DATA.values():
        english = _plain(names["en"])
        if language in names and _TONE not in english:
            yield english, _plain(names[language])


def _plain(name: str) -> str:
    return " ".join(name.replace(":", " ").replace("_", " ").split())


def _fit(text: str) -> bool:
    return len(text) <= MAX_CHARACTERS and len(re.findall(r"[^\W\d]", text)) > 1 and not _UNFIT.search(text)
