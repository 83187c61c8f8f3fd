"""The runner: every attempt ends once, in the ledger's words, and nothing of it stays."""

from __future__ import annotations

import errno
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest
from edge_twins import WORKER, Clock, Compute, Lanes, Ledger, an_attempt, visible
from plane_factories import a_report

from edge_worker.attempt.messages import Done, Ended, Progress, RunTask, Tidied, TidyUp
from edge_worker.attempt.process import ComputeDied
from edge_worker.conditions import Conditions
from edge_worker.handful import Ran
from edge_worker.relay import Claimant, Relay
from edge_worker.runner import Runner
from edge_worker.settle import Settler
from edge_worker.stops import Stops
from shared.errors import ConfigurationError, LedgerUnavailable, Transient
from shared.ids import new_job_id
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.knowledge import Knowledge
from shared.ledger.records import Job
from shared.ledger.turns import Following
from shared.nodes.capabilities import Capabilities
from shared.nodes.heartbeat import AttemptReport, EndReport
from shared.timing import Timing

UNCHANGED = Done(summary={"unchanged": True}, knowledge=None)


def _ended(signal: Literal["transient", "permanent", "snooze", "cancelled"], reason: str = "why") -> Ended:
    return Ended(signal=signal, reason=reason, detail="A sentence.")


class House:
    """A runner on two clocks that are moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "scratch"
        self.clock, self.lease_clock = Clock(), Clock()
        self.paused = False
        self.ledger, self.compute = Ledger(), Compute(self.clock)
        self.stops = Stops(paused=lambda: self.paused)
        self.reports: list[AttemptReport] = []
        self.ended: list[EndReport] = []
        self.lanes, self.aside = Lanes(), list[str]()
        timing = Timing(grace=5.0, renew=300.0, heartbeat=20.0, lease=600.0)
        self.runner = Runner(
            process=self.compute.process,
            keeper=self.ledger.keeper,
            publisher=self.ledger.publisher,
            settler=Settler(
                keeper=self.ledger.keeper, publisher=self.ledger.publisher, vector_store="lancedb", timing=timing
            ),
            stops=self.stops,
            conditions=Conditions(worker=WORKER, work_dir=self.folder, job_timeout=3600.0, most=4, timing=timing),
            report=self.reports.append,
            ended=self.ended.append,
            relay=Relay(
                worker=WORKER,
                capabilities=Capabilities(node="den"),
                lease=600.0,
                turns=self.ledger.turns,
                mailbox=self.lanes.mailbox,
                claimant=Claimant(lanes=lambda: ("ingest",), leave=self.aside.append, lost=lambda _: None),
            ),
            clock=self.clock,
            lease_clock=self.lease_clock,
        )

    def run(self, *script: Any, job: Job | None = None) -> EndReport:
        """Run an attempt whose compute process does this."""
        self.compute.script = list(script)
        return self.runner.run(job or an_attempt()).reports[-1]

    def follow(self, *script: Any, after: Following) -> Ran:
        """Run the attempt that followed another one."""
        self.compute.script = list(script)
        return self.runner.run(after.job, after=after)

    def learns(self, job: Job, *, text: str | None = None) -> Done:
        """Return what a compute process says when it has something to publish; ``text`` is a broken file."""
        path = self.folder.parent / "knowledge.jsonl"
        Knowledge(commit="1" * 40, files=(), edges=(), stats={}).write(path)
        if text is not None:
            path.write_text(text)
        return Done(summary={"files": 0}, knowledge=path)

    def tidy(self, state: State, *, job: Job | None = None, answer: Any = None) -> TidyUp | None:
        """Tidy up after an attempt that ended so; return what the compute process was asked to delete."""
        if job is None:
            # One that had begun to write.
            job = an_attempt()
            self.run(_ended("cancelled"), job=job)
        self.compute.script = [answer or Tidied()]
        self.runner.tidy(job, EndReport(job_id=job.id, attempt=1, state=state))
        asked = [message for message in self.compute.said if isinstance(message, TidyUp)]
        return asked[-1] if asked else None

    def left(self) -> list[Path]:
        """Return what lies in the scratch folder."""
        return list(self.folder.iterdir()) if self.folder.exists() else []


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A runner that has run nothing."""
    return House(tmp_path)


