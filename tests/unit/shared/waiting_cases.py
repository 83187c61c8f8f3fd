"""Reasons, as a table: facts about a job, the others and the workers, and what is to be said of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from shared.jobs.kinds import Kind
from shared.nodes.capabilities import Needs
from shared.nodes.facts import ActionCode, Code, JobFacts, QueueFacts, WorkerFacts
from tests.unit.shared.waiting_facts import (
    GPU,
    HOUR,
    UPDATE,
    a_running_job,
    a_worker,
    an_open_job,
    the_queue,
)

BUSY = {"state": "working", "held": frozenset({"web"})}
ASLEEP = {"state": "left", "goodbye": "sleeping", "since": 2400.0}
STOPPED = {"state": "left", "goodbye": "stopping", "since": 2 * HOUR}
LOST = {"state": "offline", "since": 300.0}
DOCTOR = "pharos doctor"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Facts about ``job`` and the others, and what is to be said of it."""

    job: JobFacts = field(default_factory=an_open_job)
    before: tuple[JobFacts, ...] = ()
    workers: tuple[WorkerFacts, ...]
    queue: QueueFacts = field(default_factory=the_queue)
    code: Code
    text: str
    capable: tuple[str, ...] = ()
    position: int = 1
    eta: float | None = None
    action: tuple[ActionCode, str | None] | None = None


