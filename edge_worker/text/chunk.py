"""The word for a piece of a file that is embedded, searched and shown."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Final, Literal

#: Raised whenever the same bytes give other chunks; it belongs to a collection's name.
CHUNKER_VERSION: Final = 1

#: ``module`` is what stands between the symbols of a program; ``lines`` is what no grammar could read.
ChunkKind = Literal["function", "method", "class", "module", "section", "lines"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Some lines of one file. No line that is not blank lies in two chunks of its file, and none in no chunk."""

    #: May carry surrogates for bytes that are not UTF-8 (PEP 383).
    path: str
    #: As the registry of languages calls it; ``markdown``, ``rst`` or ``text`` else.
    language: str
    kind: ChunkKind
    #: Dotted within its file, ``Session.get``; the heading path of a document's section, ``Install > Linux``; '' else.
    #: All the pieces of a long function have the function's.
    symbol: str
    #: Lines counted from 1, the last one included.
    start: int
    end: int
    #: Words put before the text for embedding and for word search.
    header: str
    #: The file's own lines, decoded, each line end as ``\\n`` and none behind the last.
    text: str
    #: How many chunks of the same file with the same symbol and content stand before it.
    ordinal: int = 0

    @property
    def content(self) -> str:
        """What is embedded."""
        return f"{self.header}\n{self.text}"

    @property
    def id(self) -> str:
        """32 hexadecimal digits by which the same chunk is known in every run, wherever in its file it stands."""
        named = (str(CHUNKER_VERSION), self.path, self.symbol, self.content, str(self.ordinal))
        # The lengths keep one part's end from being read as the next one's beginning.
        written = "".join(f"{len(part)}:{part}" for part in named)
        return blake2b(written.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
