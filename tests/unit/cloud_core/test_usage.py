"""Usage: what a month has taken of the plans, through restarts and the turn of a month, and what a person is told."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest
from plane_factories import a_heartbeat

from cloud_api.budget import Meter, MeterView, Plan, judge, next_month
from cloud_api.delivery import Delivery
from cloud_api.tally import Tally
from cloud_api.usage import SLEEPS_AFTER, Spans, Usage
from shared.errors import MailboxUnavailable
from shared.mailbox.lanes import Mailbox

HOUR, DAY = 3600.0, 86_400.0
DEN, ATTIC = "den.0123456789ab", "attic.0123456789ab"
PLAN = Plan(redis_commands=500_000, postgres_hours=400, host_hours=750)
#: The middle of a month of 30 days.
START = datetime(2026, 11, 16, tzinfo=UTC)


class World:
    """A clock, Redis' note, and what plane and Postgres do."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now
        self.notes: dict[str, str] = {}
        self.writes = 0
        self.down = False
        self.begin()

    def begin(self) -> None:
        """Start a control plane, as a process that knows nothing; its clock began anywhere."""
        self.clock = 7.0
        self.sent = 0
        self.used: float | None = None
        self.usage = Usage(
            plan=PLAN,
            commands=lambda: self.sent,
            ledger_idle=lambda: [None if self.used is None else self.clock - self.used],
            now=lambda: self.now,
            clock=lambda: self.clock,
        )
        self.tally = Tally(self.usage, Delivery(cast(Mailbox, self), pause=0.0, ttl=90.0))

    def restart(self, *, away: float = 0.0) -> None:
        """End the process as asked, and start another one after a while."""
        self.tally.keep(last=True)
        self.now += timedelta(seconds=away)
        self.begin()
        self.tally.recall()

    def wait(self, seconds: float, *, look: float = 20.0) -> None:
        """Let time pass; the plane looks at itself every ``look`` seconds."""
        while seconds > 0:
            step = min(look, seconds)
            self.now += timedelta(seconds=step)
            self.clock += step
            seconds -= step
            self.usage.look()

    def use_ledger(self) -> None:
        """Send Postgres a statement."""
        self.used = self.clock

    def hear(self, commands: int = 0, *, worker: str = DEN, idle: float | None = None) -> None:
        """Hear a worker."""
        self.usage.hear(a_heartbeat(worker=worker, redis_commands=commands, ledger_idle=idle))

    def keep_note(self, name: str, text: str) -> None:
        """Keep a note."""
        if self.down:
            raise MailboxUnavailable(cause="ConnectionError")
        self.notes[name] = text
        self.writes += 1

    def read_note(self, name: str) -> str | None:
        """Return a note."""
        if self.down:
            raise MailboxUnavailable(cause="ConnectionError")
        return self.notes.get(name)

    def total(self, meter: str) -> float:
        """Return a total of the month."""
        return self.usage.totals()[1][meter]

    def shown(self, meter: Meter) -> MeterView:
        """Return a meter as people see it."""
        return next(one for one in self.usage.view().meters if one.meter == meter)


@pytest.fixture
def world() -> World:
    """A plane that has just begun."""
    return World()


def test_commands_of_plane_and_workers_are_added_up(world: World) -> None:
    """Each process counts its own from its beginning; the month has what they grew by."""
    world.sent = 30
    world.hear(12)
    world.hear(40)
    world.hear(9, worker=ATTIC)
    world.sent = 35

    assert world.total("redis_commands") == 35 + 40 + 9


def test_a_late_heartbeat_counts_nothing_twice(world: World) -> None:
    """A heartbeat that was overtaken by the one after it takes nothing back and adds nothing."""
    for commands in (40, 25, 41):
        world.hear(commands)

    assert world.total("redis_commands") == 41


def test_a_number_that_nobody_can_have_sent_is_not_believed(world: World) -> None:
    """A worker whose count makes no sense does not spoil the month."""
    world.hear(10)
    world.hear(10**15)
    world.hear(10**15 + 3)

    assert world.total("redis_commands") == 13


def test_who_sends_many_names_fills_no_memory(world: World) -> None:
    """Only the workers that were heard last are remembered."""
    for number in range(1000):
        world.hear(1, worker=f"den.{number:012x}")

    assert len(world.usage.keep().workers) == 200
    assert world.total("redis_commands") == 1000


