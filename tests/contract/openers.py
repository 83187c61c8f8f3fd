"""Every adapter of both ports, by name, as a store of vectors over a folder of this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from passage_world import AsPoints

from shared.stores.base import VectorStore
from shared.stores.lance import LanceVectorStore
from shared.stores.lance_passages import LancePassageStore
from shared.stores.qdrant import QdrantVectorStore
from shared.stores.qdrant_passages import QdrantPassageStore

LANCE: dict[str, Callable[[Path], VectorStore]] = {
    "lance": lambda folder: LanceVectorStore(path=folder),
    "lance-passages": lambda folder: AsPoints(LancePassageStore(path=folder)),
}
#: By the URL of a server, or a folder.
QDRANT: dict[str, Callable[[str], VectorStore]] = {
    "qdrant": lambda url: QdrantVectorStore(url=url),
    "qdrant-passages": lambda url: AsPoints(QdrantPassageStore(url=url)),
}
KINDS = [*LANCE, *QDRANT]


def opened(kind: str, folder: Path) -> VectorStore:
    """Return the adapter of that name over a folder."""
    return LANCE[kind](folder) if kind in LANCE else QDRANT[kind](str(folder))
