"""The front of chunking: a path, a language and bytes in, chunks out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from edge_worker.source.parse.tree import syntax_tree
from edge_worker.text.chunk import Chunk
from edge_worker.text.cutting import cut
from edge_worker.text.documents import document_language, paragraphs, sections
from edge_worker.text.headers import header_of
from edge_worker.text.measure import sizes_of
from edge_worker.text.outline import BROKEN, MODULE, Outline, Owner
from edge_worker.text.pieces import Piece, joined, trimmed
from edge_worker.text.reading import Reading, read
from edge_worker.text.runs import runs_of
from edge_worker.text.shape import Shape
from edge_worker.text.shapes.registry import shape_of
from edge_worker.text.windows import windows

_DOCUMENTS = frozenset({"markdown", "rst", "text"})


def chunks_of(path: str, language: str | None, data: bytes) -> list[Chunk]:
    """Return a file's chunks, in the order of its lines; every line that is not blank lies in exactly one.

    None for what is no text, minified, or larger than ``reading.MAX_BYTES``. ``language`` is the registry's word; for
    None the path tells whether it is a document. What no grammar could read is cut into windows of lines: no content
    makes this raise.
    """
    written = language or document_language(path) or "text"
    shape = shape_of(path, written)
    reading = read(written, data, is_page=shape is not None and shape.is_page)
    if reading is None:
        return []
    sizes = sizes_of(reading.lines)
    is_document = language in _DOCUMENTS or (language is None and document_language(path) is not None)
    pieces = _sections(written, reading, sizes) if is_document else _program(shape, reading, sizes)
    return list(_chunks(path, written, reading.lines, trimmed(pieces, sizes)))


def _sections(language: str, reading: Reading, sizes: Sequence[int]) -> Iterator[Piece]:
    for section in sections(language, reading.lines):
        for first, last in paragraphs(sizes, section):
            yield Piece(first=first, last=last, kind="section", symbol=" > ".join(section.path))


def _program(shape: Shape | None, reading: Reading, sizes: Sequence[int]) -> Iterator[Piece]:
    program = reading.program
    tree = syntax_tree(shape.grammar, program) if shape is not None and program is not None else None
    if shape is None or program is None or tree is None:
        yield from _windows(sizes, 0, len(sizes) - 1)
        return
    outline = Outline(shape, program, reading.lines, sizes, tree)
    if shape.is_page:
        _leave_markup(outline, program, sizes)
    yield from joined(_owned(outline, sizes), reading.lines)


def _leave_markup(outline: Outline, program: bytes, sizes: Sequence[int]) -> None:
    """Take from the module what is blank in the program and not in the page."""
    for row, line in enumerate(program.split(b"\n")):
        if sizes[row] and outline.owner_of[row] == MODULE and not line.strip(b" \t;"):
            outline.owner_of[row] = BROKEN


def _owned(outline: Outline, sizes: Sequence[int]) -> Iterator[Piece]:
    depths = outline.depths
    for run in runs_of(outline.owner_of, outline.owners, sizes):
        owner = outline.owners[run.owner]
        if owner.kind == "lines":
            yield from _windows(sizes, run.first, run.last)
            continue
        for first, last in cut(sizes, depths, run.first, run.last):
            yield Piece(
                first=first,
                last=last,
                kind=owner.kind,
                symbol=owner.symbol,
                enclosing=_around(owner, is_first=first == run.first),
            )


def _around(owner: Owner, *, is_first: bool) -> tuple[str, ...]:
    return owner.enclosing if is_first or not owner.signature else (*owner.enclosing, owner.signature)


def _windows(sizes: Sequence[int], first: int, last: int) -> Iterator[Piece]:
    for begin, end in windows(sizes, first, last):
        yield Piece(first=begin, last=end, kind="lines")


def _chunks(path: str, language: str, lines: Sequence[str], pieces: Iterable[Piece]) -> Iterator[Chunk]:
    seen: Counter[tuple[str, str]] = Counter()
    for piece in pieces:
        header = header_of(path, piece.symbol, piece.enclosing)
        text = "\n".join(lines[piece.first : piece.last + 1])
        same = (piece.symbol, f"{header}\n{text}")
        yield Chunk(
            path=path,
            language=language,
            kind=piece.kind,
            symbol=piece.symbol,
            start=piece.first + 1,
            end=piece.last + 1,
            header=header,
            text=text,
            ordinal=seen[same],
        )
        seen[same] += 1