def test_a_restart_counts_a_worker_on(world: World) -> None:
    """The next process knows from the note what each worker had sent, and counts what it sent since."""
    world.sent = 5
    world.hear(4000)
    world.hear(4500)
    before = world.total("redis_commands")

    world.restart(away=120)
    world.sent = 3
    world.hear(4520)
    world.hear(11, worker=ATTIC)

    assert world.total("redis_commands") == before + 3 + 20 + 11


@pytest.mark.parametrize("commands", [20_000, 51])
def test_without_a_note_a_worker_is_not_counted_again(world: World, commands: int) -> None:
    """Of a worker that may have been counted by the process before, only what it sends from now on counts."""
    world.hear(commands)
    world.hear(commands + 7)

    assert world.total("redis_commands") == 7


def test_without_a_note_a_worker_that_begins_is_counted_whole(world: World) -> None:
    """The few commands with which a worker starts are counted."""
    world.hear(12)

    assert world.total("redis_commands") == 12


def test_postgres_is_awake_until_five_minutes_after_its_last_use(world: World) -> None:
    """One statement costs five minutes, a second one only what it adds."""
    world.use_ledger()
    world.wait(200)
    world.use_ledger()
    world.wait(2 * HOUR)

    assert world.total("postgres_seconds") == 200 + SLEEPS_AFTER


def test_postgres_counts_once_whoever_used_it(world: World) -> None:
    """Three processes that use Postgres side by side keep one Postgres awake."""
    for _ in range(90):
        world.use_ledger()
        world.hear(idle=3.0)
        world.hear(idle=11.0, worker=ATTIC)
        world.wait(20)
    world.wait(HOUR)

    assert world.total("postgres_seconds") == 89 * 20 + SLEEPS_AFTER


def test_a_workers_use_counts_from_when_it_was(world: World) -> None:
    """A use of a minute ago keeps Postgres awake for four minutes more; one that never was for none."""
    world.wait(HOUR)
    world.hear(idle=None)
    world.hear(idle=60.0)

    assert world.total("postgres_seconds") == 60
    world.wait(HOUR)
    assert world.total("postgres_seconds") == SLEEPS_AFTER


def test_a_use_before_the_plane_began_is_not_the_planes_to_count(world: World) -> None:
    """Without a note, counting begins with the process."""
    world.wait(10)
    world.hear(idle=100_000.0)
    world.hear(idle=60.0)
    world.wait(HOUR)

    assert world.total("postgres_seconds") == 10 - 60 + SLEEPS_AFTER


@pytest.mark.parametrize(("away", "awake"), [(0, 300), (100, 300), (1000, 300)])
def test_a_restart_counts_postgres_on(world: World, away: float, awake: float) -> None:
    """Postgres stays awake though the plane is gone; a use that the old process counted is not counted again."""
    world.wait(HOUR)
    world.use_ledger()
    world.wait(60)

    world.restart(away=away)
    world.hear(idle=60.0 + away)
    world.wait(HOUR)

    assert world.total("postgres_seconds") == awake


def test_the_host_is_awake_while_the_process_lives(world: World) -> None:
    """Hours between two processes are not counted."""
    world.wait(HOUR)
    world.restart(away=5 * HOUR)
    world.wait(HOUR)

    assert world.total("host_seconds") == 2 * HOUR


@pytest.mark.parametrize("look", [20.0, 2 * HOUR], ids=["often", "late"])
def test_a_month_begins_at_midnight(look: float) -> None:
    """Whenever somebody looks, what was before midnight is the old month's."""
    world = World(datetime(2026, 11, 30, 23, 0, tzinfo=UTC))
    world.sent = 100
    world.usage.look()
    world.wait(HOUR - 60)
    world.use_ledger()
    world.usage.look()
    world.wait(HOUR + 60, look=look)

    month, totals = world.usage.totals()

    assert month == date(2026, 12, 1)
    assert totals == {"redis_commands": 0, "postgres_seconds": SLEEPS_AFTER - 60, "host_seconds": HOUR}
    assert world.usage.view().since == datetime(2026, 12, 1, tzinfo=UTC)


