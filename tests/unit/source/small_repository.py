"""A repository in memory: paths to texts, turned into a graph as an ingest would."""

from __future__ import annotations

from collections.abc import Mapping
from posixpath import splitext

from edge_worker.source.graph import GraphBuilder, ImportGraph
from edge_worker.source.resolve.repository import Repository

LANGUAGES = {".py": "python", ".pyi": "python", ".js": "javascript", ".jsx": "javascript", ".mjs": "javascript"}
LANGUAGES |= {".cjs": "javascript", ".ts": "typescript", ".mts": "typescript", ".cts": "typescript", ".tsx": "tsx"}

Files = Mapping[str, str | bytes]


def repository(files: Files, aliases: Mapping[str, str] | None = None) -> Repository:
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return Repository(paths=contents, aliases=aliases or {}, read=contents.get)


def graph(files: Files, aliases: Mapping[str, str] | None = None) -> ImportGraph:
    builder = GraphBuilder(repository(files, aliases))
    for number, (path, text) in enumerate(files.items()):
        language = LANGUAGES.get(splitext(path)[1])
        if language is None:
            builder.add_unread(number=number, path=path)
        else:
            source = text.encode() if isinstance(text, str) else text
            builder.add(number=number, path=path, language=language, source=source)
    return builder.build()


def edges(files: Files, aliases: Mapping[str, str] | None = None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (importer, imported) to kinds."""
    built = graph(files, aliases)
    return {(built.files[edge.source], built.files[edge.target]): edge.kinds for edge in built.edges}


def targets(files: Files, importer: str, aliases: Mapping[str, str] | None = None) -> set[str]:
    """Return what one file imports."""
    return {target for source, target in edges(files, aliases) if source == importer}
