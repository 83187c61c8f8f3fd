"""The application: routes, handlers and middleware, put together from what it is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.staticfiles import StaticFiles
from starlette.middleware import Middleware
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from cloud_api.auth.codes import SignInCodes
from cloud_api.auth.gate import Gate, PersonRoute
from cloud_api.auth.session import Sessions
from cloud_api.auth.tokens import Tokens
from cloud_api.http.handlers import install_handlers
from cloud_api.http.meters import Meters
from cloud_api.http.middleware import AlwaysHttps, HeadAsGet, PlainErrors, RequestContext
from cloud_api.http.problems import Problem
from cloud_api.routes import (
    errors,
    graph,
    health,
    ingestion,
    jobs,
    line,
    page,
    repositories,
    search,
    search_page,
    signin,
    usage,
    workers,
)
from cloud_api.services.bundle import Services
from cloud_api.ui.render import STATIC

#: The largest body of a request, in bytes.
MAX_BODY = 1_000_000

_ROUTERS: tuple[APIRouter, ...] = (
    # First, since somebody waits for what comes in here, and before the workers: no worker is called "line".
    line.worker_router,
    line.hold_router,
    line.router,
    ingestion.submit_router,
    ingestion.router,
    jobs.router,
    repositories.router,
    graph.router,
    search.router,
    workers.router,
    workers.heartbeat_router,
    health.open_router,
    health.router,
    usage.router,
    signin.open_router,
    signin.router,
    page.router,
    page.board_router,
    search_page.router,
    errors.open_router,
)
_schema_router = APIRouter(include_in_schema=False, route_class=PersonRoute)


def create_app(
    *,
    services: Services,
    admin_token: str,
    worker_token: str,
    allowed_hosts: Sequence[str] = ("*",),
    version: str = "0.1.0",
    https: bool = False,
    lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None = None,
) -> FastAPI:
    """Return the control plane's application.

    Everything but ``/health``, the sign-in form, the error pages and the static files asks for a token. ``https`` says
    that people reach it under https whatever this process sees: cookies are Secure then.
    """
    meters = Meters(
        board=services.board, presence=services.presence, usage=services.usage, searches=services.search.figures
    )
    app = FastAPI(
        title="Pharos",
        summary="Index repositories on your own machines and ask what is like what.",
        version=version,
        # Built-in documents are open to everybody and load scripts from elsewhere; ours is behind the token.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        middleware=[
            *([Middleware(AlwaysHttps)] if https else []),
            Middleware(HeadAsGet),
            Middleware(RequestContext, meters=meters),
            Middleware(PlainErrors),
            Middleware(TrustedHostMiddleware, allowed_hosts=list(allowed_hosts), www_redirect=False),
            Middleware(RequestBodyLimitMiddleware, max_body_size=MAX_BODY),
        ],
    )
    app.state.services = services
    app.state.meters = meters
    app.state.gate = Gate(
        tokens=Tokens(admin=admin_token, worker=worker_token),
        sessions=Sessions(admin_token=admin_token),
        codes=SignInCodes(),
        refused=meters.refused,
    )
    install_handlers(app)
    for router in (*_ROUTERS, _schema_router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    return app


@_schema_router.get("/openapi.json")
def show_schema(request: Request) -> Response:
    """The description of this API (OpenAPI 3.1)."""
    return JSONResponse(schema_of(request.app))


def schema_of(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI description of ``app``, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(title=app.title, version=app.version, summary=app.summary, routes=app.routes)
        components = schema.setdefault("components", {})
        problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}", mode="serialization")
        components["schemas"] |= {**problem.pop("$defs"), "Problem": problem}
        components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
        schema["security"] = [{"bearer": []}]
        schema["paths"]["/health"]["get"]["security"] = []
        app.openapi_schema = schema
    return app.openapi_schema