def test_what_was_learned_is_published(house: House) -> None:
    """An attempt that learned something ends as succeeded, and its folder is gone."""
    job = an_attempt()

    report = house.run(house.learns(job), job=job)

    assert (report.state, report.job_id, report.attempt) == (State.SUCCEEDED, job.id, 1)
    assert [name for name, _ in house.ledger.named("publish")] == ["publish"]
    assert house.left() == []
    assert house.compute.kills == 0


def test_the_compute_process_is_told_what_is_visible(house: House) -> None:
    """A task carries the attempt's generation, its own empty folder and the published generation."""
    house.ledger.seen = visible(4)

    house.run(UNCHANGED)

    task = next(message for message in house.compute.said if isinstance(message, RunTask)).task
    assert (task["generation"], task["published"]["generation"], task["published"]["node"]) == (7, 4, "den")
    assert Path(task["work_dir"]).parent == house.folder


def test_stages_are_reported(house: House) -> None:
    """The plane hears of the start, of progress, and of the publish."""
    job = an_attempt()

    house.run(Progress(stage="train", done=3, total=10), house.learns(job), job=job)

    assert [(one.stage, one.done) for one in house.reports] == [("start", 0), ("train", 3), ("publish", 0)]
    assert {one.kind for one in house.reports} == {Kind.INGEST}


def test_superseded_vectors_go_after_a_publish(house: House) -> None:
    """A publish makes everything superfluous that its own generation does not see, and nothing else."""
    job = an_attempt()
    report = house.run(house.learns(job), job=job)

    asked = house.tidy(report.state, job=job)

    assert asked is not None
    assert (asked.tenant_id, asked.repository_id) == (str(job.tenant_id), job.repository_id)
    assert (asked.below, asked.keep) == (7, 7)


def test_an_attempt_that_wrote_nothing_leaves_nothing(house: House) -> None:
    """An attempt that found its commit published already succeeds, and nothing is asked or deleted after it."""
    job = an_attempt()
    house.ledger.seen = visible(4)
    report = house.run(UNCHANGED, job=job)
    asked = len(house.ledger.moves)

    assert house.tidy(report.state, job=job) is None
    assert report.state is State.SUCCEEDED
    assert len(house.ledger.moves) == asked


@pytest.mark.parametrize("state", [State.FAILED, State.CANCELLED])
def test_a_fruitless_attempt_keeps_what_is_visible(house: House, state: State) -> None:
    """Without a publish an attempt's own vectors go; those of the published generation stay."""
    house.ledger.seen = visible(4)

    asked = house.tidy(state)

    assert asked is not None
    assert (asked.below, asked.keep) == (8, 4)


@pytest.mark.parametrize("reason", ["cancelled", "superseded"])
def test_a_refused_publish_keeps_what_is_visible(house: House, reason: str) -> None:
    """A publish that the ledger refuses leaves the visible generation alone, also one newer than its own."""
    job = an_attempt()
    house.ledger.seen = visible(9)
    house.ledger.refuse(reason)
    report = house.run(house.learns(job), job=job)

    asked = house.tidy(report.state, job=job)

    assert report.state is State.CANCELLED
    assert asked is not None
    assert (asked.below, asked.keep) == (8, 9)


def test_nothing_is_kept_of_a_removed_repository(house: House) -> None:
    """A repository that was removed in the meantime has no visible generation to keep."""
    house.ledger.seen = visible(9, removed=True)

    asked = house.tidy(State.CANCELLED)

    assert asked is not None
    assert (asked.below, asked.keep) == (8, None)


def test_what_was_published_is_left_for_its_removal(house: House) -> None:
    """A repository that was removed right after its publish loses what that superseded; the removal counts the rest."""
    job = an_attempt()
    report = house.run(house.learns(job), job=job)
    house.ledger.seen = visible(7, removed=True)

    asked = house.tidy(report.state, job=job)

    assert asked is not None
    assert (asked.below, asked.keep) == (7, 7)


def test_an_attempt_that_goes_on_elsewhere_is_not_tidied(house: House) -> None:
    """A job that is queued again leaves its vectors for the attempt that follows."""
    assert house.tidy(State.QUEUED) is None


def test_a_removal_is_not_tidied(house: House) -> None:
    """A removal deleted what it had to delete itself."""
    job = an_attempt(kind=Kind.REMOVE, payload={})
    house.run(_ended("permanent"), job=job)

    assert house.tidy(State.FAILED, job=job) is None