def test_a_note_of_last_month_tells_of_workers_alone() -> None:
    """Its totals are last month's, but what a worker had sent by then is not this month's."""
    world = World(datetime(2026, 11, 30, 23, 0, tzinfo=UTC))
    world.hear(40)
    world.hear(9000)
    world.wait(HOUR / 2)

    world.restart(away=2 * HOUR)
    world.hear(9010)

    assert world.usage.totals()[1]["redis_commands"] == 10
    assert world.total("host_seconds") == 0


def test_the_ledger_brings_back_what_no_note_told(world: World) -> None:
    """Totals that are larger than ours were counted before this process, which goes on from there."""
    world.sent = 8
    month, mine = world.usage.totals()

    world.usage.merge(month, {**mine, "redis_commands": 70_000.0, "host_seconds": 50 * HOUR})
    world.sent = 10
    world.wait(HOUR)

    assert world.total("redis_commands") == 70_010
    assert world.total("host_seconds") == 51 * HOUR
    assert world.usage.view().since == datetime(2026, 11, 1, tzinfo=UTC)


def test_the_ledgers_echo_changes_nothing(world: World) -> None:
    """What comes back of our own totals is not added to them, nor is another month's."""
    world.sent = 100
    for _ in range(3):
        world.usage.merge(*world.usage.totals())
        world.wait(HOUR)
        world.usage.merge(date(2026, 10, 1), {"redis_commands": 10**6})

    assert world.total("redis_commands") == 100
    assert world.usage.view().since == START


def test_a_note_and_the_ledger_are_not_added(world: World) -> None:
    """The larger of the two goes on, when the note is older than the ledger's row."""
    world.sent = 100
    world.tally.keep(last=True)
    world.sent = 700
    month, later = world.usage.totals()
    world.begin()
    world.tally.recall()

    world.usage.merge(month, later)

    assert world.total("redis_commands") == 700
    assert world.usage.view().since == START


def test_the_ledger_is_due_every_ten_minutes(world: World) -> None:
    """At once after the start, and then at most every ten minutes."""
    due = [world.usage.due()]
    world.usage.merge(*world.usage.totals())
    due.append(world.usage.due())
    world.wait(599)
    due.append(world.usage.due())
    world.wait(1)
    due.append(world.usage.due())

    assert due == [True, False, False, True]


def test_a_note_is_written_when_it_is_worth_a_command(world: World) -> None:
    """A thousandth of a plan is; an idle minute is not; at the end one is written in any case."""
    world.tally.keep()
    world.sent = 499
    world.tally.keep()
    idle = world.writes
    world.sent = 500
    world.tally.keep()
    world.tally.keep()
    busy = world.writes
    world.wait(0.8 * HOUR)
    world.tally.keep()
    awake = world.writes
    world.tally.keep(last=True)

    assert (idle, busy, awake, world.writes) == (0, 1, 2, 3)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"at":"2026-11-16T00:00:00Z","since":"2026-11-16T00:00:00Z","awake_until":"2026-11-16T00:00:00Z",'
        '"totals":{"redis_commands":-5},"workers":{}}',
        '{"at":"2026-11-16T00:00:00Z","since":"2026-11-16T00:00:00Z","awake_until":"2026-11-16T00:00:00Z",'
        '"totals":{"redis_commands":NaN},"workers":{}}',
        '{"at":"2026-11-16T00:00:00","since":"2026-11-16T00:00:00","awake_until":"2026-11-16T00:00:00",'
        '"totals":{},"workers":{}}',
    ],
    ids=["empty", "list", "nothing", "negative", "nan", "naive"],
)
def test_a_note_of_somebody_else_is_dropped(world: World, text: str) -> None:
    """What does not read as a note counts for nothing, and breaks nothing."""
    world.notes["usage"] = text

    world.tally.recall()

    assert world.total("redis_commands") == 0


def test_without_redis_nothing_breaks(world: World) -> None:
    """A Redis that does not answer costs the note, and no more."""
    world.down = True

    world.tally.keep(last=True)
    world.tally.recall()

    assert world.writes == 0


def test_a_far_future_in_a_note_keeps_postgres_awake_for_five_minutes_at_most(world: World) -> None:
    """What a note says of Postgres is bounded by what can be."""
    world.notes["usage"] = (
        '{"at":"2026-11-15T23:00:00Z","since":"2026-11-15T00:00:00Z","awake_until":"2099-01-01T00:00:00Z",'
        '"totals":{"postgres_seconds":5},"workers":{}}'
    )

    world.tally.recall()
    world.wait(HOUR)

    assert world.total("postgres_seconds") == 5 + SLEEPS_AFTER


