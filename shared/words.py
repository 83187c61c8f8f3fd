"""The one tokenizer of text search: what is indexed and what is asked are cut into the same words."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import chain
from unicodedata import normalize

#: One longer lexeme makes Postgres abort a whole COPY.
MAX_TOKEN_BYTES = 64
#: Nobody types a longer name: it is a key, a hash or an image written as text.
_LONGEST = 256
_KEPT = 1 << 16
# Chinese and Japanese have no blanks between words: each sign stands for itself.
_SIGN = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_MARK = "\u0300-\u036f"
_IDENTIFIER = re.compile(rf"[{_SIGN}]|[^\W{_SIGN}]+(?:[{_MARK}]+[^\W{_SIGN}]*)*")
_PART = re.compile(r"[A-Z]{2,}s(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")
# Which letters are capitals is asked of ASCII alone.
_FOREIGN_PART = re.compile(r"[^\W\d_]+|\d+")
_VOWEL = re.compile(r"[aeiouy]")
_ENDING = re.compile(r"(?:ing|(?<!e)ed)$")
_DOUBLED = re.compile(r"([bdfgmnprt])\1$")
_STOP_WORD = re.compile(
    "an?|and|are|as|at|be|been|but|by|can|could|did|do|does|for|from|had|has|have|how|i|if|in|into|is|its?|of|on|or|our|"
    "should|so|than|that|the|theirs?|them|then|there|these|they|this|those|to|was|we|were|what|when|where|which|who|"
    "why|will|with|would|yours?|you"
)


def words(text: str) -> list[str]:
    """Return the search words of a text, in its order: of each identifier the whole and its parts.

    All are in lower case, parts are stemmed, stop words and single characters of ASCII are left out (but where nothing
    else is there), and none has more than ``MAX_TOKEN_BYTES`` in UTF-8. Takes any string, lone surrogates included.
    """
    found = list(chain.from_iterable(map(_tokens, _IDENTIFIER.findall(text))))
    return found or [word for word in name_words(text) if len(word.encode()) <= MAX_TOKEN_BYTES]


def name_words(name: str) -> list[str]:
    """Return the words that a symbol or a path is made of, as a reader would say them: all of them, none stemmed."""
    return list(chain.from_iterable(map(_spoken, _IDENTIFIER.findall(name))))


def _spoken(identifier: str) -> tuple[str, ...]:
    return _parts(identifier) if len(identifier) <= _LONGEST else ()


def _tokens(identifier: str) -> tuple[str, ...]:
    return _split(identifier) if len(identifier) <= _LONGEST else ()


@lru_cache(_KEPT)
def _split(identifier: str) -> tuple[str, ...]:
    """Return the whole, without what joins its parts, so that ``getUrl`` and ``get_url`` are one, then the parts."""
    parts = _parts(identifier)
    found = [_stem(part) for part in parts if not _STOP_WORD.fullmatch(part)]
    if len(parts) > 1:
        found.insert(0, "".join(parts))
    return tuple(word for word in found if _is_kept(word))


def _parts(identifier: str) -> tuple[str, ...]:
    if identifier.isascii():
        return tuple(part.lower() for part in _PART.findall(identifier))
    # One identifier at a time: over a long text of accents alone, this takes the square of its length.
    return tuple(part.lower() for part in _FOREIGN_PART.findall(normalize("NFC", identifier)))


def _is_kept(word: str) -> bool:
    if word.isascii():
        return 1 < len(word) <= MAX_TOKEN_BYTES
    return len(word.encode()) <= MAX_TOKEN_BYTES


def _stem(word: str) -> str:
    """Return one form for a word's plural, past and present: ``caches``, ``cached`` and ``caching`` are ``cach``."""
    if len(word) < 3 or not word.isascii():
        return word
    word = _singular(word)
    short = _ENDING.sub("", word)
    if short != word and len(short) >= 3 and _VOWEL.search(short):
        return _DOUBLED.sub(r"\1", short)
    return word[:-1] if len(word) > 3 and word.endswith("e") and not word.endswith("ee") else word


def _singular(word: str) -> str:
    if word.endswith("ies"):
        return word[:-3] + "y" if len(word) > 4 else word[:-1]
    if word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word
