"""Why nothing is like a file, by what the ledger says of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast
from uuid import UUID

import pytest
from fastapi.testclient import TestClient
from plane_factories import FILES, REPOSITORY_ID
from plane_twins import ADMIN, AS_ADMIN, WORKER, House, RepositoriesTwin

from cloud_api.app import create_app
from cloud_api.services.repositories import Repositories, Unlike, why_unlike
from shared.ledger.repositories import File, Likeness


def a_file(*flags: str, isolated: bool = False, importers: int = 1) -> File:
    """A file that nothing is like."""
    return File(
        number=0,
        path="vendor/a.py",
        language="python",
        size=1,
        status="parsed",
        isolated=isolated,
        flags=flags,
        importers=importers,
    )


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (a_file("vendored"), "set_aside"),
        (a_file("generated", "binary"), "set_aside"),
        (a_file("minified"), "set_aside"),
        (a_file("vendored", isolated=True, importers=0), "isolated"),
        (a_file(isolated=True, importers=0), "isolated"),
        (a_file(isolated=True), "among_set_aside"),
        (a_file("vendored", isolated=True), "among_set_aside"),
    ],
    ids=["vendored", "generated", "minified", "vendored-alone", "alone", "own", "included"],
)
def test_why_nothing_is_like_a_file(file: File, why: Unlike) -> None:
    """Code that is set aside, no import at all, and imports that lead to nothing but such code are told apart."""
    assert why_unlike(file) == why


@dataclass
class Aside(RepositoriesTwin):
    """Its first file is vendored and has no vector; the others are like nothing that the answer has room for."""

    def similar(self, wanted: str, *, tenant: UUID, path: str, limit: int) -> tuple[File, list[Likeness]]:
        """Return what is like a file, which is nothing for the first one."""
        file, found = super().similar(wanted, tenant=tenant, path=path, limit=limit)
        return (a_file("vendored"), []) if file is FILES[0] else (file, found)


@pytest.mark.parametrize(("path", "unlike"), [("src/file_0.py", "set_aside"), ("src/file_1.py", None)])
def test_the_answer_says_why_it_is_empty(house: House, path: str, unlike: str | None) -> None:
    """An empty answer has the reason and the file's flags; one that is not empty has none."""
    services = replace(house.services, repositories=cast(Repositories, Aside()))
    client = TestClient(create_app(services=services, admin_token=ADMIN, worker_token=WORKER))

    answer = client.get(f"/api/v1/repositories/{REPOSITORY_ID}/similar?path={path}", headers=AS_ADMIN)
    found = answer.json()["data"]

    assert found["unlike"] == unlike
    assert (found["similar"] == []) is (unlike is not None)