def test_a_worker_that_stops_does_not_tidy(house: House) -> None:
    """A worker that was asked to stop does not begin to delete."""
    house.stops.shut_down()

    assert house.tidy(State.SUCCEEDED) is None


@pytest.mark.parametrize("answer", [Tidied(problem="The vector store does not answer."), ComputeDied(-9), UNCHANGED])
def test_tidying_that_fails_is_left_for_another_time(house: House, answer: Any) -> None:
    """Whatever becomes of the deletion, the attempt is over; the process that failed at it is replaced."""
    house.tidy(State.SUCCEEDED, answer=answer)

    assert house.compute.kills == 1


def test_tidying_without_a_ledger_is_left_for_another_time(house: House) -> None:
    """Nothing is deleted while it cannot be known what is visible."""
    job = an_attempt()
    house.run(_ended("cancelled"), job=job)
    house.ledger.away = 1

    assert house.tidy(State.CANCELLED, job=job) is None


@pytest.mark.parametrize("error", [Transient("compute_not_started", "It did not start."), LedgerUnavailable()])
def test_what_may_pass_is_counted_as_a_failure(house: House, error: Exception) -> None:
    """A compute process that does not come up, or a ledger that goes away, costs an attempt."""
    house.compute.warm_error = error

    report = house.run()

    ((_, how),) = house.ledger.named("retry")
    assert report.state is State.QUEUED
    assert how["reason"] == ("compute_not_started" if isinstance(error, Transient) else "ledger_unavailable")


def test_a_compute_process_that_dies_is_counted_with_its_code(house: House) -> None:
    """The end of the compute process is a failure that says how it ended."""
    house.run(ComputeDied(-9))

    ((_, how),) = house.ledger.named("retry")
    assert how["reason"] == "compute_died"
    assert "-9" in how["detail"]
    assert house.compute.kills == 1


def test_a_folder_that_cannot_be_made_is_a_failure(house: House) -> None:
    """A scratch space that is full or forbidden costs an attempt, not the worker."""
    house.folder.write_text("a file where the folder should be")

    house.run(UNCHANGED)

    ((_, how),) = house.ledger.named("retry")
    assert how["reason"] == "unknown_error"


@pytest.mark.parametrize("error", [OSError("disk"), ConfigurationError("wrong"), ValueError("a\0b\udcff\ud800")])
def test_an_unknown_error_costs_an_attempt_alone(house: House, error: Exception) -> None:
    """Whatever breaks, the attempt is counted in words that the ledger can hold, its process and folder are gone."""
    house.compute.warm_error = error

    house.run()

    ((_, how),) = house.ledger.named("retry")
    assert (how["reason"], house.compute.kills, house.left()) == ("unknown_error", 1, [])
    assert how["detail"].startswith(type(error).__name__)
    assert "\0" not in how["detail"]
    assert how["detail"].encode()


def test_a_publish_that_breaks_costs_an_attempt_alone(house: House) -> None:
    """An error in the middle of a publish is counted, and the folder is gone."""
    job = an_attempt()
    house.ledger.publish_error = RuntimeError("the driver broke")

    house.run(house.learns(job), job=job)

    ((_, how),) = house.ledger.named("retry")
    assert (how["reason"], house.left()) == ("unknown_error", [])


def test_knowledge_that_was_cut_short_is_not_published(house: House) -> None:
    """A file that a full disk cut short costs an attempt; nothing of it is published."""
    job = an_attempt()

    house.run(house.learns(job, text='{"commit": "1", "stats": {}, "files": 2, "edges": 0}\n'), job=job)

    assert house.ledger.named("publish") == []
    ((_, how),) = house.ledger.named("retry")
    assert how["reason"] == "unknown_error"


def test_a_stop_is_said_once(house: House) -> None:
    """A cancel reaches the compute process in one message, however long it takes to obey."""
    job = an_attempt()

    report = house.run(
        lambda: house.stops.cancel(job.id),
        lambda: None,
        lambda: None,
        _ended("cancelled", "cancel_requested"),
        job=job,
    )

    assert house.compute.words() == ["RunTask", "StopTask"]
    assert (report.state, house.compute.kills) == (State.CANCELLED, 0)


