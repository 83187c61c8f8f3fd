"""What supervisor and compute process say to each other: JSON, one message a line, on a pipe that nobody else has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Equipment(_Message):
    """First line down: everything that the handlers need to know of this worker. The ledger's secrets are not in it."""

    say: Literal["equipment"] = "equipment"
    node: str
    #: Where this worker keeps what it may lose: below it, scratch folders come and go.
    work_dir: Path
    vector_store: Literal["lancedb", "qdrant"]
    lancedb_path: Path
    qdrant_url: str | None
    qdrant_api_key: str | None
    device: Literal["auto", "cpu", "cuda"]
    #: Which model embeds text, as ``PHAROS_TEXT_MODEL`` says it; ``None`` where nobody chose.
    text_model: str | None = None
    #: Seconds that a model which nobody uses stays in memory.
    model_idle: float = 600.0
    git_hosts: tuple[str, ...]
    local_roots: tuple[Path, ...]
    private_hosts: tuple[str, ...]
    git_tokens_file: Path | None
    fetch_timeout: float
    min_free_mb: int
    max_repository_mb: int
    max_files: int
    max_file_kb: int
    log_level: str
    #: For tests: where this process ends or freezes itself.
    fault_at: str | None = None


class RunTask(_Message):
    """Run one attempt."""

    say: Literal["run"] = "run"
    task: dict[str, Any]


class StopTask(_Message):
    """Stop at the next border."""

    say: Literal["stop"] = "stop"


class TidyUp(_Message):
    """Delete a repository's vectors that generations before ``below`` wrote, but those that ``keep`` sees.

    ``keep_text`` is the same for its passages.
    """

    say: Literal["tidy"] = "tidy"
    tenant_id: str
    repository_id: str
    below: int
    keep: int | None
    keep_text: int | None = None


class Hello(_Message):
    """First line up: warm, and this is what the machine has."""

    say: Literal["hello"] = "hello"
    gpu: bool
    gpu_name: str | None
    gpu_memory: float


class Progress(_Message):
    """How far the attempt is."""

    say: Literal["progress"] = "progress"
    stage: str
    done: int
    total: int


class Done(_Message):
    """The attempt worked. ``knowledge`` and ``text`` are files below the task's folder, of what is to be published."""

    say: Literal["done"] = "done"
    summary: dict[str, Any]
    knowledge: Path | None
    text: Path | None = None

    @property
    def publishes(self) -> bool:
        """Whether anything is to be published."""
        return self.knowledge is not None or self.text is not None


class Ended(_Message):
    """The attempt did not work: one of the four signals, its reason and a sentence."""

    say: Literal["ended"] = "ended"
    signal: Literal["transient", "permanent", "snooze", "cancelled"]
    reason: str
    detail: str


class Tidied(_Message):
    """Tidying up is over; ``problem`` says why it must be done another time."""

    say: Literal["tidied"] = "tidied"
    problem: str | None = None


Down = Equipment | RunTask | StopTask | TidyUp
Up = Hello | Progress | Done | Ended | Tidied

_DOWN: TypeAdapter[Down] = TypeAdapter(Annotated[Down, Field(discriminator="say")])
_UP: TypeAdapter[Up] = TypeAdapter(Annotated[Up, Field(discriminator="say")])


def read_down(line: str) -> Down:
    """Return the message to the compute process in one line."""
    return _DOWN.validate_json(line)


def read_up(line: str) -> Up:
    """Return the message from the compute process in one line."""
    return _UP.validate_json(line)
