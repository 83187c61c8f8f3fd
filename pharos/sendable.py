"""What a request can carry: an argument may be any bytes, and text that is sent is UTF-8."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from pharos.names import retold
from shared.errors import InvalidRequest


def check_text(value: object) -> None:
    """Return when every text in a value can be sent.

    Raises:
        InvalidRequest: one is not UTF-8.
    """
    if isinstance(value, Mapping):
        check_text(list(value.values()))
    elif isinstance(value, list):
        for one in value:
            check_text(one)
    elif isinstance(value, str) and not _is_utf8(value):
        raise InvalidRequest(
            f"'{retold(value)}' is not UTF-8, and a request can carry nothing else. Nothing was sent. Check how it is "
            "written."
        )


def segment(text: str) -> str:
    """Return a text as one part of an address's path; raises as ``check_text`` does."""
    check_text(text)
    return quote(text, safe="")


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # Python stands odd bytes of an argument for by lone surrogates (PEP 383)
        return False
    return True