def test_who_does_not_stop_is_ended(house: House) -> None:
    """A compute process that goes on past its grace is killed, and the job is cancelled."""
    job = an_attempt()
    house.stops.cancel(job.id)
    began = house.clock()

    report = house.run(job=job)

    assert (report.state, house.compute.kills) == (State.CANCELLED, 1)
    assert 5.0 < house.clock() - began < 6.0


def test_a_cancel_ends_with_its_attempt(house: House) -> None:
    """A cancelled job that somebody queues again is not stopped by the old order."""
    job = an_attempt()
    house.stops.cancel(job.id)
    house.run(job=job)

    house.run(lambda: None, UNCHANGED, job=job)

    assert house.compute.words() == ["RunTask", "StopTask", "RunTask"]


def test_a_worker_that_stops_gives_back_what_it_has(house: House) -> None:
    """An attempt that is stopped with its worker goes back to the queue and is not counted."""
    report = house.run(house.stops.shut_down, _ended("cancelled"))

    ((_, how),) = house.ledger.named("snooze", "retry", "end")
    assert (report.state, how["reason"]) == (State.QUEUED, "worker_stopping")


def test_a_cancelled_job_ends_also_while_its_worker_stops(house: House) -> None:
    """A cancel that somebody asked for is not lost because the worker stops as well."""
    job = an_attempt()
    house.stops.cancel(job.id)

    report = house.run(house.stops.shut_down, _ended("cancelled"), job=job)

    assert report.state is State.CANCELLED


def test_an_attempt_that_takes_too_long_is_ended(house: House) -> None:
    """After the job's time is up its process is killed and the attempt is counted."""
    began = house.clock()

    house.run()

    ((_, how),) = house.ledger.named("retry")
    assert (how["reason"], house.compute.kills) == ("timed_out", 1)
    assert 3600.0 < house.clock() - began < 3601.0


def test_a_lease_is_renewed_on_its_own_clock(house: House) -> None:
    """A lease goes on while the machine sleeps: its renewal is due by a clock that did not stop."""

    def sleep() -> None:
        house.lease_clock.now += 301.0

    house.run(lambda: None, sleep, lambda: None, sleep, UNCHANGED)

    assert [how["lease"] for _, how in house.ledger.named("renew")] == [600.0, 600.0]
    assert house.clock() < 1010.0


def test_a_renewal_is_asked_again_soon_while_the_ledger_is_away(house: House) -> None:
    """A ledger that does not answer is asked again a heartbeat later, and the attempt goes on."""

    def sleep() -> None:
        house.lease_clock.now += 301.0
        house.ledger.away = 1

    def wait() -> None:
        house.lease_clock.now += 21.0

    report = house.run(sleep, lambda: None, wait, UNCHANGED)

    assert len(house.ledger.named("renew")) == 1
    assert "StopTask" not in house.compute.words()
    assert report.state is State.SUCCEEDED


@pytest.mark.parametrize("answer", [{"held": False}, {"cancel_requested": True}])
def test_an_attempt_that_is_not_ours_any_more_is_stopped(house: House, answer: dict[str, bool]) -> None:
    """A renewal that says that the attempt is lost, or cancelled, stops it."""

    def sleep() -> None:
        house.lease_clock.now += 301.0
        vars(house.ledger).update(answer)

    report = house.run(sleep, lambda: None, _ended("cancelled"))

    assert house.compute.words() == ["RunTask", "StopTask"]
    assert report.state is (State.QUEUED if "held" in answer else State.CANCELLED)
    # What another attempt has, maybe of this very worker, is not for this one to end.
    assert len(house.ledger.named("end")) == (0 if "held" in answer else 1)
    assert house.stops.why(report.job_id) is None


def test_an_older_attempt_gives_way_to_a_newer_one_of_its_job(house: House) -> None:
    """A worker that was taken for lost and given its own job again ends the old attempt and leaves the job alone."""
    job = an_attempt()

    def given_again() -> None:
        house.runner.yield_to(replace(job, attempt=job.attempt + 1))

    report = house.run(given_again, lambda: None, _ended("cancelled"), job=job)

    assert house.compute.words() == ["RunTask", "StopTask"]
    assert report.state is State.QUEUED
    assert house.ledger.named("end", "retry", "snooze") == []


