"""Quick routes: what is plain and right is answered as the framework would, and everything else by the framework."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from fastapi import APIRouter, FastAPI, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.testclient import TestClient

from cloud_api.auth.gate import PersonRoute
from cloud_api.auth.principal import PERSON
from cloud_api.http.deps import Caller
from cloud_api.http.quick import QuickPersonRoute


class Asked(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")

    number: int = Field(ge=0, strict=True)


class Said(BaseModel):
    """An answer."""

    number: int
    name: str
    caller: str
    key: str | None


class _Open:
    def admit(self, request: Request, audience: object) -> object:
        return PERSON


def _client(route: type[PersonRoute]) -> TestClient:
    router = APIRouter(route_class=route)

    @router.post("/{name}", status_code=202)
    async def take(
        *,
        request: Request,
        response: Response,
        caller: Caller,
        name: Annotated[str, Path(pattern="^[a-z]+$")],
        asked: Asked,
        key: Annotated[str | None, Header(alias="Some-Key")] = None,
    ) -> Said:
        response.headers["Location"] = f"/{name}"
        assert request.method == "POST"
        return Said(number=asked.number, name=name, caller=caller.name, key=key)

    app = FastAPI()
    gate: Any = _Open()
    app.state.gate = gate
    app.include_router(router)
    return TestClient(app)


@pytest.mark.parametrize(
    ("path", "body", "headers"),
    [
        pytest.param("/a", '{"number": 3}', {}, id="right"),
        pytest.param("/a", '{"number": 3}', {"Some-Key": "k"}, id="a-header"),
        pytest.param("/a", '{"number": 3}', {"Content-Type": "application/json; charset=utf-8"}, id="a-charset"),
        pytest.param("/a", '{"number": 3}', {"Content-Type": "text/plain"}, id="another-type"),
        pytest.param("/A", '{"number": 3}', {}, id="a-wrong-path"),
        pytest.param("/a", '{"number": -1}', {}, id="out-of-range"),
        pytest.param("/a", '{"number": "3"}', {}, id="another-kind"),
        pytest.param("/a", '{"number": 3, "more": 1}', {}, id="too-much"),
        pytest.param("/a", '{"number": 3', {}, id="half"),
        pytest.param("/a", "", {}, id="nothing"),
        pytest.param("/a", "null", {}, id="null"),
    ],
)
def test_a_quick_route_answers_as_the_framework_does(path: str, body: str, headers: dict[str, str]) -> None:
    """Status, headers and body are those of the same route without the short cut."""
    given = {"Content-Type": "application/json", **headers}

    quick, slow = (_client(route).post(path, content=body, headers=given) for route in (QuickPersonRoute, PersonRoute))

    assert (quick.status_code, quick.json()) == (slow.status_code, slow.json())
    assert dict(quick.headers) == dict(slow.headers)


def test_a_quick_route_is_documented(schema_of_quick: dict[str, Any]) -> None:
    """The framework still knows what such a route takes and returns."""
    route = schema_of_quick["paths"]["/{name}"]["post"]

    assert "202" in route["responses"]
    assert route["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Asked")


@pytest.fixture
def schema_of_quick() -> dict[str, Any]:
    """Return the description of an application with a quick route."""
    app: Any = _client(QuickPersonRoute).app
    found: dict[str, Any] = app.openapi()
    return found
