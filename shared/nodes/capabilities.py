"""What a worker says of itself, and what a job may ask for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from shared.jobs.kinds import Kind

#: The name of a node: it becomes part of lane names, so it is kept plain.
NodeName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
#: The name of a model, as its hub writes it.
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]

_Word = Annotated[str, StringConstraints(max_length=100)]


class Capabilities(BaseModel):
    """What one worker can do, found by probing its machine or said by its owner."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    node: NodeName
    kinds: tuple[Kind, ...] = tuple(Kind)
    gpu: bool = False
    gpu_name: _Word | None = None
    #: GiB on the largest GPU.
    gpu_memory: float = 0.0
    #: GiB of main memory.
    memory: float = 0.0
    cpus: int = 1
    system: _Word = "Linux"
    machine: _Word = "x86_64"
    #: Models that its owner lets it load.
    models: tuple[ModelName, ...] = Field(default=(), max_length=64)
    #: ``lancedb`` keeps vectors on this node's own disk, which makes the node the home of what it indexes.
    vector_store: Literal["lancedb", "qdrant"] = "lancedb"

    @property
    def keeps_vectors(self) -> bool:
        """Whether vectors that this worker writes can be read by this node alone."""
        return self.vector_store == "lancedb"


class Needs(BaseModel):
    """What a job asks of the worker that takes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gpu: bool = False
    #: GiB of GPU memory, whole.
    gpu_memory: int = Field(default=0, ge=0, le=1024)
    #: GiB of main memory, whole.
    memory: int = Field(default=0, ge=0, le=4096)
    model: ModelName | None = None
    node: NodeName | None = None

    def met_by(self, capabilities: Capabilities) -> bool:
        """Return whether a worker with these capabilities may run the job."""
        if self.node is not None and self.node != capabilities.node:
            return False
        if (self.gpu or self.gpu_memory) and not capabilities.gpu:
            return False
        if self.model is not None and self.model not in capabilities.models:
            return False
        return self.gpu_memory <= capabilities.gpu_memory and self.memory <= capabilities.memory