def test_a_device_that_failed_gets_a_fresh_process(house: House) -> None:
    """After a training that failed on its device the process is replaced; after another failure it is kept."""
    house.run(_ended("transient", "fetch_failed"))
    kept = house.compute.kills

    house.run(_ended("transient", "training_failed"))

    assert (kept, house.compute.kills) == (0, 1)
    assert [how["reason"] for _, how in house.ledger.named("retry")] == ["fetch_failed", "training_failed"]


def test_what_the_runner_reports_is_what_the_plane_understands(house: House) -> None:
    """A report names the job, the attempt and the repository."""
    job = an_attempt()

    house.run(UNCHANGED, job=job)

    assert house.reports[0] == a_report(job, stage="start", done=0, total=0)


def test_a_paused_worker_gives_back_what_it_has(house: House) -> None:
    """An attempt that is stopped by a pause goes back to the queue and is not counted."""

    def pause() -> None:
        house.paused = True

    report = house.run(pause, _ended("cancelled"))

    ((_, how),) = house.ledger.named("snooze", "retry", "end")
    assert house.compute.words() == ["RunTask", "StopTask"]
    assert (report.state, how["reason"]) == (State.QUEUED, "worker_paused")


def test_a_pause_that_ends_while_an_attempt_stops_cancels_nothing(house: House) -> None:
    """A job that was stopped by a pause goes back, also when the worker is open again by the time that it stands."""

    def pause() -> None:
        house.paused = True

    def resume() -> None:
        house.paused = False

    report = house.run(pause, lambda: None, resume, _ended("cancelled"))

    ((_, how),) = house.ledger.named("snooze", "retry", "end")
    assert (report.state, how["reason"]) == (State.QUEUED, "worker_paused")


def test_a_cancel_ends_a_job_that_a_pause_had_stopped(house: House) -> None:
    """A cancel that comes while an attempt is being given back is not lost."""
    job = an_attempt()

    def pause() -> None:
        house.paused = True

    report = house.run(pause, lambda: house.stops.cancel(job.id), _ended("cancelled"), job=job)

    assert report.state is State.CANCELLED


def test_a_compute_process_that_a_stop_ended_costs_no_attempt(house: House) -> None:
    """A process that is killed because its worker stops is no failure of the job."""
    report = house.run(house.stops.shut_down, ComputeDied(-9))

    ((_, how),) = house.ledger.named("snooze", "retry", "end")
    assert (report.state, how["reason"]) == (State.QUEUED, "worker_stopping")


def test_an_attempt_resumes_after_a_long_sleep(house: House) -> None:
    """A machine that slept for three leases, with nobody else there, renews and goes on with the same attempt."""
    job = an_attempt()

    def sleep() -> None:
        house.lease_clock.now += 3 * 600.0

    report = house.run(lambda: None, sleep, lambda: None, house.learns(job), job=job)

    ((_, how),) = house.ledger.named("renew")
    assert (how["job_id"], how["attempt"]) == (job.id, job.attempt)
    assert (report.state, report.attempt, house.compute.kills) == (State.SUCCEEDED, job.attempt, 0)


def test_a_sleep_makes_a_renewal_overdue_until_it_is_made(house: House) -> None:
    """Whoever claims can see that something in hand waits for its renewal; an idle runner has nothing overdue."""
    seen: list[bool] = []

    def look() -> None:
        seen.append(house.runner.overdue)

    def sleep() -> None:
        house.lease_clock.now += 301.0
        look()

    before = house.runner.overdue
    house.run(look, sleep, look, UNCHANGED)

    assert seen == [False, True, False]
    assert (before, house.runner.overdue) == (False, False)


def test_a_renewal_that_was_put_off_is_still_overdue(house: House) -> None:
    """A ledger that did not answer has renewed nothing."""
    seen: list[bool] = []

    def sleep() -> None:
        house.lease_clock.now += 301.0
        house.ledger.away = 1

    house.run(sleep, lambda: seen.append(house.runner.overdue), UNCHANGED)

    assert seen == [True]


