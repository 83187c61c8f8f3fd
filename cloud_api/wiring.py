"""The one place of the control plane that chooses."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
from fastapi import FastAPI

from cloud_api.app import create_app
from cloud_api.board import Board
from cloud_api.delivery import Delivery
from cloud_api.keepsake import Keepsake
from cloud_api.plane import Plane
from cloud_api.presence import Presence
from cloud_api.reconcile.loop import Reconciler
from cloud_api.reconcile.passes import Pass
from cloud_api.services.bundle import Services
from cloud_api.services.health import Health
from cloud_api.services.heartbeats import Heartbeats
from cloud_api.services.history import History
from cloud_api.services.jobs import Jobs
from cloud_api.services.repositories import Repositories
from cloud_api.services.submit import Submit, SubmitRules
from shared.errors import StoreUnavailable
from shared.ledger.jobs import JobReader
from shared.ledger.keeper import Keeper
from shared.ledger.postgres import Database
from shared.ledger.repositories import RepositoryReader
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox
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
    work = Pass(
        keeper=keeper,
        reader=reader,
        delivery=delivery,
        presence=presence,
        board=board,
        timing=timing,
        retention=settings.job_retention.total_seconds(),
    )
    reconciler = Reconciler(work, presence=presence, delivery=delivery, timing=timing)
    heartbeats = Heartbeats(presence=presence, board=board, work=work, reconciler=reconciler)
    submit = Submit(
        keeper=keeper,
        repositories=learned,
        delivery=delivery,
        board=board,
        poke=reconciler.poke,
        rules=SubmitRules(
            git_hosts=settings.git_hosts,
            local_roots=settings.local_roots,
            cap=settings.queue_cap,
            ttl=settings.job_ttl.total_seconds(),
        ),
    )
    services = Services(
        submit=submit,
        jobs=Jobs(reader=reader, keeper=keeper, board=board, poke=reconciler.poke),
        history=History(reader=reader, board=board),
        repositories=Repositories(learned),
        presence=presence,
        heartbeats=heartbeats,
        board=board,
        health=Health(databases=(app_database, keeper_database), delivery=delivery, ask_qdrant=_ask_qdrant(settings)),
    )
    plane = Plane(
        databases=(app_database, keeper_database),
        keeper=keeper,
        delivery=delivery,
        keepsake=Keepsake(presence, delivery),
        heartbeats=heartbeats,
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
    mailbox = None
    if settings.redis_url is not None:
        mailbox = Mailbox(connect(settings.redis_url, wait=0.0, patience=_PATIENCE))
    return Delivery(mailbox, pause=settings.timing.reconnect, ttl=settings.job_ttl.total_seconds())


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
