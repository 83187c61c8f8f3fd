"""The one place of the compute process that chooses: which store, which handlers, which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.memory import give_back
from edge_worker.attempt.messages import Equipment, Hello, TidyUp
from edge_worker.attempt.reach import access_to, address_of, limits_of
from edge_worker.compute.device import probe, release
from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.ingest import Ingest
from edge_worker.handlers.reading import Source
from edge_worker.handlers.remove import Remove
from edge_worker.handlers.training import TrainingStates
from edge_worker.handlers.vectors import discard_below
from edge_worker.source.git import require_git
from shared.errors import ConfigurationError
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.stores.base import VectorStore

Handler = Callable[[Task, Reporter], Outcome]


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What the compute process works with."""

    handlers: Mapping[Kind, Handler]
    store: VectorStore
    states: TrainingStates

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Run the handler of the task's kind."""
        return self.handlers[Kind(task.kind)](task, reporter)

    def tidy(self, message: TidyUp) -> None:
        """Delete the vectors that an attempt left behind, and what lies beside them. Raises ``StoreUnavailable``."""
        of = {"tenant_id": message.tenant_id, "repository_id": message.repository_id}
        self.states.discard_below(**of, generation=message.below, keep=message.keep)
        discard_below(self.store, **of, generation=message.below, keep=message.keep)

    def hello(self) -> Hello:
        """Return what this machine has to compute with."""
        facts = probe()
        return Hello(gpu=facts.gpu, gpu_name=facts.name, gpu_memory=facts.memory_gib)

    def release(self) -> None:
        """Give memory back between attempts, the GPU's and the machine's."""
        release()
        give_back()


def build_workbench(equipment: Equipment) -> Workbench:
    """Return the workbench. Raises ``ConfigurationError`` or ``StoreUnavailable``."""
    require_git()
    store, states = _store(equipment), TrainingStates(folder=_beside_the_vectors(equipment) / "training")
    ingest = Ingest(
        source=_source(equipment),
        store=store,
        states=states,
        device=equipment.device,
        place=(equipment.vector_store, equipment.node if equipment.vector_store == "lancedb" else None),
    )
    handlers: dict[Kind, Handler] = {Kind.INGEST: ingest, Kind.REMOVE: Remove(store=store, states=states)}
    return Workbench(handlers=handlers, store=store, states=states)


def _source(equipment: Equipment) -> Callable[[Task, IngestPayload], Source]:
    access, limits = access_to(equipment), limits_of(equipment)

    def source(task: Task, payload: IngestPayload) -> Source:
        return Source(
            address=address_of(equipment, payload.url),
            ref=payload.ref,
            folder=task.work_dir,
            limits=limits,
            access=access(task.repository, task.tenant_id),
            cache=equipment.work_dir / "parsed.cache",
        )

    return source


def _beside_the_vectors(equipment: Equipment) -> Path:
    # Next to a server's vectors there is no place for files.
    return equipment.lancedb_path if equipment.vector_store == "lancedb" else equipment.work_dir


def _store(equipment: Equipment) -> VectorStore:
    # Each store's client is heavy: only the one that is used is loaded.
    if equipment.vector_store == "lancedb":
        from shared.stores.lance import LanceVectorStore

        return LanceVectorStore(path=equipment.lancedb_path)
    if equipment.qdrant_url is None:
        raise ConfigurationError("PHAROS_QDRANT_URL is not set, and PHAROS_VECTOR_STORE is qdrant")
    from shared.stores.qdrant import QdrantVectorStore

    return QdrantVectorStore(url=equipment.qdrant_url, api_key=equipment.qdrant_api_key)
