"""A stranger's text, made so that a model takes it as text and as nothing else."""

from __future__ import annotations

import re

_SURROGATE = re.compile("[\ud800-\udfff]")
#: Begins a control word in the models that have such (``<|im_end|>``, ``<|image_pad|>``).
_CONTROL = "<|"
_BROKEN = "<\N{ZERO WIDTH SPACE}|"


def safe(text: str) -> dict[str, str]:
    """Return the text under the name of its kind, with no control word and no half of a character in it.

    A bare string that looks like a picture's address or path would be fetched or opened by a model that takes
    pictures, too; a control word would end its turn, or stand for a picture that is not there.
    """
    return {"text": _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text).replace(_CONTROL, _BROKEN)}
