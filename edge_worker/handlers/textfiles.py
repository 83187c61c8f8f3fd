"""Text files: which files of a commit are searched, and which of them an earlier run has cut already."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_worker.handlers.embedding import ASIDE
from edge_worker.source.entry import Entry
from edge_worker.source.walk import EXCLUDED, UNPARSED, Read, Selection, content_flags, name_flags, select
from edge_worker.text.documents import document_language
from shared.stores.passages import Held

#: A document that is larger was written by a program. What has no headings is more often data than prose.
_MOST_BYTES = {"markdown": 512 << 10, "rst": 512 << 10, "text": 64 << 10}
_LOCK = re.compile(r"(^|[-_.])lock(file)?([-_.]|$)", re.IGNORECASE)
_DATA_FOLDER = re.compile(
    r"(test|sample)?_?(data|fixture|corpus|dataset|snapshot|wordlist|dictionar(y|ie))s?", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True, slots=True)
class TextFile:
    """A file that is cut into passages. ``language`` is the registry's word, or that of a document."""

    path: str
    language: str
    oid: str


@dataclass(frozen=True, kw_only=True)
class Push:
    """What there is to do, compared with what is published."""

    #: Files to be read and cut.
    changed: tuple[TextFile, ...]
    #: Passages that stay as they are.
    kept: int
    #: Published paths whose passages do not stay.
    without: tuple[str, ...]

    @classmethod
    def since(cls, held: Mapping[str, Held], files: Sequence[TextFile]) -> Push:
        """Return what changed since the text was published of which ``held`` is the whole."""
        same = {file.path for file in files if (known := held.get(file.path)) is not None and known.blob == file.oid}
        return cls(
            changed=tuple(file for file in files if file.path not in same),
            kept=sum(held[path].passages for path in same),
            without=tuple(path for path in held if path not in same),
        )


def text_files(
    entries: Iterable[Entry], read: Read, *, include: Iterable[str], border: Callable[[], None]
) -> tuple[TextFile, ...]:
    """Return the files of a commit that are searched, by path: its sources and its documents.

    What is empty is not, nor what is generated, vendored or minified by its name unless ``include`` says so, nor are
    files of locked versions, nor what lies with data. ``border`` is called now and then, and ends this by raising.
    """
    aside = (ASIDE | UNPARSED) - frozenset(include)
    chosen = select(entries, read, border=border)
    sources = (
        TextFile(path=file.path, language=file.language, oid=file.oid)
        for file in chosen.files
        if file.size and aside.isdisjoint(file.flags)
    )
    return tuple(sorted((*sources, *_documents(chosen, aside)), key=lambda file: file.path))


def is_aside(data: bytes, include: Iterable[str]) -> bool:
    """Return whether contents say that a program wrote them, where such files are not asked for."""
    return "generated" not in include and "generated" in content_flags(data, has_lines=False)


def _documents(chosen: Selection, aside: frozenset[str]) -> Iterator[TextFile]:
    sources = {file.path for file in chosen.files}
    for path, entry in chosen.index.items():
        language = document_language(path)
        if language is None or path in sources or not 0 < (entry.size or 0) <= _MOST_BYTES[language]:
            continue
        *folders, name = path.split("/")
        if _LOCK.search(name) or not EXCLUDED.isdisjoint(folders) or not aside.isdisjoint(name_flags(entry)):
            continue
        if language == "text" and any(_DATA_FOLDER.fullmatch(folder) for folder in folders):
            continue
        yield TextFile(path=path, language=language, oid=entry.oid)