def test_spans_are_a_union() -> None:
    """Overlapping, touching and repeated stretches count once, in any order; what is to come counts when it came."""
    spans = Spans(10.0)
    for start, end in ((50, 60), (0, 20), (55, 70), (70, 71), (50, 60), (30, 30)):
        spans.add(start, end)

    assert spans.length(1000.0) == 10 + 21
    assert spans.length(52.0) == 10 + 2
    assert spans.end() == 71
    assert spans.after(60.0).length(1000.0) == 11


def test_many_spans_take_no_more_room_and_lose_nothing() -> None:
    """A month of short uses is kept as a sum, not as a list."""
    spans = Spans(0.0)
    for number in range(2000):
        spans.add(number * 400.0, number * 400.0 + 300.0)

    assert spans.length(10**9) == 2000 * 300.0
    assert len(spans._spans) <= 100


def test_a_forecast_needs_an_hour() -> None:
    """Before an hour was seen nothing is foretold; then the month goes on at its pace."""
    early = judge("redis_commands", used=100, limit=500_000, began=START, now=START + timedelta(seconds=HOUR - 1))
    later = judge("redis_commands", used=100, limit=500_000, began=START, now=START + timedelta(seconds=HOUR))

    assert (early.forecast, early.reached_on, early.warning) == (None, None, None)
    assert later.forecast == pytest.approx(100 * 24 * 15)
    assert (later.reached_on, later.warning) == (None, None)


@pytest.mark.parametrize(
    ("meter", "used", "days", "reached", "begins"),
    [
        ("redis_commands", 0, 5, None, None),
        ("redis_commands", 20_000, 0.5, date(2026, 11, 28), None),
        (
            "redis_commands",
            250_000,
            5,
            date(2026, 11, 26),
            "At this pace this month's 500,000 Redis commands end on 26 November. From then until 1 December jobs",
        ),
        ("redis_commands", 399_000, 14.5, None, None),
        ("redis_commands", 410_000, 14.5, None, "82% of this month's 500,000 Redis commands are used. When they end:"),
        ("redis_commands", 410_000, 0.01, None, "82% of this month's 500,000 Redis commands are used."),
        ("redis_commands", 500_000, 14, None, "This month's 500,000 Redis commands are used up: until 1 December jobs"),
        ("redis_commands", 700_000, 0.01, None, "This month's 500,000 Redis commands are used up:"),
        ("postgres_hours", 240, 10, None, None),
        (
            "postgres_hours",
            280,
            10,
            date(2026, 11, 30),
            "At this pace this month's 400 hours of Postgres end on 30 November. From then until 1 December Postgres",
        ),
        (
            "host_hours",
            600,
            10,
            date(2026, 11, 28),
            "At this pace this month's 750 hours of this host end on 28 November.",
        ),
    ],
)
def test_what_is_said_of_a_meter(
    meter: Meter, used: float, days: float, reached: date | None, begins: str | None
) -> None:
    """Who may run out of something reads when, what it means for the data, and what to do; others read nothing."""
    seen = judge(
        meter,
        used=used,
        limit={"redis_commands": 500_000, "postgres_hours": 400, "host_hours": 750}[meter],
        began=START,
        now=START + timedelta(days=days),
    )

    assert seen.reached_on == reached
    assert (seen.warning or "").startswith(begins or "")
    assert (seen.warning is None) is (begins is None)
    assert seen.warning is None or "Raise the plan, or" in seen.warning


@pytest.mark.parametrize(
    ("month", "after"),
    [(date(2026, 12, 1), date(2027, 1, 1)), (date(2028, 2, 1), date(2028, 3, 1)), (date(2026, 1, 1), date(2026, 2, 1))],
)
def test_months_follow_each_other(month: date, after: date) -> None:
    """Also in December and in a leap year."""
    assert next_month(month) == after


def test_the_view_is_in_hours(world: World) -> None:
    """People read hours and shares of their plans."""
    world.use_ledger()
    world.wait(75 * HOUR, look=HOUR)

    host, redis = world.shown("host_hours"), world.shown("redis_commands")

    assert (host.used, host.limit, host.share) == (75, 750, 0.1)
    assert (redis.used, redis.forecast) == (0, 0)
    assert world.shown("postgres_hours").used == pytest.approx(SLEEPS_AFTER / HOUR)
