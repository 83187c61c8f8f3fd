"""The one place of the worker that chooses: which ledger, which mailbox, which machine."""

from __future__ import annotations

import os
import platform
import shutil
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from pydantic import SecretStr

from edge_worker.attempt.messages import Equipment, Hello
from edge_worker.attempt.process import ComputeProcess
from edge_worker.claims import Claims
from edge_worker.hand import Hand
from edge_worker.heartbeats import Goodbye, Heartbeats
from edge_worker.runner import Conditions, Runner, Stops
from edge_worker.scratch import claim_scratch
from edge_worker.settle import Settler
from edge_worker.worker import Obedience, Worker
from shared.errors import ConfigurationError, MailboxUnavailable, PharosError
from shared.ids import new_worker_id
from shared.ledger.keeper import Keeper
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.ledger.publish import Publisher
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Mailbox
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Heartbeat
from shared.settings import EdgeSettings


def equipment(settings: EdgeSettings) -> Equipment:
    """Return what the compute process is told of this worker; nothing in it opens the ledger."""
    key = settings.qdrant_api_key
    return Equipment(
        node=settings.node,
        vector_store=settings.vector_store,
        lancedb_path=settings.lancedb_path,
        qdrant_url=settings.qdrant_url,
        qdrant_api_key=key.get_secret_value() if key is not None else None,
        device=settings.device,
        git_hosts=settings.git_hosts,
        local_roots=tuple(Path(root) for root in settings.local_roots),
        private_hosts=settings.private_hosts,
        git_tokens_file=settings.git_tokens_file,
        fetch_timeout=settings.fetch_timeout.total_seconds(),
        min_free_mb=settings.min_free_mb,
        max_repository_mb=settings.max_repository_mb,
        max_files=settings.max_files,
        max_file_kb=settings.max_file_kb,
        log_level=settings.log_level,
    )


def capabilities(settings: EdgeSettings, hello: Hello) -> Capabilities:
    """Return what this worker can do, from what its machine and its compute process say."""
    return Capabilities(
        node=settings.node,
        gpu=hello.gpu and settings.device != "cpu",
        gpu_name=hello.gpu_name,
        gpu_memory=hello.gpu_memory,
        memory=round(psutil.virtual_memory().total / 2**30, 1),
        cpus=os.cpu_count() or 1,
        system=platform.system(),
        machine=platform.machine(),
        vector_store=settings.vector_store,
    )


def build_worker(settings: EdgeSettings, environment: Mapping[str, str], stopped: threading.Event) -> Worker:
    """Return a worker that is ready to run; its compute process is warm, its ledger checked.

    Raises:
        ConfigurationError: git is missing, a role is wrong, or the ledger's schema is another version's.
        LedgerUnavailable, Transient: the ledger does not answer; the compute process does not start.
    """
    if shutil.which("git") is None:
        raise ConfigurationError("git is not on the PATH of this worker. Install it, for example: apt install git")
    timing, worker_id = settings.timing, new_worker_id(settings.node)
    scratch = claim_scratch(settings.work_dir, worker_id)
    keeper = Keeper(_checked(settings.keeper_database_url))
    publisher = Publisher(_checked(settings.database_url))
    child_environment = {name: value for name, value in environment.items() if not name.startswith("PHAROS_")}
    process = ComputeProcess(equipment(settings), environment=child_environment)
    hello = process.warm()
    assert hello is not None
    can = capabilities(settings, hello)
    claims = Claims(
        worker=worker_id,
        capabilities=can,
        keeper=keeper,
        mailbox=_mailbox(settings, wait=timing.mailbox_wait),
        bell=_mailbox(settings, wait=0.0),
        timing=timing,
    )
    with suppress(MailboxUnavailable):
        # So that the first heartbeat is true; a mailbox that is not there now is asked again when it is waited on.
        claims.greet()
    stops = Stops()
    soon = threading.Event()
    hand = Hand(tell=soon.set, every=timing.heartbeat / 10)
    heartbeats = Heartbeats(
        control_url=settings.control_url,
        token=settings.worker_token,
        compose=_composer(worker_id, can, hand, claims, process),
        hand=hand,
        obey=Obedience(claims=claims, stops=stops),
        soon=soon,
        timing=timing,
    )
    runner = Runner(
        process=process,
        keeper=keeper,
        publisher=publisher,
        settler=Settler(keeper=keeper, publisher=publisher, vector_store=settings.vector_store, timing=timing),
        stops=stops,
        conditions=Conditions(
            worker=worker_id,
            work_dir=scratch,
            job_timeout=settings.job_timeout.total_seconds(),
            timing=timing,
        ),
        report=hand.report,
    )
    return Worker(
        claims=claims,
        runner=runner,
        stops=stops,
        hand=hand,
        heartbeats=heartbeats,
        process=process,
        timing=timing,
        stopped=stopped,
        scratch=scratch,
    )


def _checked(url: SecretStr) -> Database:
    database = Database(url, connections=2)
    try:
        database.check()
    except PharosError:
        database.close()
        raise
    return database


def _mailbox(settings: EdgeSettings, *, wait: float) -> Mailbox | None:
    return Mailbox(connect(settings.redis_url, wait=wait)) if settings.redis_url is not None else None


def _composer(
    worker: str, can: Capabilities, hand: Hand, claims: Claims, process: ComputeProcess
) -> Callable[[Goodbye | None], Heartbeat]:
    def compose(goodbye: Goodbye | None) -> Heartbeat:
        running, ended = hand.show()
        return Heartbeat(
            worker=worker,
            version=product_version(),
            schema_version=latest_version(),
            capabilities=can,
            attempts=running,
            ended=ended,
            mailbox=claims.reaches_mailbox,
            memory_mib=_memory(process.pid),
            goodbye=goodbye,
        )

    return compose


def _memory(child: int | None) -> int:
    return (_resident(os.getpid()) + (_resident(child) if child is not None else 0)) // 2**20


def _resident(pid: int) -> int:
    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def product_version() -> str:
    """Return the version of Pharos that is installed, or ``source`` when it runs from a checkout."""
    try:
        return version("pharos")
    except PackageNotFoundError:
        return "source"
