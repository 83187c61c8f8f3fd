"""Twins of what a worker stands on: a ledger, a mailbox and a compute process that do as they are told."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from plane_factories import a_running_job
from pydantic import BaseModel

from edge_worker.attempt.messages import Hello, Up
from edge_worker.attempt.process import ComputeProcess
from shared.errors import LedgerUnavailable, MailboxUnavailable
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.keeper import Keeper, Renewal, Started, StartOutcome
from shared.ledger.publish import PublishedRow, Publisher, Refused
from shared.ledger.records import Job, OpenJob
from shared.ledger.turns import Finished, Following, Turned, Turns
from shared.mailbox.lanes import NOTHING_TAKEN, Mailbox, Taken
from shared.textual import Textual

WORKER = "den.0123456789ab"
HELLO = Hello(gpu=False, gpu_name=None, gpu_memory=0.0)


def eventually(true: Callable[[], object]) -> None:
    """Return when it is true; fail after ten seconds."""
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end, "it did not come true"
        threading.Event().wait(0.005)


def an_attempt(**changes: Any) -> Job:
    """Return a job in this worker's hand, of generation 7."""
    return a_running_job(**{"worker_id": WORKER, "generation": 7, **changes})


def waiting(job: Job, *, due: bool = True) -> OpenJob:
    """Return a job as the ledger lists it."""
    return OpenJob(job=job, due=due, due_in=0.0, deadline_in=None, lease_in=None, running_for=None, age=1.0)


def visible(generation: int, *, removed: bool = False) -> PublishedRow:
    """Return what the ledger says of a repository."""
    return PublishedRow(
        commit="0" * 40, generation=generation, parameters={}, removed=removed, vector_store="lancedb", node="den"
    )


