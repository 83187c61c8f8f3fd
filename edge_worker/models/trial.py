"""Trying a model out: whether it loads here, tells what answers a question from what does not, and how fast it is."""

from __future__ import annotations

import time
from dataclasses import dataclass

from edge_worker.models.late import LateEmbedder

_QUERY = "how long is it until a failed request is tried again?"
_NEAR = (
    "backoff\ndef backoff(attempt):\n    # Seconds to wait before a failed request is retried.\n    return 2**attempt"
)
_FAR = "parse colour\ndef parse_colour(name):\n    return PALETTE[name.strip().lower()]"
#: Enough that the first batch, which is slow, does not count for much.
_COPIES = 64


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What came of it."""

    name: str
    revision: str
    collection: str
    device: str
    dimension: int
    load_seconds: float
    tokens_per_second: float
    #: Cosines of a question with what answers it and with what does not.
    near: float
    far: float

    @property
    def works(self) -> bool:
        """Whether what answers the question is nearer to it."""
        return self.near > self.far


def try_out(model: LateEmbedder) -> Trial:
    """Load the model, embed with it, and say what came of it.

    Raises:
        ConfigurationError: it cannot be loaded here.
        Transient, Permanent: it cannot embed here.
    """
    begun = time.monotonic()
    embedder = model.load()
    loaded = time.monotonic()
    query = embedder.queries([_QUERY])[0]
    near, far = embedder.documents([_NEAR, _FAR], progress=_unheard) @ query
    before, timed = embedder.tokens, time.monotonic()
    embedder.documents([f"{_NEAR}{number}" for number in range(_COPIES)], progress=_unheard)
    spent = time.monotonic() - timed
    return Trial(
        name=embedder.spec.name,
        revision=embedder.spec.revision,
        collection=embedder.spec.collection,
        device=embedder.device,
        dimension=embedder.spec.dimension,
        load_seconds=round(loaded - begun, 2),
        tokens_per_second=round((embedder.tokens - before) / spent, 1),
        near=round(float(near), 4),
        far=round(float(far), 4),
    )


def _unheard(done: int, total: int) -> None:
    """Nobody watches."""
