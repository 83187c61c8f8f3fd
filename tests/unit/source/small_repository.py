"""A repository in memory: paths to texts, turned into a graph as an ingest would."""

from __future__ import annotations

from collections.abc import Mapping

from edge_worker.source.graph import GraphBuilder, ImportGraph
from edge_worker.source.languages.registry import language_of
from edge_worker.source.reader import read
from edge_worker.source.resolve.repository import Repository

Files = Mapping[str, str | bytes]


def repository(files: Files, aliases: Mapping[str, str] | None = None) -> Repository:
    contents = {path: text.encode() if isinstance(text, str) else text for path, text in files.items()}
    return Repository(paths=contents, aliases=aliases or {}, read=contents.get)


def graph(files: Files, aliases: Mapping[str, str] | None = None) -> ImportGraph:
    return built(files, aliases).build()


def links(files: Files, aliases: Mapping[str, str] | None = None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (importer, imported) to kinds, those that are no imports too."""
    return {(link.source, link.target): link.kinds for link in built(files, aliases).links()}


def sureness(files: Files) -> dict[tuple[str, str], float]:
    """Return (importer, imported) to how sure the edge is."""
    return {(link.source, link.target): link.confidence for link in built(files).links()}


def built(files: Files, aliases: Mapping[str, str] | None = None) -> GraphBuilder:
    builder = GraphBuilder(repository(files, aliases), aside=True)
    for number, (path, text) in enumerate(files.items()):
        language = language_of(path)
        if language is None:
            builder.add_unread(number=number, path=path)
        else:
            source = text.encode() if isinstance(text, str) else text
            builder.add_parsed(number=number, path=path, language=language, parsed=read(language, source))
    return builder


def edges(files: Files, aliases: Mapping[str, str] | None = None) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return (importer, imported) to kinds."""
    whole = graph(files, aliases)
    return {(whole.files[edge.source], whole.files[edge.target]): edge.kinds for edge in whole.edges}


def targets(files: Files, importer: str, aliases: Mapping[str, str] | None = None) -> set[str]:
    """Return what one file imports."""
    return {target for source, target in edges(files, aliases) if source == importer}
