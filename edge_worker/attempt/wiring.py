"""The one place of the compute process that chooses: which store, which handlers, which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from edge_worker.attempt.messages import Equipment, Hello, TidyUp
from edge_worker.compute.device import probe, release
from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.ingest import COLLECTION, Ingest
from edge_worker.handlers.reading import Source
from edge_worker.handlers.remove import Remove
from edge_worker.source.credentials import Tokens
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access, require_git
from shared.errors import ConfigurationError
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.repositories import parse_repository
from shared.stores.base import VectorStore

Handler = Callable[[Task, Reporter], Outcome]


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What the compute process works with."""

    handlers: Mapping[Kind, Handler]
    store: VectorStore

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Run the handler of the task's kind."""
        return self.handlers[Kind(task.kind)](task, reporter)

    def tidy(self, message: TidyUp) -> None:
        """Delete the vectors that an attempt left behind. Raises ``StoreUnavailable``."""
        self.store.discard_below(
            COLLECTION,
            tenant_id=message.tenant_id,
            repository_id=message.repository_id,
            generation=message.below,
            keep=message.keep,
        )

    def hello(self) -> Hello:
        """Return what this machine has to compute with."""
        facts = probe()
        return Hello(gpu=facts.gpu, gpu_name=facts.name, gpu_memory=facts.memory_gib)

    def release(self) -> None:
        """Give GPU memory back between attempts."""
        release()


def build_workbench(equipment: Equipment) -> Workbench:
    """Return the workbench. Raises ``ConfigurationError`` or ``StoreUnavailable``."""
    require_git()
    store = _store(equipment)
    ingest = Ingest(
        source=_source(equipment),
        store=store,
        device=equipment.device,
        place=(equipment.vector_store, equipment.node if equipment.vector_store == "lancedb" else None),
    )
    return Workbench(handlers={Kind.INGEST: ingest, Kind.REMOVE: Remove(store=store)}, store=store)


def _source(equipment: Equipment) -> Callable[[Task, IngestPayload], Source]:
    tokens = Tokens.read(equipment.git_tokens_file) if equipment.git_tokens_file is not None else Tokens()
    limits = FetchLimits(
        seconds=equipment.fetch_timeout,
        max_bytes=equipment.max_repository_mb << 20,
        max_files=equipment.max_files,
        max_file_bytes=equipment.max_file_kb << 10,
        free_bytes=equipment.min_free_mb << 20,
    )

    def source(task: Task, payload: IngestPayload) -> Source:
        # Checked again here: the plane's rules are not this machine's.
        address = parse_repository(
            payload.url,
            hosts=(*equipment.git_hosts, *equipment.private_hosts),
            local_roots=[str(root) for root in equipment.local_roots],
        )
        access = Access(
            private_hosts=equipment.private_hosts,
            local_roots=tuple(equipment.local_roots),
            token=tokens.find(task.repository, task.tenant_id),
        )
        return Source(address=address, ref=payload.ref, folder=task.work_dir, limits=limits, access=access)

    return source


def _store(equipment: Equipment) -> VectorStore:
    # Each store's client is heavy: only the one that is used is loaded.
    if equipment.vector_store == "lancedb":
        from shared.stores.lance import LanceVectorStore

        return LanceVectorStore(path=equipment.lancedb_path)
    if equipment.qdrant_url is None:
        raise ConfigurationError("PHAROS_QDRANT_URL is not set, and PHAROS_VECTOR_STORE is qdrant")
    from shared.stores.qdrant import QdrantVectorStore

    return QdrantVectorStore(url=equipment.qdrant_url, api_key=equipment.qdrant_api_key)
