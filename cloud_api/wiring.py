"""The one place of the control plane that chooses."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from fastapi import FastAPI

from cloud_api.app import create_app
from cloud_api.board import Board
from cloud_api.budget import Plan
from cloud_api.delivery import Delivery
from cloud_api.dispatch import Dispatch
from cloud_api.duties import Duties
from cloud_api.keepsake import Keepsake
from cloud_api.lines import Lines
from cloud_api.plane import Plane
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.reconcile.passes import Pass
from cloud_api.services.bundle import Services
from cloud_api.services.comparing import Comparing
from cloud_api.services.graph import Graph
from cloud_api.services.health import Health
from cloud_api.services.heartbeats import Heartbeats
from cloud_api.services.history import History
from cloud_api.services.impact import Impacts
from cloud_api.services.jobs import Jobs
from cloud_api.services.line import Line
from cloud_api.services.repositories import Repositories
from cloud_api.services.search.breaker import Breaker
from cloud_api.services.search.cache import Cache
from cloud_api.services.search.homes import Homes
from cloud_api.services.search.names import Names
from cloud_api.services.search.pointers import Pointers
from cloud_api.services.search.service import Search
from cloud_api.services.submit import Submit, SubmitRules
from cloud_api.services.waiting import Reasons
from cloud_api.services.workers import Workers
from cloud_api.tally import Tally
from cloud_api.usage import Usage
from shared.errors import StoreUnavailable
from shared.ledger.graph import GraphReader
from shared.ledger.jobs import JobReader
from shared.ledger.keeper import Keeper
from shared.ledger.names import NamesReader
from shared.ledger.postgres import Database
from shared.ledger.repositories import RepositoryReader
from shared.mailbox.opening import open_mailbox
from shared.settings import CloudSettings

#: Seconds that a submit waits for Redis before it goes on without.
_PATIENCE = 2.0


def build_app(settings: CloudSettings, *, give_up: Callable[[Exception], None]) -> FastAPI:
    """Return the application of one control plane. Nothing is opened before it serves."""
    timing = settings.timing
    app_database, keeper_database = Database(settings.database_url), Database(settings.keeper_database_url)
    keeper, reader = Keeper(keeper_database), JobReader(app_database)
    learned = RepositoryReader(app_database)
    delivery, presence, board = _delivery(settings), Presence(timing=timing), Board()
    lines, duties = Lines(timing=timing), Duties(presence=presence)
    dispatch = Dispatch(presence=presence, board=board, lines=lines, duty=duties.order_for)
    usage = _usage(settings, delivery, (app_database, keeper_database))
    keepsake = Keepsake(presence, delivery, duties)
    work = Pass(
        keeper=keeper,
        reader=reader,
        delivery=delivery,
        presence=presence,
        board=board,
        dispatch=dispatch,
        usage=usage,
        timing=timing,
        retention=settings.job_retention.total_seconds(),
    )
    reconciler = Reconciler(work, presence=presence, delivery=delivery, timing=timing)
    pointers = Pointers(learned, moved=lambda: board.snapshot().version)
    heartbeats = Heartbeats(
        presence=presence, dispatch=dispatch, usage=usage, reconciler=reconciler, ended=pointers.forget
    )
    submit = Submit(
        keeper=keeper,
        repositories=learned,
        delivery=delivery,
        dispatch=dispatch,
        board=board,
        remind=reconciler.remind,
        rules=SubmitRules(
            git_hosts=settings.git_hosts,
            local_roots=settings.local_roots,
            cap=settings.queue_cap,
            ttl=settings.job_ttl.total_seconds(),
        ),
    )
    repositories, graph = Repositories(learned), GraphReader(app_database)
    line = Line(lines=lines, presence=presence, epoch=lambda: dispatch.epoch)
    services = Services(
        submit=submit,
        jobs=Jobs(reader=reader, keeper=keeper, board=board, poke=reconciler.poke),
        reasons=Reasons(board=board, presence=presence, delivery=delivery, timing=timing),
        history=History(reader=reader, board=board),
        repositories=repositories,
        graph=Graph(graph, repositories=repositories),
        impacts=Impacts(graph),
        comparing=Comparing(repositories=repositories, line=line),
        search=Search(
            pointers=pointers,
            homes=Homes(line=line, presence=presence, breaker=Breaker()),
            names=Names(NamesReader(app_database)),
            cache=Cache(),
        ),
        presence=presence,
        workers=Workers(presence=presence, board=board, duties=duties, tell=dispatch.push, keep=keepsake.keep),
        heartbeats=heartbeats,
        line=line,
        board=board,
        health=Health(databases=(app_database, keeper_database), delivery=delivery, ask_qdrant=_ask_qdrant(settings)),
        usage=usage,
    )
    plane = Plane(
        databases=(app_database, keeper_database),
        keeper=keeper,
        delivery=delivery,
        keepsake=keepsake,
        usage=usage,
        tally=Tally(usage, delivery),
        dispatch=dispatch,
        reconciler=reconciler,
        timing=timing,
        give_up=give_up,
    )
    return create_app(
        services=services,
        admin_token=settings.admin_token.get_secret_value(),
        worker_token=settings.worker_token.get_secret_value(),
        allowed_hosts=settings.allowed_hosts,
        https=(settings.public_url or "").startswith("https://"),
        lifespan=plane.lifespan,
    )


def _delivery(settings: CloudSettings) -> Delivery:
    return Delivery(
        open_mailbox(settings, wait=0.0, patience=_PATIENCE),
        pause=settings.timing.reconnect,
        ttl=settings.job_ttl.total_seconds(),
        trust=3 * settings.timing.look_after,
    )


def _usage(settings: CloudSettings, delivery: Delivery, databases: tuple[Database, ...]) -> Usage:
    plan = Plan(
        redis_commands=settings.redis_commands_limit,
        postgres_hours=settings.postgres_hours_limit,
        host_hours=settings.host_hours_limit,
    )
    return Usage(
        plan=plan,
        commands=lambda: delivery.commands,
        ledger_idle=lambda: [database.known[1] for database in databases],
    )


def _ask_qdrant(settings: CloudSettings) -> Callable[[], None] | None:
    if settings.qdrant_url is None:
        return None
    key = settings.qdrant_api_key
    headers = {"api-key": key.get_secret_value()} if key is not None else {}
    url = settings.qdrant_url.rstrip("/") + "/readyz"

    def ask() -> None:
        # Over HTTP: its client would double what this process weighs.
        try:
            httpx2.get(url, headers=headers, timeout=5.0).raise_for_status()
        except httpx2.HTTPError as error:
            raise StoreUnavailable(cause=type(error).__name__) from error

    return ask
