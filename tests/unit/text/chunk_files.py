"""What the tests of chunking share."""

from __future__ import annotations

from textwrap import dedent

from edge_worker.text.chunk import Chunk
from edge_worker.text.chunker import chunks_of


def chunked(path: str, language: str | None, text: str) -> list[Chunk]:
    """Return the chunks of a text that is indented as the test is."""
    return chunks_of(path, language, dedent(text).strip("\n").encode())


def told(chunks: list[Chunk]) -> list[tuple[str, str, int, int]]:
    """Return what most tests ask of chunks."""
    return [(chunk.kind, chunk.symbol, chunk.start, chunk.end) for chunk in chunks]


def assert_whole(text: str, chunks: list[Chunk]) -> None:
    """Check that each line that is not blank lies in one chunk, and that chunks hold their lines."""
    lines = text.split("\n")
    seen = [row for chunk in chunks for row in range(chunk.start, chunk.end + 1)]
    assert len(seen) == len(set(seen))
    assert {row for row, line in enumerate(lines, 1) if line.strip()} <= set(seen)
    for chunk in chunks:
        assert chunk.text.split("\n") == lines[chunk.start - 1 : chunk.end]
        assert chunk.text.strip()
