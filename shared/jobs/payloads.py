"""What a job of each kind is asked to do: small typed JSON, ids and addresses, never bodies."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from shared.jobs.kinds import Kind

#: A branch, tag or commit as git accepts it in a refspec; no leading dash, no "..", none of git's special characters.
Ref = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.+/@-]{0,199}$"),
]

#: What is no handwriting of the repository's own: it stays in the graph, and gets a vector only when asked for.
LeftOut = Literal["generated", "minified", "vendored"]
Include = Annotated[tuple[LeftOut, ...], Field(max_length=20), AfterValidator(lambda words: tuple(sorted(set(words))))]
Preset = Literal["pure", "balanced", "fast"]
Method = Literal["node2vec", "prone"]
#: Which halves of a repository's knowledge an ingest makes: its graph, its text, or both.
Content = Literal["structure", "text", "both"]
#: One pass from a spectral start is as good as ten from a random one, and better than ten on sparse graphs.
EPOCHS = 1


class Payload(BaseModel):
    """The part that all payloads share: frozen, and closed to unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class IngestPayload(Payload):
    """Turn one commit of a repository into a graph and vectors, into text that can be searched, or into both."""

    url: str = Field(max_length=500, description="Canonical address, without credentials.")
    ref: Ref | None = Field(default=None, description="Branch, tag or commit; the default branch when absent.")
    epochs: int = Field(default=EPOCHS, ge=1, le=100, description="Passes of Node2Vec over its walks.")
    preset: Preset = Field(default="balanced", description="How much Node2Vec walks, and whether it smooths.")
    method: Method = Field(default="node2vec", description="What makes vectors of the graph.")
    include: Include = Field(default=(), description="Code that gets vectors, too: generated, minified, vendored.")
    force: bool = Field(default=False, description="Index again even when this commit is already published.")
    content: Content = Field(default="structure", description="What is made: the graph, the text for search, or both.")

    def parameters(self) -> dict[str, Any]:
        """Return what shapes the graph, as the ledger keeps it with what is published.

        ``content`` says which halves are made, and shapes neither: a graph that was made alone is the one that was made
        beside a text. Were it part of this, each change of mind would have the graph fitted anew.
        """
        return self.model_dump(mode="json", exclude={"url", "ref", "force", "content"})

    def text_parameters(self) -> dict[str, Any]:
        """Return what shapes the text, kept apart from the graph's: no other training has a file embedded again.

        Model and chunker are not in it, since they stand in the collection's name.
        """
        return self.model_dump(mode="json", include={"include"})

    @property
    def wants_structure(self) -> bool:
        """Whether the graph is to be made."""
        return self.content != "text"

    @property
    def wants_text(self) -> bool:
        """Whether the text is to be made."""
        return self.content != "structure"


class RemovePayload(Payload):
    """Delete the vectors of a repository that was removed; what was published again since stays."""


#: The payload of each kind, to read one back.
PAYLOADS: Mapping[Kind, type[Payload]] = {Kind.INGEST: IngestPayload, Kind.REMOVE: RemovePayload}


def dedupe_key(kind: Kind, repository: str, payload: Payload, needs: str) -> str:
    """Return the key under which waiting work is the same work: kind, repository, parameters and needs (as JSON)."""
    text = f"{kind}\n{repository}\n{payload.model_dump_json()}\n{needs}"
    return hashlib.sha256(text.encode()).hexdigest()
