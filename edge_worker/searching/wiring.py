"""The one place of the search process that chooses: which store, which model, which device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from edge_worker.attempt.messages import Equipment
from edge_worker.attempt.passages import passage_store
from edge_worker.models.presets import resolve
from edge_worker.models.spec import ModelSpec
from edge_worker.searching.holdings import Holdings
from edge_worker.searching.loads import Loads
from edge_worker.searching.messages import Start
from edge_worker.searching.model import Model, QueryEmbedder
from edge_worker.searching.seeker import Seeker
from shared.stores.passages import Vectors

#: Beside the caches of the work dir.
_LOADS = "search-model.json"
#: Numbers of a vector up to which one question is so little work that to split it takes longer: on a machine whose
#: cores are all busy, two threads that wait for each other took sixteen times as long as one.
_SMALL = 512


def build_seeker(start: Start) -> Seeker:
    """Return what answers questions; its model is not loaded. Raises ``ConfigurationError`` or ``StoreUnavailable``."""
    equipment = start.equipment
    return Seeker(
        holdings=Holdings(store=passage_store(equipment), budget=start.budget),
        model=Model(
            find=lambda: resolve(equipment.text_model, start.gpu_gib),
            load=lambda spec: _embedder(equipment, spec),
            loads=Loads(path=equipment.work_dir / _LOADS),
        ),
    )


def _embedder(equipment: Equipment, spec: ModelSpec) -> QueryEmbedder:
    # Heavy: seconds of CPU for the libraries alone.
    from edge_worker.models.embedder import Embedder
    from edge_worker.models.late import place_of

    device, _ = place_of(equipment.device)
    embedder = Embedder(spec, device=device)
    return _OnOneThread(embedder=embedder) if spec.dimension <= _SMALL else embedder


@dataclass(frozen=True, kw_only=True)
class _OnOneThread:
    embedder: QueryEmbedder

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return what the embedder does."""
        from edge_worker.compute.device import one_thread

        with one_thread():
            return self.embedder.queries(texts)
