"""JSON as configuration files write it: with comments, trailing commas and a byte order mark."""

from __future__ import annotations

import json
import re
from typing import TypeAlias

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | float | bool | None"

_STRING = r'"(?:[^"\\]|\\.)*"'
# A comment without an end takes the rest, so that the search stays linear.
_COMMENT = re.compile(rf"({_STRING})|//[^\n]*|/\*[\s\S]*?(?:\*/|\Z)")
_COMMA = re.compile(rf"({_STRING})|,(?=\s*[}}\]])")


def parse_jsonc(text: str) -> Value:
    """Return the value that a text holds.

    Raises:
        ValueError: it is not JSON even without comments and trailing commas.
        RecursionError: it is nested too deeply.
    """
    text = text.removeprefix("\ufeff")
    value: Value
    try:
        # Most files are JSON as it is.
        value = json.loads(text)
    except ValueError:
        bare = _COMMENT.sub(lambda match: match[1] or " ", text)
        value = json.loads(_COMMA.sub(lambda match: match[1] or "", bare))
    return value


def mapping(value: Value) -> dict[str, Value]:
    """Return the value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def strings(value: Value) -> list[str]:
    """Return the strings of a value that is a string or a list; anything else in it is left out."""
    if isinstance(value, str):
        return [value]
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
