"""Asking a worker what two commits differ in: the request it gets, and answers that are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast
from uuid import UUID

import pytest
from plane_factories import A_REPOSITORY, REPOSITORY_ID

from cloud_api.line.asked import Answered
from cloud_api.services.comparing import Comparing
from cloud_api.services.line import Line
from cloud_api.services.repositories import Repositories
from shared.changes import Change
from shared.errors import NotAnswered, NotFound
from shared.nodes.comparison import Comparison
from tests.unit.plane.asyncio_apart import run_apart

TENANT = UUID("00000000-0000-7000-8000-000000000001")


class _Known:
    def show(self, wanted: str, *, tenant: UUID) -> Any:
        if wanted != REPOSITORY_ID:
            raise NotFound
        return A_REPOSITORY


class _Worker:
    """A line whose worker answers every request with one body."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body
        self.asked: list[tuple[str, Mapping[str, Any], float]] = []

    async def ask(self, kind: str, body: Mapping[str, Any], *, seconds: float, first: str | None) -> Answered:
        self.asked.append((kind, body, seconds))
        self.first = first
        return Answered(worker="den.0123456789ab", body=self._body, round_trip_ms=1.0, hops=0)


def _changes(worker: _Worker, wanted: str = REPOSITORY_ID) -> list[Change]:
    comparing = Comparing(repositories=cast(Repositories, _Known()), line=cast(Line, worker))
    found: list[Change] = []

    async def ask() -> None:
        found.extend(await comparing.changes(wanted, tenant=TENANT, base="a" * 40, head="b" * 40, seconds=7))

    run_apart(ask())
    return found


def test_worker_is_told_where_and_what() -> None:
    """The request is a whole comparison: address, tenant, commits, bounds; the answer becomes changes."""
    change = {"path": "new.py", "status": "renamed", "before": "old.py"}
    worker = _Worker({"changes": [change, {"path": "x.py", "status": "removed"}]})

    found = _changes(worker)

    ((kind, body, seconds),) = worker.asked
    wanted = Comparison.model_validate(body)
    assert (kind, seconds, wanted.seconds) == ("changes", 7, 7)
    assert worker.first == A_REPOSITORY.node
    assert (wanted.url, wanted.repository, wanted.tenant_id) == (A_REPOSITORY.url, A_REPOSITORY.name, TENANT)
    assert (wanted.base, wanted.head) == ("a" * 40, "b" * 40)
    assert found == [
        Change(path="new.py", status="renamed", before="old.py"),
        Change(path="x.py", status="removed"),
    ]


@pytest.mark.parametrize(
    "body",
    [{}, {"changes": [{"path": "a"}]}, {"changes": [{"path": "a", "status": "odd"}]}, {"changes": "many"}],
    ids=["empty", "half", "status", "kind"],
)
def test_answer_that_is_none_is_told_as_such(body: dict[str, Any]) -> None:
    """A worker of another version, or one that lies, does not become a changed file."""
    with pytest.raises(NotAnswered, match="den"):
        _changes(_Worker(body))


def test_unknown_repository_asks_nobody() -> None:
    """Where there is no repository no worker is woken."""
    worker = _Worker({"changes": []})

    with pytest.raises(NotFound):
        _changes(worker, "repo_00000000000000000000000000")

    assert worker.asked == []