@dataclass
class Clock:
    """A clock that is moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@dataclass
class Ledger:
    """Keeper and publisher in one: it writes down what it is told."""

    moves: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: Calls that find nobody there, before it answers again.
    away: int = 0
    held: bool = True
    cancel_requested: bool = False
    open: list[OpenJob] = field(default_factory=list)
    #: Its schema is another version's by now.
    outdated: bool = False
    #: Ids that it lets start; ``None`` lets all.
    startable: set[str] | None = None
    #: Ids that a turn does not end.
    refused: frozenset[str] = frozenset()
    #: What a turn says of the first that it does not start.
    why_not: StartOutcome = "taken"
    seen: PublishedRow | None = None
    publish_error: Exception | None = None

    @property
    def keeper(self) -> Keeper:
        """Return it as the keeper."""
        return cast(Keeper, self)

    @property
    def publisher(self) -> Publisher:
        """Return it as the publisher."""
        return cast(Publisher, self)

    @property
    def turns(self) -> Turns:
        """Return it as the one who makes turns."""
        return cast(Turns, self)

    def named(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        """Return the moves of these names."""
        return [move for move in self.moves if move[0] in names]

    def _note(self, name: str, **given: Any) -> None:
        if self.away > 0:
            self.away -= 1
            raise LedgerUnavailable(cause="OperationalError")
        self.moves.append((name, given))

    def start(self, job_id: str, **given: Any) -> Started:
        """Hand a job over, or say that it is taken."""
        self._note("start", job_id=job_id)
        if self.outdated:
            return Started(outcome="worker_too_old", job=None)
        if self.startable is not None and job_id not in self.startable:
            return Started(outcome="taken", job=None)
        return Started(outcome="started", job=an_attempt(id=job_id))

    def turn(self, done: Sequence[Finished], *, following: Sequence[str], **given: Any) -> Turned:
        """End jobs and start others."""
        ids = [one.job.id for one in done]
        self._note("turn", ended=ids, results=[one.result for one in done], following=list(following))
        if self.publish_error is not None:
            raise self.publish_error
        ended = frozenset(ids) - self.refused if self.held else frozenset()
        self.open = [one for one in self.open if one.job.id not in ended]
        if len(ended) < len(ids) or not following:
            return Turned(ended=ended, outcome=None, started=())
        able = [job_id for job_id in following if self.startable is None or job_id in self.startable]
        if following[0] not in able:
            return Turned(ended=ended, outcome=self.why_not, started=())
        started = tuple(Following(job=an_attempt(id=job_id), visible=self.seen) for job_id in able)
        return Turned(ended=ended, outcome="started", started=started)

    def open_jobs(self) -> list[OpenJob]:
        """Return what is open."""
        self._note("open_jobs")
        return list(self.open)

    def renew(self, job_id: str, **given: Any) -> Renewal:
        """Keep an attempt."""
        self._note("renew", job_id=job_id, **given)
        return Renewal(held=self.held, cancel_requested=self.cancel_requested)

    def retry(self, job_id: str, **given: Any) -> State | None:
        """Count a failure."""
        self._note("retry", **given)
        return State.QUEUED if self.held else None

    def snooze(self, job_id: str, **given: Any) -> State | None:
        """Give back."""
        self._note("snooze", job_id=job_id, **given)
        return State.QUEUED if self.held else None

    def give_back(self, jobs: Sequence[Job], **given: Any) -> dict[str, State]:
        """Give back what was not begun."""
        self._note("give_back", job_ids=[job.id for job in jobs], **given)
        return {job.id: State.QUEUED for job in jobs} if self.held else {}

    def end(self, job_id: str, **given: Any) -> bool:
        """End."""
        self._note("end", **given)
        return self.held

    def published(self, job: Job) -> PublishedRow | None:
        """Return what is visible."""
        self._note("published")
        return self.seen

    def publish(self, job: Job, knowledge: Knowledge | None, textual: Textual | None = None, **given: Any) -> None:
        """Publish."""
        learned = knowledge or textual
        assert learned is not None
        self._write(job, "publish", commit=learned.commit, **given)
        self.seen = visible(job.generation or 0)

    def succeed(self, job: Job, **given: Any) -> None:
        """End without publishing."""
        self._write(job, "succeed", **given)

    def bury(self, job: Job, **given: Any) -> None:
        """Forget a removed repository."""
        self._write(job, "bury", **given)

    def refuse(self, reason: str) -> None:
        """Refuse every publish from now on."""
        self.publish_error = Refused(reason)

    def _write(self, job: Job, name: str, **given: Any) -> None:
        self._note(name, **given)
        if self.publish_error is not None:
            raise self.publish_error
        self.open = [one for one in self.open if one.job.id != job.id]


@dataclass
class Compute:
    """A compute process that says what it was told to say, and lets time go by while one listens."""

    clock: Clock
    script: list[Up | Exception | Callable[[], None]] = field(default_factory=list)
    said: list[BaseModel] = field(default_factory=list)
    kills: int = 0
    warms: int = 0
    warm_error: Exception | None = None
    #: Its process, while it lives.
    pid: int | None = 4711

    @property
    def process(self) -> ComputeProcess:
        """Return it as the process."""
        return cast(ComputeProcess, self)

    def words(self) -> list[str]:
        """Return what kinds of message it was sent."""
        return [type(message).__name__ for message in self.said]

    def warm(self) -> Hello | None:
        """Be there."""
        self.warms += 1
        if self.warm_error is not None:
            raise self.warm_error
        return HELLO if self.warms == 1 else None

    def say(self, message: BaseModel) -> None:
        """Be told something."""
        self.said.append(message)

    def hear(self, wait: float) -> Up | None:
        """Say what comes next; a callable happens in silence."""
        if not self.script:
            self.clock.now += wait
            return None
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, BaseModel):
            return cast(Up, step)
        self.clock.now += wait
        step()
        return None

    def kill(self) -> None:
        """Be ended."""
        self.kills += 1


class Lanes:
    """A mailbox in memory: ``take`` waits until there is an id, a wake, or somebody hangs up.

    One that does not block is as over REST: an empty one says so at once, and nothing can wake it.
    """

    def __init__(self, ids: Iterable[str] = (), *, there: bool = True, blocks: bool = True) -> None:
        self.blocks = blocks
        self.transport = "tcp" if blocks else "rest"
        self.commands = 0
        self.ids = list(ids)
        self.there = there
        self.asked: list[tuple[str, ...]] = []
        self.forgotten: list[str] = []
        self.pings = 0
        #: What happens while it is asked whether it is there.
        self.on_ping: Callable[[], None] = lambda: None
        self.waits = threading.Event()
        self._change = threading.Condition()
        self._wakes = 0
        self._hung_up = False

    @property
    def mailbox(self) -> Mailbox:
        """Return it as the mailbox."""
        return cast(Mailbox, self)

    def ping(self) -> None:
        """Answer, if it is there."""
        self.pings += 1
        self.on_ping()
        self._check()

    def take(self, lanes: Sequence[str], *, worker: str, wait: float) -> str | None:
        """Return the next id."""
        self._check()
        self.asked.append(tuple(lanes))
        with self._change:
            if not self.blocks:
                return self.ids.pop(0) if self.ids else None
            if not self.ids:
                self.waits.set()
                assert self._change.wait_for(lambda: self.ids or self._wakes or self._hung_up, 10), "nobody woke it"
            if self._hung_up:
                self._hung_up = False
                raise MailboxUnavailable(cause="ConnectionError")
            if self._wakes:
                self._wakes = 0
                return None
            return self.ids.pop(0)

    def glance(self, lanes: Sequence[str], *, most: int = 1, forget: Sequence[str] = ()) -> Taken:
        """Return the next ids at once."""
        self._check()
        self.forgotten.extend(forget)
        with self._change:
            found, self.ids = self.ids[:most], self.ids[most:]
            return Taken(lane=lanes[0], ids=tuple(found)) if found else NOTHING_TAKEN

    def put_back(self, lane: str, job_ids: Sequence[str]) -> None:
        """Let ids lie first again."""
        self._check()
        with self._change:
            self.ids[:0] = job_ids
            self._change.notify_all()

    def forget(self, *job_ids: str) -> None:
        """Delete records."""
        self._check()
        self.forgotten.extend(job_ids)

    def put(self, job_id: str) -> None:
        """Let an id arrive."""
        with self._change:
            self.ids.append(job_id)
            self._change.notify_all()

    def wake(self, worker: str) -> None:
        """End the wait."""
        self._check()
        with self._change:
            self._wakes += 1
            self._change.notify_all()

    def hang_up(self) -> None:
        """Break the connection."""
        with self._change:
            self._hung_up = True
            self._change.notify_all()

    def _check(self) -> None:
        if not self.there:
            raise MailboxUnavailable(cause="ConnectionError")


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a control plane answers: a status and a body, or, without a status, that it hangs up."""

    status: int | None = 200
    body: bytes = b""
    #: The answer waits for this.
    after: threading.Event | None = None


def orders(epoch: int = 1, **given: Any) -> Answer:
    """Return an answer with orders."""
    return Answer(body=json.dumps({"data": {"epoch": epoch, "lanes": ["ingest"], **given}}).encode())


class ControlPlane:
    """A real HTTP server on this machine that answers heartbeats from a list, and then always the same."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.always = orders()
        self.heard: list[dict[str, Any]] = []
        self.asked: list[tuple[str, str | None]] = []
        #: The worker's end of the connection that each heartbeat came on.
        self.connections: list[tuple[str, int]] = []
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                plane.asked.append((self.path, self.headers["Authorization"]))
                plane.connections.append(self.client_address)
                plane.heard.append(json.loads(body))
                answer = plane.answers.pop(0) if plane.answers else plane.always
                if answer.after is not None:
                    answer.after.wait(10)
                if answer.status is None:
                    self.close_connection = True
                    return
                with suppress(OSError):
                    self.send_response(answer.status)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(answer.body)

            def do_GET(self) -> None:
                """Hold no line: such a plane is older than lines."""
                with suppress(OSError):
                    self.send_response(404)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def close(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
