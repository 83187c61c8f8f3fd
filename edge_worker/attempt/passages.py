"""Which store keeps the passages of a worker, from what its processes are told of it."""

from __future__ import annotations

from pathlib import Path

from edge_worker.attempt.messages import Equipment
from shared.errors import ConfigurationError
from shared.stores.passages import PassageStore


def passage_store(equipment: Equipment) -> PassageStore:
    """Return the store, whose client is heavy: only the one that is used is loaded.

    Raises:
        ConfigurationError: a setting is missing.
        StoreUnavailable: the store does not answer.
    """
    if equipment.vector_store == "lancedb":
        from shared.stores.lance_passages import LancePassageStore

        return LancePassageStore(path=equipment.lancedb_path)
    if equipment.qdrant_url is None:
        raise ConfigurationError("PHAROS_QDRANT_URL is not set, and PHAROS_VECTOR_STORE is qdrant")
    from shared.stores.qdrant_passages import QdrantPassageStore

    return QdrantPassageStore(url=_of_passages(equipment.qdrant_url), api_key=equipment.qdrant_api_key)


def _of_passages(url: str) -> str:
    # A folder is for one client at a time, and that of the vectors has it.
    return url if url.startswith(("http://", "https://")) else str(Path(url) / "passages")