def test_a_publish_that_is_tried_again_renews(house: House) -> None:
    """While the ledger does not take what was learned, the attempt stays ours."""
    job = an_attempt()

    def leave() -> None:
        house.ledger.away = 1

    report = house.run(leave, house.learns(job), job=job)

    assert report.state is State.SUCCEEDED
    assert [name for name, _ in house.ledger.named("renew", "publish")] == ["renew", "publish"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_costs_no_attempt(house: House, number: int) -> None:
    """A scratch space that is full makes the job wait; nothing is counted."""
    house.compute.warm_error = OSError(number, "No space left on device")

    report = house.run()

    ((_, how),) = house.ledger.named("snooze", "retry", "end")
    assert (report.state, how["reason"]) == (State.QUEUED, "disk_full")


def test_tidying_ends_with_the_worker(house: House) -> None:
    """A deletion that takes long keeps no worker from stopping."""
    job = an_attempt()
    house.run(_ended("cancelled"), job=job)
    house.compute.script = [house.stops.shut_down]
    began = house.clock()

    house.runner.tidy(job, EndReport(job_id=job.id, attempt=1, state=State.CANCELLED))

    assert house.clock() - began < 1.0
    assert house.compute.kills == 1


def test_a_job_that_followed_is_in_hand_at_once(house: House) -> None:
    """What was started as another job ended is reported before anything else is done, and falls due for renewal."""
    job_id = new_job_id()
    house.lanes.put(job_id)
    job = an_attempt()

    house.compute.script = [UNCHANGED]
    ran = house.runner.run(job)

    assert ran.reports[-1].state is State.SUCCEEDED
    assert ran.following is not None
    assert [report.job_id for report in house.reports] == [job.id, job_id]
    assert not house.runner.overdue
    house.lease_clock.now += 301.0
    assert house.runner.overdue


def test_a_job_that_followed_asks_for_nothing_that_it_knows(house: House) -> None:
    """A following job is told what the turn told, and once it has ended the runner has nothing in hand."""
    house.lanes.put(new_job_id())
    house.compute.script = [UNCHANGED]
    following = house.runner.run(an_attempt()).following
    assert following is not None
    house.ledger.moves.clear()

    ran = house.follow(house.learns(following.job), after=Following(job=following.job, visible=visible(4)))

    assert ran.reports[-1].state is State.SUCCEEDED
    assert [name for name, _ in house.ledger.moves] == ["publish"]
    task = [message for message in house.compute.said if isinstance(message, RunTask)][-1].task
    assert task["published"]["generation"] == 4
    house.lease_clock.now += 301.0
    assert not house.runner.overdue
    assert house.aside == []


@pytest.mark.parametrize("how", ["silence", "end"])
def test_the_mailbox_forgets_a_job_that_followed(house: House, how: str) -> None:
    """The record of a job goes once it has run for a moment, or with its end, and once only."""
    house.lanes.put(new_job_id())
    house.compute.script = [UNCHANGED]
    following = house.runner.run(an_attempt()).following
    assert following is not None
    seen: list[list[str]] = []
    look = lambda: seen.append(list(house.lanes.forgotten))  # noqa: E731  # it is a step of a script

    house.follow(*([look, look] if how == "silence" else []), _ended("permanent"), after=following)

    assert house.lanes.forgotten == [following.job.id]
    assert seen[1:] == ([[following.job.id]] if how == "silence" else [])


def test_a_job_that_followed_is_given_up_when_it_is_given_again(house: House) -> None:
    """A worker that was taken for lost between the turn and the run gives the older attempt up."""
    house.lanes.put(new_job_id())
    house.compute.script = [UNCHANGED]
    following = house.runner.run(an_attempt()).following
    assert following is not None

    house.runner.yield_to(an_attempt(id=following.job.id, attempt=2))
    ran = house.follow(UNCHANGED, after=following)

    assert ran.reports[-1].state is State.QUEUED
    assert house.ledger.named("succeed", "turn") == house.ledger.named("turn")[:1]


def test_a_turn_that_nobody_answered_is_told_the_ordinary_way(house: House) -> None:
    """When the ledger fell silent in a turn, the end is told again, and nothing is run that is not known to be ours."""
    house.lanes.put(new_job_id())
    house.compute.script = [lambda: setattr(house.ledger, "away", 1), UNCHANGED]

    ran = house.runner.run(an_attempt())

    assert (ran.reports[-1].state, ran.following) == (State.SUCCEEDED, None)
    assert [name for name, _ in house.ledger.named("turn", "succeed")] == ["succeed"]
