"""The one place of the compute process that chooses: which store, which handlers, which limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_worker.attempt.messages import Equipment, Hello, TidyUp
from edge_worker.attempt.passages import passage_store
from edge_worker.attempt.reach import access_to, address_of, limits_of
from edge_worker.compute.device import probe, release
from edge_worker.compute.memory import give_back
from edge_worker.handlers.base import Outcome, Reporter, Task
from edge_worker.handlers.ingest import Ingest
from edge_worker.handlers.passages import discard_passages
from edge_worker.handlers.reading import Source
from edge_worker.handlers.remove import Remove
from edge_worker.handlers.structure import StructureHalf
from edge_worker.handlers.text import TextHalf
from edge_worker.handlers.training import TrainingStates
from edge_worker.handlers.vectors import discard_below
from edge_worker.models.late import LateEmbedder
from edge_worker.models.resident import ResidentModel
from edge_worker.source.git import require_git
from shared.errors import ConfigurationError
from shared.jobs.kinds import Kind
from shared.jobs.payloads import IngestPayload
from shared.stores.base import VectorStore
from shared.stores.passages import PassageStore

Handler = Callable[[Task, Reporter], Outcome]


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """What the compute process works with."""

    handlers: Mapping[Kind, Handler]
    store: VectorStore
    passages: PassageStore
    states: TrainingStates
    model: ResidentModel

    def handle(self, task: Task, reporter: Reporter) -> Outcome:
        """Run the handler of the task's kind."""
        return self.handlers[Kind(task.kind)](task, reporter)

    def tidy(self, message: TidyUp) -> None:
        """Delete the vectors that an attempt left behind, and what lies beside them. Raises ``StoreUnavailable``."""
        of = {"tenant_id": message.tenant_id, "repository_id": message.repository_id}
        self.states.discard_below(**of, generation=message.below, keep=message.keep)
        discard_below(self.store, **of, generation=message.below, keep=message.keep)
        discard_passages(self.passages, **of, generation=message.below, keep=message.keep_text)

    def hello(self) -> Hello:
        """Return what this machine has to compute with."""
        facts = probe()
        return Hello(gpu=facts.gpu, gpu_name=facts.name, gpu_memory=facts.memory_gib)

    def release(self) -> None:
        """Give memory back between attempts, the GPU's and the machine's; a model that is idle goes later."""
        self.model.rest()
        release()
        give_back()


def build_workbench(equipment: Equipment) -> Workbench:
    """Return the workbench. Raises ``ConfigurationError`` or ``StoreUnavailable``."""
    require_git()
    store, states = _store(equipment), TrainingStates(folder=_beside_the_vectors(equipment) / "training")
    passages, model = passage_store(equipment), _model(equipment)
    place = (equipment.vector_store, equipment.node if equipment.vector_store == "lancedb" else None)
    ingest = Ingest(
        source=_source(equipment),
        structure=StructureHalf(store=store, states=states, device=equipment.device, place=place),
        text=TextHalf(store=passages, model=model, cache=equipment.work_dir / "vectors.cache", place=place),
    )
    remove = Remove(store=store, passages=passages, states=states)
    handlers: dict[Kind, Handler] = {Kind.INGEST: ingest, Kind.REMOVE: remove}
    return Workbench(handlers=handlers, store=store, passages=passages, states=states, model=model)


def _model(equipment: Equipment) -> ResidentModel:
    return ResidentModel(lambda: LateEmbedder.chosen(equipment.text_model, equipment.device), idle=equipment.model_idle)


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
