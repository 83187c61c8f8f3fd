"""The word for a model that embeds text: everything that decides which vectors it gives."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from edge_worker.text.chunk import CHUNKER_VERSION

Dtype = Literal["float32", "bfloat16"]

#: Raised whenever the embedder gives other vectors for the same model and text.
_EMBEDDER_VERSION: Final = 1
_LONGEST_SLUG: Final = 80


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """One model on this machine's disk. Only ``source`` and ``sha256`` do not change what it gives."""

    #: As people know it: a name on the hub, or that of its folder.
    name: str
    #: A commit of the hub, or a hash over the folder's contents.
    revision: str
    #: Where it lies; nothing but what is below is ever read.
    source: Path
    dimension: int
    #: What is longer is cut.
    max_tokens: int
    #: Put before each query and each document; empty for none.
    query_prompt: str
    document_prompt: str
    #: Queries and documents are embedded in the same one: what is near changes with it.
    dtype: Dtype
    #: What ``model.safetensors`` must hash to, where that is known beforehand.
    sha256: str | None = None

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name the vectors of documents: equal if and only if those may be mixed."""
        return _digest("document", *self._shaped_by, self.document_prompt)[:32]

    @property
    def collection(self) -> str:
        """Where the passages of this model and of this chunker lie in a store."""
        slug = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")[:_LONGEST_SLUG]
        prompts = (self.query_prompt, self.document_prompt)
        return f"text_{slug}_{self.dimension}_{_digest(*self._shaped_by, *prompts, CHUNKER_VERSION)[:8]}"

    @property
    def _shaped_by(self) -> tuple[str | int, ...]:
        return self.name, self.revision, self.dimension, self.max_tokens, self.dtype, _EMBEDDER_VERSION


def _digest(*parts: str | int) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