CASES = {
    "nobody": Case(
        workers=(),
        code="no_worker",
        text="No worker is connected. The job starts by itself as soon as one is; nothing is lost. If that takes more "
        "than 24 h, it is skipped, as set.",
        action=("start_worker", "pharos worker"),
    ),
    "nobody_and_no_deadline": Case(
        job=an_open_job(kind=Kind.REMOVE, deadline_in=None),
        workers=(),
        code="no_worker",
        text="No worker is connected. The job starts by itself as soon as one is; nothing is lost, and it waits for as "
        "long as it takes.",
        action=("start_worker", "pharos worker"),
    ),
    "plane_just_began": Case(
        workers=(),
        queue=the_queue(listening=50.0),
        code="listening",
        text="The control plane began a moment ago and has not heard from its workers yet. Each speaks up within a "
        "minute; nothing is lost.",
    ),
    "plane_just_began_and_recalls_one": Case(
        workers=(a_worker(**LOST),),
        queue=the_queue(listening=50.0),
        code="listening",
        text="The control plane began a moment ago",
        capable=("rig",),
    ),
    "too_little_gpu_memory": Case(
        job=an_open_job(needs=Needs(gpu_memory=6)),
        workers=(a_worker("attic"), a_worker("rig", gpu=True, gpu_memory=4.0)),
        code="no_such_capability",
        text="It needs a GPU with 6 GiB; rig has 4 GiB and attic has none. The job starts by itself as soon as a "
        "worker that can is there; nothing is lost.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "no_gpu_at_all": Case(
        job=an_open_job(needs=Needs(gpu=True)),
        workers=(a_worker(),),
        code="no_such_capability",
        text="It needs a GPU; rig has none.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "too_little_memory": Case(
        job=an_open_job(needs=Needs(memory=32)),
        workers=(a_worker(memory=15.6), a_worker("attic", memory=7.6)),
        code="no_such_capability",
        text="It needs 32 GiB of memory; rig has 15.6 GiB and attic has 7.6 GiB.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "model_nobody_offers": Case(
        job=an_open_job(needs=Needs(model="bge-small")),
        workers=(a_worker(models=("bge-large",)),),
        code="no_such_capability",
        text="It needs the model bge-small; rig does not offer it.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "two_things_nobody_has": Case(
        job=an_open_job(needs=Needs(gpu=True, memory=32)),
        workers=(a_worker(memory=8.0),),
        code="no_such_capability",
        text="It needs a GPU; rig has none. Nobody has 32 GiB of memory either.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "nobody_has_all_of_it": Case(
        job=an_open_job(needs=Needs(gpu_memory=6, memory=32)),
        workers=(a_worker("server", memory=64.0), a_worker("rig", memory=16.0, **GPU)),
        code="no_such_capability",
        text="It needs a GPU with 6 GiB and 32 GiB of memory, and no worker has all of that. rig comes nearest; it "
        "lacks 32 GiB of memory (has 16 GiB).",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "kind_nobody_takes": Case(
        job=an_open_job(kind=Kind.REMOVE),
        workers=(a_worker(kinds=(Kind.INGEST,)),),
        code="no_such_capability",
        text="No worker takes removal jobs; rig takes index jobs only, as PHAROS_KINDS says there.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "node_of_which_nothing_was_heard": Case(
        job=an_open_job(needs=Needs(node="attic")),
        workers=(a_worker(),),
        code="no_such_capability",
        text="It is for attic alone, and nothing was heard of attic in the last day.",
        action=("start_worker", "pharos worker"),
    ),
    "node_that_cannot": Case(
        job=an_open_job(needs=Needs(node="attic", gpu=True)),
        workers=(a_worker("attic"), a_worker("rig", **GPU)),
        code="no_such_capability",
        text="It is for attic alone and needs a GPU; attic has none.",
        action=("cancel_job", "pharos jobs cancel api"),
    ),
    "asleep": Case(
        workers=(a_worker(**ASLEEP),),
        code="capable_offline",
        text="rig went to sleep 40 min ago. The job starts by itself when rig is back; nothing is lost. If that takes "
        "more than 24 h, it is skipped, as set.",
        capable=("rig",),
        action=("wake_worker", None),
    ),
    "the_one_with_the_gpu_is_asleep": Case(
        job=an_open_job(needs=Needs(gpu_memory=6)),
        workers=(a_worker("attic"), a_worker("rig", **GPU, **ASLEEP)),
        code="capable_offline",
        text="It needs a GPU with 6 GiB. rig has that, but went to sleep 40 min ago; attic has none. The job starts by "
        "itself when rig is back; nothing is lost.",
        capable=("rig",),
        action=("wake_worker", None),
    ),
    "both_with_a_gpu_are_away": Case(
        job=an_open_job(needs=Needs(gpu=True)),
        workers=(a_worker("attic"), a_worker("den", **GPU, **LOST), a_worker("rig", **GPU, **ASLEEP)),
        code="capable_offline",
        text="It needs a GPU. Of those that have that, rig went to sleep 40 min ago and den went away 5 min ago "
        "without a goodbye; attic has none. The job starts by itself as soon as one of them takes jobs again; "
        "nothing is lost.",
        capable=("den", "rig"),
        action=("wake_worker", None),
    ),
    "stopped": Case(
        workers=(a_worker(**STOPPED),),
        code="capable_offline",
        text="rig was stopped 2 h ago.",
        capable=("rig",),
        action=("start_worker", "pharos worker"),
    ),
    "lost": Case(
        job=an_open_job(deadline_in=None, started=True),
        workers=(a_worker(**LOST),),
        code="capable_offline",
        text="rig went away 5 min ago without a goodbye. The job starts by itself when rig is back; nothing is lost, "
        "and it waits for as long as it takes.",
        capable=("rig",),
        position=0,
        action=("examine_worker", DOCTOR),
    ),
    "home_node_is_away": Case(
        job=an_open_job(needs=Needs(node="rig")),
        workers=(a_worker("attic"), a_worker("rig", **STOPPED)),
        code="capable_offline",
        text="It is for rig alone. rig was stopped 2 h ago.",
        capable=("rig",),
        action=("start_worker", "pharos worker"),
    ),
    "too_old": Case(
        workers=(a_worker(state="too_old", version="0.0.9"), a_worker("den", **LOST)),
        code="worker_too_old",
        text="rig runs Pharos 0.0.9, which is too old for the ledger and den went away",
        capable=("rig", "den"),
        action=("update_worker", UPDATE),
    ),
    "newer_than_the_plane": Case(
        workers=(a_worker(state="too_old", newer=True),),
        code="worker_too_old",
        text="rig runs Pharos 0.1.0, which is newer than this control plane. The job starts by itself when rig and the "
        "control plane fit together; nothing is lost.",
        capable=("rig",),
        action=("examine_plane", None),
    ),
    "paused": Case(
        workers=(a_worker(state="paused", note="You are using it"),),
        code="capable_paused",
        text="rig is paused until somebody resumes it (You are using it). The job starts by itself when rig is "
        "resumed; nothing is lost.",
        capable=("rig",),
        action=("resume_worker", "pharos workers resume rig"),
    ),
    "paused_for_a_while": Case(
        workers=(a_worker(state="paused", seconds_left=720.0, held=frozenset({"gone"})),),
        code="capable_paused",
        text="rig is paused for 12 min more. The job starts by itself in about 12 min.",
        capable=("rig",),
        eta=720.0,
        action=("resume_worker", "pharos workers resume rig"),
    ),
    "draining": Case(
        workers=(a_worker(state="draining"), a_worker("den", **ASLEEP)),
        code="capable_paused",
        text="rig is draining until somebody resumes it and den went to sleep 40 min ago.",
        capable=("rig", "den"),
        action=("resume_worker", "pharos workers resume rig"),
    ),
    "busy_next_in_line": Case(
        before=(a_running_job(typical=100.0),),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="rig is busy with github.com/acme/web. The job is next in line and starts in about 2 min.",
        capable=("rig",),
        eta=90.0,
    ),
    "busy_third_in_line": Case(
        before=(a_running_job(typical=100.0), an_open_job("a", typical=30.0), an_open_job("b", typical=60.0)),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="The job is third in line and starts in about 3 min.",
        capable=("rig",),
        position=3,
        eta=180.0,
    ),
    "busy_for_nobody_knows_how_long": Case(
        before=(a_running_job(),),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="The job is next in line and starts when rig is free.",
        capable=("rig",),
    ),
    "busy_longer_than_usual": Case(
        before=(a_running_job(typical=100.0, running_for=250.0),),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="starts in less than a minute",
        capable=("rig",),
        eta=10.0,
    ),
    "busy_far_longer_than_usual": Case(
        before=(a_running_job(typical=100.0, running_for=500.0),),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="The job is next in line and starts when rig is free.",
        capable=("rig",),
    ),
    "busy_with_a_job_that_says_how_far_it_is": Case(
        before=(a_running_job(typical=1.0, running_for=10.0, share=0.05),),
        workers=(a_worker(**BUSY),),
        code="capable_busy",
        text="starts in about 3 min",
        capable=("rig",),
        eta=190.0,
    ),
    "two_busy_the_sooner_counts": Case(
        before=(a_running_job(typical=100.0), a_running_job("docs", "den", typical=40.0)),
        workers=(a_worker("den", state="working", held=frozenset({"docs"})), a_worker(**BUSY)),
        code="capable_busy",
        text="den and rig are busy. The job is next in line and starts in less than a minute.",
        capable=("den", "rig"),
        eta=30.0,
    ),
    "others_wait_for_another_worker": Case(
        job=an_open_job(needs=Needs(node="rig")),
        before=(a_running_job(typical=100.0), an_open_job("a", needs=Needs(node="den"), typical=60.0)),
        workers=(a_worker("den", **LOST), a_worker(**BUSY)),
        code="capable_busy",
        text="The job is next in line and starts in about 2 min.",
        capable=("rig",),
        position=2,
        eta=90.0,
    ),
    "free_but_others_go_first": Case(
        before=(an_open_job("a", typical=60.0),),
        workers=(a_worker(),),
        code="capable_busy",
        text="rig takes other jobs first. The job is second in line and starts in about 1 min.",
        capable=("rig",),
        position=2,
        eta=60.0,
    ),
    "busy_while_another_is_paused": Case(
        before=(a_running_job(),),
        workers=(a_worker("den", state="paused", note="Gaming"), a_worker(**BUSY)),
        code="capable_busy",
        text="den could take it, too, but is paused until somebody resumes it (Gaming).",
        capable=("den", "rig"),
        action=("resume_worker", "pharos workers resume den"),
    ),
    "taken_but_not_told_yet": Case(
        before=(a_running_job(typical=100.0),),
        workers=(a_worker(),),
        code="capable_busy",
        text="rig is busy with github.com/acme/web.",
        capable=("rig",),
        eta=90.0,
    ),
    "same_repository_runs": Case(
        job=an_open_job(repository_id="web"),
        before=(a_running_job(typical=100.0),),
        workers=(a_worker(slots=2, **BUSY),),
        code="repository_running",
        text="rig is busy with another job of github.com/acme/api, and one runs at a time. This one starts when that "
        "one has ended, in about 2 min.",
        capable=("rig",),
        eta=90.0,
    ),
    "same_repository_was_lost": Case(
        job=an_open_job(repository_id="web"),
        before=(a_running_job(node="den", held=False),),
        workers=(a_worker("den", **LOST), a_worker(slots=2)),
        code="repository_running",
        text="den went away with another job of github.com/acme/api",
        capable=("den", "rig"),
    ),
    "same_repository_goes_first": Case(
        job=an_open_job(repository_id="a"),
        before=(an_open_job("a", typical=60.0),),
        workers=(a_worker(slots=2),),
        code="repository_running",
        text="An earlier job of github.com/acme/api goes first, and one runs at a time.",
        capable=("rig",),
        position=2,
        eta=60.0,
    ),
    "same_repository_lets_others_pass": Case(
        before=(a_running_job(typical=100.0), an_open_job("b", repository_id="web")),
        workers=(a_worker(slots=2, **BUSY),),
        code="starting",
        text="rig is free and takes it now.",
        capable=("rig",),
        position=2,
        eta=0.0,
    ),
    "no_redis_here": Case(
        workers=(a_worker(mailbox=False),),
        queue=the_queue(mailbox="none"),
        code="no_mailbox",
        text="There is no Redis here. rig is free and takes it out of the ledger, a little later than usual.",
        capable=("rig",),
        eta=0.0,
    ),
    "redis_is_down": Case(
        workers=(a_worker(),),
        queue=the_queue(mailbox="down"),
        code="no_mailbox",
        text="Redis does not answer. rig is free and takes it out of the ledger, a little later than usual.",
        capable=("rig",),
        eta=0.0,
        action=("examine_plane", DOCTOR),
    ),
    "worker_does_not_reach_redis": Case(
        workers=(a_worker(mailbox=False),),
        code="no_mailbox",
        text="rig is free but does not reach Redis. It takes it out of the ledger, a little later than usual.",
        capable=("rig",),
        eta=0.0,
        action=("examine_worker", DOCTOR),
    ),
    "free": Case(
        workers=(a_worker("attic"), a_worker()),
        code="starting",
        text="attic and rig are free, and one of them takes it now.",
        capable=("attic", "rig"),
        eta=0.0,
    ),
    "in_a_hand_already": Case(
        job=an_open_job("web"),
        workers=(a_worker(**BUSY),),
        code="starting",
        text="rig has taken it and is starting.",
        capable=("rig",),
        eta=0.0,
    ),
    "free_and_does_not_take_it": Case(
        job=an_open_job(waited=600.0),
        workers=(a_worker(free_for=300.0),),
        code="starting",
        text="rig has been free for 5 min and has not taken it. It was told to look in the ledger.",
        capable=("rig",),
        eta=0.0,
        action=("examine_worker", DOCTOR),
    ),
    "just_freed_is_not_late": Case(
        job=an_open_job(waited=600.0),
        workers=(a_worker(free_for=3.0),),
        code="starting",
        text="rig is free and takes it now.",
        capable=("rig",),
        eta=0.0,
    ),
    "tried_again_later": Case(
        job=an_open_job(due_in=100.0, failures=1, started=True, detail="The host did not answer"),
        workers=(a_worker(),),
        code="retry_at",
        text="The host did not answer. Try 2 of 3 begins in about 2 min.",
        capable=("rig",),
        position=0,
        eta=100.0,
    ),
    "put_off": Case(
        job=an_open_job(due_in=300.0, started=True, detail="The disk is full."),
        workers=(a_worker(**LOST),),
        code="retry_at",
        text="The disk is full. It goes on in about 5 min at the earliest; nothing is counted against it.",
        capable=("rig",),
        position=0,
    ),
    "went_away_with_it": Case(
        job=a_running_job("api", held=False),
        before=(a_running_job("docs", "den"),),
        workers=(a_worker("den", state="working", held=frozenset({"docs"})), a_worker(**LOST)),
        code="rescue_pending",
        text="rig went away 5 min ago without a goodbye while it had this job. The job resumes by itself when rig "
        "is back, or moves on when den is free. Nothing half-done is visible.",
        capable=("den", "rig"),
        position=0,
        action=("examine_worker", DOCTOR),
    ),
    "went_to_sleep_with_it_and_nobody_else_can": Case(
        job=a_running_job("api", held=False),
        workers=(a_worker(**ASLEEP),),
        code="rescue_pending",
        text="No other worker can take it. The job resumes by itself when rig is back.",
        capable=("rig",),
        position=0,
        action=("wake_worker", None),
    ),
    "lost_and_another_is_free": Case(
        job=a_running_job("api", held=False),
        workers=(a_worker("den"), a_worker(**LOST)),
        code="rescue_pending",
        text="Now den takes it over.",
        capable=("den", "rig"),
        position=0,
        eta=0.0,
    ),
    "lost_by_a_process_that_is_gone": Case(
        job=a_running_job("api", worker="rig.0", held=False),
        workers=(a_worker(**BUSY),),
        code="rescue_pending",
        text="The worker on rig that had this job is gone. The job moves on when rig is free.",
        capable=("rig",),
        position=0,
    ),
    "lost_while_another_is_about_to_be_resumed": Case(
        job=a_running_job("api", held=False),
        workers=(a_worker("den", state="paused", seconds_left=0.0), a_worker(**LOST)),
        code="rescue_pending",
        text="The job resumes by itself when rig is back, or moves on when another worker that can is there.",
        capable=("den", "rig"),
        position=0,
        eta=0.0,
        action=("examine_worker", DOCTOR),
    ),
    "lost_hold_of_and_free": Case(
        job=a_running_job("api", held=False),
        workers=(a_worker(),),
        code="rescue_pending",
        text="rig does not have this job any more and told no end of it. Now rig takes it over.",
        capable=("rig",),
        position=0,
        eta=0.0,
    ),
    "lost_hold_of": Case(
        job=a_running_job("api", held=False),
        workers=(a_worker(state="paused"),),
        code="rescue_pending",
        text="rig does not have this job any more and told no end of it.",
        capable=("rig",),
        position=0,
    ),
    "cancelling": Case(
        job=a_running_job("api", cancelling=True),
        workers=(a_worker(state="working", held=frozenset({"api"})),),
        code="cancelling",
        text="Somebody asked to cancel it. rig stops at its next step; nothing of this run becomes visible.",
        capable=("rig",),
        position=0,
    ),
    "cancelling_what_is_away": Case(
        job=a_running_job("api", cancelling=True, held=False),
        workers=(a_worker(**LOST),),
        code="cancelling",
        text="It ends when its lease is over",
        capable=("rig",),
        position=0,
    ),
}
