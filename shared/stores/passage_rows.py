"""What every store of passages holds to, whatever it is made of."""

from __future__ import annotations

import re
from typing import Final

from shared.errors import StoreUnavailable

#: Collections of passages begin with it; those of other vectors may lie beside them.
COLLECTION_PREFIX: Final = "text_"
#: Bytes, nearly, of the passages that are read or sent at once.
_BATCH: Final = 16 << 20
#: What a passage's text and words take, nearly.
_TEXT: Final = 4096
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Return ``text`` as UTF-8 can hold it: each lone half of a surrogate pair is replaced by U+FFFD.

    What files hold is decoded to whole characters; paths, which may be any bytes, are stored by ``encode_path``.
    """
    return text if text.isascii() else _LONE_SURROGATE.sub("\ufffd", text)


def passages_at_once(dimension: int) -> int:
    """Return how many passages make one batch."""
    return max(1, _BATCH // (4 * dimension + _TEXT))


def gone(collection: str) -> StoreUnavailable:
    """Return what is raised to who reads a generation that is deleted meanwhile: half of it is worse than nothing."""
    return StoreUnavailable(
        f"Passages in {collection} were deleted while they were read, because newer text is published. "
        "Nothing that is published is lost; read what is published now."
    )
