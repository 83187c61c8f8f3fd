"""What one must know to say why a job waits: plain facts about jobs, workers and the mailbox; and the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import Goodbye

WorkerState = Literal["ready", "working", "paused", "draining", "left", "offline", "too_old"]
#: The first that applies is the reason. The first two are of jobs that run, as the ledger has it.
Code = Literal[
    "cancelling",
    "rescue_pending",
    #: An attempt failed, and the pause before the next one is not over.
    "retry_at",
    #: The control plane began a moment ago, and workers have yet to speak.
    "listening",
    "no_worker",
    "no_such_capability",
    #: Of those who could, the best placed is paused or drains; else its version does not fit; else it is away.
    "capable_paused",
    "worker_too_old",
    "capable_offline",
    "repository_running",
    "capable_busy",
    #: Somebody is free; without Redis it takes the job out of the ledger, a little later than off a lane.
    "no_mailbox",
    "starting",
]
#: ``down`` does not answer, ``none`` was never configured.
MailboxState = Literal["works", "down", "none"]
ActionCode = Literal[
    "start_worker", "wake_worker", "resume_worker", "update_worker", "examine_worker", "examine_plane", "cancel_job"
]


@dataclass(frozen=True, kw_only=True)
class WorkerFacts:
    """One worker, as presence knows it. Times are seconds."""

    worker: str
    capabilities: Capabilities
    state: WorkerState
    version: str
    #: For how long it has been in its state.
    since: float = 0.0
    #: For how long it has had a free slot.
    free_for: float = 0.0
    slots: int = 1
    #: Jobs in its hand.
    held: frozenset[str] = frozenset()
    #: Whether it reaches the mailbox.
    mailbox: bool = True
    goodbye: Goodbye | None = None
    #: Whether one that is ``too_old`` is newer than the control plane, in truth.
    newer: bool = False
    #: What whoever paused it said.
    note: str | None = None
    #: Until a pause ends by itself.
    seconds_left: float | None = None

    @property
    def node(self) -> str:
        """The machine that it runs on."""
        return self.capabilities.node

    @property
    def here(self) -> bool:
        """Whether it takes jobs."""
        return self.state in {"ready", "working"}


@dataclass(frozen=True, kw_only=True)
class JobFacts:
    """One job that has not ended. Times are seconds."""

    id: str
    kind: Kind
    repository: str
    repository_id: str
    state: State
    needs: Needs
    #: Until it may start; 0 once it may.
    due_in: float = 0.0
    #: For how long it has been due.
    waited: float = 0.0
    #: Until it is skipped; ``None`` where it never is: it was started before, or its kind does not expire.
    deadline_in: float | None = None
    #: Whether an attempt was made before.
    started: bool = False
    failures: int = 0
    #: How the attempt before ended.
    detail: str | None = None
    #: What such jobs took lately; ``None`` when none has ended.
    typical: float | None = None
    cancelling: bool = False
    #: Of a running job: who has it and since when, and whether that worker may still have it in its hand.
    worker: str | None = None
    node: str | None = None
    running_for: float = 0.0
    held: bool = True
    #: How much of its present stage is behind it, 0 to 1, where it says so.
    share: float | None = None

    @property
    def lost(self) -> bool:
        """Whether it runs nowhere though the ledger says so."""
        return self.state is State.RUNNING and not self.held

    @property
    def in_line(self) -> bool:
        """Whether it waits for its first start and counts in the queue, by the ledger's own rule."""
        expired = self.deadline_in is not None and self.deadline_in <= 0
        return self.state is State.QUEUED and not (self.started or self.cancelling or expired)


@dataclass(frozen=True, kw_only=True)
class QueueFacts:
    """The way from here to the workers. Times are seconds."""

    mailbox: MailboxState = "works"
    #: A free worker that has left a job lying for longer is worth a word.
    patience: float = 60.0
    #: Until every worker that lives has spoken to this control plane, which began a moment ago; 0 from then on.
    listening: float = 0.0
    #: What brings a machine's Pharos up to date, run on it.
    update: str


@dataclass(frozen=True, kw_only=True)
class Action:
    """The one thing that would help."""

    code: ActionCode
    #: What to do, as an instruction without its command.
    text: str
    #: What to run for it, and on which node; anywhere where that is ``None``.
    command: str | None = None
    node: str | None = None


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """Why a job waits."""

    code: Code
    #: Sentences for a person: what is, and what it means for the job.
    text: str
    #: Nodes that may run it, whether or not they are there.
    capable: tuple[str, ...]
    #: Place among the waiting jobs of its kind: 1 is next, 0 is not in line.
    position: int
    #: Seconds until it probably starts, where that can be told.
    eta_seconds: float | None
    action: Action | None
