"""From the name of a constant to the path of its file, as Rails spells it."""

from __future__ import annotations

import re

# Where a word begins: the last capital of an acronym, and any after a small letter or a digit.
_BEGINNING = re.compile(r"(?<=[A-Z\d])(?=[A-Z][a-z])|(?<=[a-z\d])(?=[A-Z])")


def underscored(constant: str) -> str:
    """Return ``html_parser/a_b`` for ``HTMLParser::AB``."""
    return _BEGINNING.sub("_", constant.replace("::", "/")).lower()


def flattened(name: str) -> str:
    """Return a path, or that of a constant, without underscores.

    A project may teach Rails acronyms, so that ``OAuth`` has two spellings.
    """
    return name.replace("::", "/").replace("_", "").lower()
