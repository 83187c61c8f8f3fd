"""Quick routes: what is asked hundreds of times a second is read and answered without the framework's machinery."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi.routing import APIRoute
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from cloud_api.auth.gate import PersonRoute, WorkerRoute
from cloud_api.auth.principal import Principal
from cloud_api.services.bundle import Services

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
#: Returns what one parameter of an endpoint is given.
_Give = Callable[[Request, Response], Any]
_JSON = "application/json"


class _Quick(APIRoute):
    """A POST of JSON whose coroutine takes a body, parts of the path, and what every route is handed.

    The framework documents it, and answers whatever is not plain and right: a body that is no JSON or does not
    validate, a part of the path that does not, or a header that the endpoint would have to be given.
    """

    def get_route_handler(self) -> _Handler:
        """Return the handler behind the gate."""
        slow = super().get_route_handler()
        body, gives = _parameters(self.endpoint, frozenset(self.param_convertors))
        headers = tuple(field.alias.lower() for field in self.dependant.header_params)
        endpoint, status = self.endpoint, self.status_code or 200
        name, model = body

        async def quick(request: Request) -> Response:
            if request.headers.get("content-type") != _JSON or any(one in request.headers for one in headers):
                return await slow(request)
            try:
                answer = Response(status_code=status, media_type=_JSON)
                given = {key: give(request, answer) for key, give in gives.items()}
                given[name] = model.model_validate_json(await request.body())
            except ValidationError:
                return await slow(request)
            said: BaseModel = await endpoint(**given)
            answer.body = said.model_dump_json(by_alias=True).encode()
            answer.headers["Content-Length"] = str(len(answer.body))
            return answer

        return quick


class QuickPersonRoute(PersonRoute, _Quick):
    """A quick route for people."""


class QuickWorkerRoute(WorkerRoute, _Quick):
    """A quick route for workers alone."""


def _parameters(
    endpoint: Callable[..., Any], in_path: frozenset[str]
) -> tuple[tuple[str, type[BaseModel]], dict[str, _Give]]:
    """Return the parameter that takes the body, with its model, and how each other one comes by its value."""
    hints = get_type_hints(endpoint, include_extras=True)
    bodies = list[tuple[str, type[BaseModel]]]()
    gives = dict[str, _Give]()
    for name in inspect.signature(endpoint).parameters:
        bare = _bare(hints[name])
        if isinstance(bare, type) and issubclass(bare, BaseModel):
            bodies.append((name, bare))
        elif name in in_path:
            gives[name] = _part(name, TypeAdapter(hints[name]))
        elif bare in _HANDED:
            gives[name] = _HANDED[bare]
        # What is left has a default, and comes in a header with which the request is the framework's.
    (body,) = bodies
    return body, gives


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint


def _part(name: str, adapter: TypeAdapter[Any]) -> _Give:
    return lambda request, _: adapter.validate_python(request.path_params[name])


_HANDED: dict[Any, _Give] = {
    Request: lambda request, _: request,
    Response: lambda _, answer: answer,
    Services: lambda request, _: request.app.state.services,
    Principal: lambda request, _: request.state.principal,
}
