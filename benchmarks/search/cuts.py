"""Ways to cut a repository's files into what is indexed: as the product does, or fixed windows of characters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.search.sets import Files
from edge_worker.text.chunker import chunks_of
from shared.stores.passages import Place


@dataclass(frozen=True, kw_only=True)
class Cut:
    """One passage: where it stands, what of it is shown, and what of it is embedded and searched."""

    place: Place
    text: str
    content: str


def by_symbol(files: Files) -> list[Cut]:
    """Return what an ingest would write of Python files."""
    return [
        Cut(
            place=Place(
                path=chunk.path,
                language=chunk.language,
                kind=chunk.kind,
                symbol=chunk.symbol,
                start=chunk.start,
                end=chunk.end,
            ),
            text=chunk.text,
            content=chunk.content,
        )
        for path, text in sorted(files.items())
        for chunk in chunks_of(path, "python", text.encode())
    ]


def by_characters(files: Files, width: int) -> list[Cut]:
    """Return windows of so many characters, one behind the other, with nothing before them."""
    return [cut for path, text in sorted(files.items()) for cut in _windows(path, text, width)]


def _windows(path: str, text: str, width: int) -> Iterator[Cut]:
    for at in range(0, len(text), width):
        window = text[at : at + width]
        if not window.strip():
            continue
        first = text.count("\n", 0, at) + 1
        last = first + window.rstrip("\n").count("\n")
        place = Place(path=path, language="python", kind="lines", symbol="", start=first, end=last)
        yield Cut(place=place, text=window, content=window)


def contents(cuts: Sequence[Cut]) -> list[str]:
    """Return what is embedded of each."""
    return [cut.content for cut in cuts]
