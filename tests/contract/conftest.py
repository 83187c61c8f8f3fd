"""Each adapter of the vector store, over an empty folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from vector_world import COLLECTION

from shared.stores.base import VectorStore
from shared.stores.lance import LanceVectorStore
from shared.stores.qdrant import QdrantVectorStore


@pytest.fixture(params=["lance", "qdrant"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    """Each adapter over an empty folder."""
    made: VectorStore = (
        LanceVectorStore(path=tmp_path / "lance")
        if request.param == "lance"
        else QdrantVectorStore(url=str(tmp_path / "qdrant"))
    )
    yield made
    made.close()


@pytest.fixture
def prepared(store: VectorStore) -> VectorStore:
    """Each adapter with an empty collection of four dimensions."""
    store.prepare(COLLECTION, dimension=4)
    return store
