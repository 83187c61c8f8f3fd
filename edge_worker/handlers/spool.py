"""Spool: the chunks of a run, on disk between cutting and embedding, so that memory holds a few at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO

from edge_worker.text.chunk import Chunk
from shared.stores.passages import Place


@dataclass(frozen=True, kw_only=True, slots=True)
class Cut:
    """One chunk as it comes back, and the contents that it was cut from."""

    chunk: str
    blob: str
    place: Place
    header: str
    text: str

    @property
    def content(self) -> str:
        """What is embedded."""
        return f"{self.header}\n{self.text}"


class Spool:
    """A context manager: a file that is written first, and then read once."""

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("w+", encoding="utf-8")
        #: Chunks written.
        self.count = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, blob: str, chunks: Sequence[Chunk]) -> None:
        """Write the chunks of one file."""
        for one in chunks:
            place = (one.path, one.language, one.kind, one.symbol, one.start, one.end)
            self._file.write(json.dumps((one.id, blob, place, one.header, one.text)) + "\n")
        self.count += len(chunks)

    def groups(self, size: int) -> Iterator[list[Cut]]:
        """Yield all chunks in the order of their writing, up to ``size`` together."""
        self._file.seek(0)
        group: list[Cut] = []
        for line in self._file:
            chunk, blob, place, header, text = json.loads(line)
            path, language, kind, symbol, start, end = place
            where = Place(path=path, language=language, kind=kind, symbol=symbol, start=start, end=end)
            group.append(Cut(chunk=chunk, blob=blob, place=where, header=header, text=text))
            if len(group) == size:
                yield group
                group = []
        if group:
            yield group
