"""The one place of the worker that chooses: which ledger, which mailbox, which machine."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_worker.abilities import abilities, read_kinds, read_models
from edge_worker.attempt.messages import Equipment, Hello
from edge_worker.attempt.process import ENTRY, ComputeProcess
from edge_worker.claims import Claims
from edge_worker.comparing.asked import Comparisons
from edge_worker.conditions import Conditions
from edge_worker.duty import OwnDuty
from edge_worker.farewell import say_too_old
from edge_worker.hand import Hand
from edge_worker.handful import MOST, SOON
from edge_worker.heartbeats import Heartbeats
from edge_worker.line import Line
from edge_worker.machine import GpuWatch
from edge_worker.newest import Newest
from edge_worker.portrait import Portrait, product_version
from edge_worker.relay import Claimant, Relay
from edge_worker.runner import Runner
from edge_worker.scratch import claim_scratch
from edge_worker.searching.asked import Searches
from edge_worker.settle import Settler
from edge_worker.slots import Slots
from edge_worker.stops import Stops
from edge_worker.worker import Obedience, Worker
from shared.errors import ConfigurationError, MailboxUnavailable, PharosError
from shared.ids import new_worker_id
from shared.jobs.kinds import Kind
from shared.ledger.keeper import Keeper
from shared.ledger.migrate import latest_version
from shared.ledger.postgres import Database
from shared.ledger.publish import Publisher
from shared.ledger.turns import Turns
from shared.mailbox.opening import open_mailbox
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import Heartbeat
from shared.settings import EdgeSettings

#: The share of this machine's memory that the indexes of searches may take.
_SEARCHED = 0.25


def equipment(settings: EdgeSettings) -> Equipment:
    """Return what a compute process is told of this worker; nothing in it opens the ledger."""
    key = settings.qdrant_api_key
    return Equipment(
        node=settings.node,
        work_dir=settings.work_dir,
        vector_store=settings.vector_store,
        lancedb_path=settings.lancedb_path,
        qdrant_url=settings.qdrant_url,
        qdrant_api_key=key.get_secret_value() if key is not None else None,
        device=settings.device,
        text_model=settings.text_model,
        model_idle=settings.model_idle.total_seconds(),
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
        fault_at=settings.fault_at,
    )


def build_worker(
    settings: EdgeSettings,
    environment: Mapping[str, str],
    stopped: threading.Event,
    *,
    sleeping: threading.Event | None = None,
    entry: str = ENTRY,
    short: float = SOON,
) -> Worker:
    """Return a worker that is ready to run; its first compute process is warm, its ledger checked.

    ``sleeping`` is set when the machine goes to sleep; ``entry`` is the module that compute processes run; a
    job of ``short`` seconds may be in hand beside others.

    Raises:
        ConfigurationError: git is missing, a setting or a role is wrong, or the ledger's schema is another version's.
        LedgerUnavailable, Transient: the ledger does not answer; the compute process does not start.
    """
    if shutil.which("git") is None:
        raise ConfigurationError("git is not on the PATH of this worker. Install it, for example: apt install git")
    timing, worker_id = settings.timing, new_worker_id(settings.node)
    named = (read_kinds(settings.kinds), read_models(settings.models))
    mailbox, bell = open_mailbox(settings, wait=timing.mailbox_wait), open_mailbox(settings, wait=0.0)
    scratch = claim_scratch(settings.work_dir, worker_id)
    databases = _ledger(settings)
    keeper, publisher = Keeper(databases[0]), Publisher(databases[1])
    processes = _processes(settings, environment, entry)
    hello = processes[0].warm()
    assert hello is not None
    can = _abilities(settings, hello, *named)
    duty, soon = OwnDuty(settings.work_dir / f"{settings.node}.duty.json"), threading.Event()
    stops, hand = Stops(paused=lambda: duty.paused), Hand(tell=soon.set, every=timing.heartbeat / 10)
    claims = Claims(
        worker=worker_id,
        capabilities=can,
        keeper=keeper,
        mailbox=mailbox,
        bell=bell,
        duty=duty,
        timing=timing,
        news=soon.set,
    )
    with suppress(MailboxUnavailable):
        # So that the first heartbeat is true; a mailbox that is not there now is asked again when it is waited on.
        claims.greet()
    work = _Work(settings=settings, worker=worker_id, scratch=scratch, keeper=keeper, publisher=publisher, short=short)
    relay = Relay(
        worker=worker_id,
        capabilities=can,
        lease=timing.lease,
        turns=Turns(databases[1]),
        mailbox=bell,
        claimant=Claimant(lanes=lambda: claims.open_lanes(overdue=slots.overdue), leave=claims.leave, lost=claims.lost),
    )
    slots = Slots(
        [work.runner(process, stops=stops, hand=hand, relay=relay) for process in processes],
        hand=hand,
        freed=claims.freed,
    )
    # Heartbeats and the line carry the same orders; whoever hears them, the newest plane is obeyed.
    obey = Newest(Obedience(claims=claims, stops=stops, duty=duty, tell=soon.set), forget_after=timing.lost_after)
    searches = _searches(settings, environment, hello=hello, memory=can.memory)
    line = Line(
        control_url=settings.control_url,
        token=settings.worker_token,
        worker=worker_id,
        obey=obey,
        answers={
            "echo": lambda body: body,
            "changes": Comparisons(equipment(settings), environment=_clean(environment), scratch=scratch),
            "search": searches,
        },
        timing=timing,
        tell=soon.set,
    )
    portrait = Portrait(
        worker=worker_id,
        version=product_version(),
        capabilities=can,
        slots=settings.slots,
        hand=hand,
        claims=claims,
        duty=duty,
        work=slots,
        line=line,
        searches=searches,
        gpus=GpuWatch() if hello.gpu else None,
        databases=databases,
        mailboxes=[one for one in (mailbox, bell) if one is not None],
    )
    return Worker(
        claims=claims,
        slots=slots,
        stops=stops,
        heartbeats=Heartbeats(
            control_url=settings.control_url,
            token=settings.worker_token,
            compose=portrait,
            hand=hand,
            obey=obey,
            soon=soon,
            timing=timing,
        ),
        line=line,
        timing=timing,
        stopped=stopped,
        sleeping=sleeping or threading.Event(),
        scratch=scratch,
    )


@dataclass(frozen=True, kw_only=True)
class _Work:
    """What every slot of a worker works with."""

    settings: EdgeSettings
    worker: str
    scratch: Path
    keeper: Keeper
    publisher: Publisher
    short: float

    def runner(self, process: ComputeProcess, *, stops: Stops, hand: Hand, relay: Relay) -> Runner:
        """Return what runs attempts in one compute process."""
        settings = self.settings
        return Runner(
            process=process,
            keeper=self.keeper,
            publisher=self.publisher,
            settler=Settler(
                keeper=self.keeper,
                publisher=self.publisher,
                vector_store=settings.vector_store,
                timing=settings.timing,
            ),
            stops=stops,
            conditions=Conditions(
                worker=self.worker,
                work_dir=self.scratch,
                job_timeout=settings.job_timeout.total_seconds(),
                most=max(1, MOST // settings.slots),
                soon=self.short,
                timing=settings.timing,
            ),
            report=hand.report,
            ended=hand.end,
            relay=relay,
        )


def farewell(settings: EdgeSettings) -> str | None:
    """Tell the control plane that this worker is too old for the ledger; return what it says to that."""
    return say_too_old(
        control_url=settings.control_url,
        token=settings.worker_token,
        heartbeat=Heartbeat(
            worker=new_worker_id(settings.node),
            version=product_version(),
            schema_version=latest_version(),
            capabilities=Capabilities(node=settings.node, vector_store=settings.vector_store),
            slots=settings.slots,
            goodbye="too_old",
        ),
    )


def _ledger(settings: EdgeSettings) -> tuple[Database, Database]:
    """Return the way of the keeper and that of the app, both checked; as many connections as jobs, and one."""
    opened = list[Database]()
    try:
        for url in (settings.keeper_database_url, settings.database_url):
            database = Database(url, connections=settings.slots + 1)
            opened.append(database)
            database.check()
    except PharosError:
        for database in opened:
            database.close()
        raise
    return opened[0], opened[1]


def _processes(settings: EdgeSettings, environment: Mapping[str, str], entry: str) -> list[ComputeProcess]:
    told, clean = equipment(settings), _clean(environment)
    return [ComputeProcess(told, environment=clean, entry=entry) for _ in range(settings.slots)]


def _searches(settings: EdgeSettings, environment: Mapping[str, str], *, hello: Hello, memory: float) -> Searches:
    return Searches(
        equipment(settings),
        environment=_clean(environment),
        gpu_gib=hello.gpu_memory if settings.device != "cpu" else 0.0,
        budget=int(memory * _SEARCHED * 2**30),
    )


def _clean(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without our settings: what another process may know, it is told."""
    return {name: value for name, value in environment.items() if not name.startswith("PHAROS_")}


def _abilities(settings: EdgeSettings, hello: Hello, kinds: tuple[Kind, ...], models: tuple[str, ...]) -> Capabilities:
    return abilities(
        hello,
        node=settings.node,
        kinds=kinds,
        models=models,
        device=settings.device,
        gpu_memory=settings.gpu_memory,
        memory=settings.memory,
        vector_store=settings.vector_store,
    )
