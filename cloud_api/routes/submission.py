"""The form of a submission, and the answer to it."""

from __future__ import annotations

import hashlib
from typing import Annotated, Literal

from fastapi import Header, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.json_schema import SkipJsonSchema
from starlette.requests import Request

from cloud_api.auth.principal import Principal
from cloud_api.http.envelope import Envelope, enveloped
from cloud_api.routes.views import AcceptedView, WaitingView, status_url
from cloud_api.services.bundle import Services
from cloud_api.services.submit import SubmitAnswer
from cloud_api.services.waiting import Reasons
from shared.jobs.kinds import Priority
from shared.jobs.payloads import EPOCHS, Content, Include, Method, Preset, Ref
from shared.nodes.capabilities import Needs

#: Seconds after which it is worth asking for a job's state.
POLL_SECONDS = 5

#: A structured-field string (RFC 9651), or the same without its quotes.
_KEY = r'^("[\x20\x21\x23-\x5b\x5d-\x7e]{1,200}"|[A-Za-z0-9_.:~+/=-]{1,200})$'
IdempotencyKey = Annotated[
    Annotated[str, StringConstraints(pattern=_KEY)] | SkipJsonSchema[None],
    Header(alias="Idempotency-Key", description="The same key within 24 h leads to the same job."),
]
PriorityWord = Literal["urgent", "high", "normal", "low"]


class IngestWork(BaseModel):
    """Which repository to index, and how."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str = Field(
        min_length=1,
        max_length=500,
        description="https://host/owner/name, host/owner/name or owner/name.",
        json_schema_extra={"format": "repo-url"},
    )
    ref: Ref | None = Field(default=None, description="Branch, tag or commit; the default branch when absent.")
    epochs: int = Field(default=EPOCHS, ge=1, le=100, strict=True, description="Passes of Node2Vec over its walks.")
    preset: Preset = Field(default="balanced", description="pure: as published; balanced; fast: a third of the walks.")
    method: Method = Field(default="node2vec", description="What makes vectors of the graph: node2vec or prone.")
    include: Include = Field(default=(), description="Code that gets vectors, too: generated, minified, vendored.")
    force: bool = Field(
        default=False, strict=True, description="Index again when this commit is published already, too."
    )
    content: Content = Field(default="structure", description="The import graph, the text for search, or both.")


class Terms(BaseModel):
    """How urgent a job is, and who may do it; of every kind."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    priority: PriorityWord = "normal"
    needs: Needs = Field(default_factory=Needs, description="What the worker must have.")


class IngestRequest(Terms, IngestWork):
    """An ingest in one flat object."""


class IngestJob(Terms):
    """A job of the kind ``ingest``."""

    kind: Literal["ingest"]
    payload: IngestWork


#: What may be submitted as a job. The next kind is a line here, ``IngestJob | …``, told apart by ``kind``.
JobRequest = IngestJob


def priority_of(word: PriorityWord) -> Priority:
    """Return the priority that a word stands for."""
    return Priority[word.upper()]


def idempotency(
    request: Request, caller: Principal, key: str | None, asked: BaseModel | None = None
) -> tuple[bytes, bytes] | None:
    """Return what the ledger keeps of an Idempotency-Key: a digest of who, where and which, and one of what."""
    if key is None:
        return None
    scope = f"{caller.name}|{request.method}|{request.url.path}|{key.strip(chr(34))}"
    return _digest(scope), _digest(asked.model_dump_json() if asked is not None else "")


async def submit_ingest(
    services: Services, caller: Principal, work: IngestWork, terms: Terms, idempotency: tuple[bytes, bytes] | None
) -> SubmitAnswer:
    """Ask for a repository to be indexed on these terms. Raises as ``Submit.ingest``."""
    return await services.submit.ingest_soon(
        tenant=caller.tenant_id,
        address=work.url,
        ref=work.ref,
        epochs=work.epochs,
        preset=work.preset,
        method=work.method,
        include=work.include,
        force=work.force,
        content=work.content,
        priority=priority_of(terms.priority),
        needs=terms.needs,
        idempotency=idempotency,
    )


def accepted(
    request: Request, response: Response, answer: SubmitAnswer, *, reasons: Reasons, retry_of: str | None = None
) -> Envelope[AcceptedView]:
    """Return what became of a submission and why it waits, with the headers of a 202."""
    job = answer.job
    waiting = reasons.at_once(job, position=answer.position)
    response.headers["Location"] = status_url(job)
    response.headers["Retry-After"] = str(POLL_SECONDS)
    view = AcceptedView(
        job_id=job.id,
        status_url=status_url(job),
        state=job.state,
        repository=job.repository,
        repository_id=job.repository_id,
        position=answer.position,
        deduplicated=answer.outcome == "deduplicated",
        replayed=answer.outcome == "replayed",
        retry_of=retry_of,
        waiting=WaitingView.model_validate(waiting) if waiting is not None else None,
    )
    return enveloped(request, view)


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
