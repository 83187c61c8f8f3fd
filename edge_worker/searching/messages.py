"""What supervisor and search process say to each other: JSON, one message a line, on a pipe that nobody else has."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from edge_worker.attempt.messages import Equipment
from shared.nodes.search import Answer, Question


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Start(_Message):
    """First line down: everything that a search needs to know of this worker."""

    equipment: Equipment
    #: GiB of GPU memory, by which the model is chosen where nobody chose one.
    gpu_gib: float
    #: Bytes that all indexes together may take.
    budget: int


class Asked(_Message):
    """A question, with the time that is left for it; several may be under way."""

    id: int
    question: Question


class Told(_Message):
    """What became of a question: an answer, or why there is none."""

    id: int
    answer: Answer | None = None
    error: str | None = None
    #: There is none for want of something here; another worker may have it.
    elsewhere: bool = False
    #: There is none because what it asks about is not where it should be.
    missing: bool = False
