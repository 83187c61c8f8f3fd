"""What a mailbox promises over every transport: ids on lanes, and nothing else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from mailbox_places import LANES, WORKER, Place, commands
from rq import Queue
from rq.job import Job as RqJob
from rq.serializers import JSONSerializer

from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.connection import connect
from shared.mailbox.lanes import Taken


def test_the_transport_is_told(place: Place) -> None:
    """A mailbox says how it reaches Redis and whether its take waits."""
    box = place.box()

    assert (box.transport, box.blocks) == (place.transport, place.transport != "rest")


def test_ids_come_in_the_order_they_were_put(place: Place) -> None:
    """A lane is first in, first out."""
    box, ids = place.box(), [new_job_id() for _ in range(3)]
    for job_id in ids:
        box.push([(job_id, "ingest", 60)])

    taken = [box.take(["ingest"], worker=WORKER, wait=1) for _ in ids]

    assert taken == ids
    assert box.waiting(["ingest"]) == frozenset()


def test_lanes_come_in_the_order_they_were_named(place: Place) -> None:
    """The most urgent lane is emptied first, whenever its ids were put on it."""
    box, ids = place.box(), {lane: new_job_id() for lane in reversed(LANES)}
    for lane, job_id in ids.items():
        box.push([(job_id, lane, 60)])

    taken = [box.take(LANES, worker=WORKER, wait=1) for _ in LANES]

    assert taken == [ids[lane] for lane in LANES]


def test_other_lanes_are_left_alone(place: Place) -> None:
    """A worker takes from its own lanes alone."""
    box, job_id = place.box(), new_job_id()
    box.push([(job_id, "node:attic", 60)])

    assert box.take(LANES, worker=WORKER, wait=1) is None
    assert box.waiting(["node:attic", *LANES]) == {job_id}
    assert box.waiting([]) == frozenset()


def test_each_id_is_taken_once(place: Place) -> None:
    """Forty ids on a lane from which eight workers take go to one worker each."""
    box, ids = place.box(wait=5), [new_job_id() for _ in range(40)]
    for job_id in ids:
        box.push([(job_id, "ingest", 60)])

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(lambda n: box.take(["ingest"], worker=f"den.{n:012x}", wait=1), range(40)))

    assert sorted(taken) == sorted(ids)  # type: ignore[type-var]  # a None among them is what would fail here


def test_a_mailbox_that_hung_up_works_on(place: Place) -> None:
    """After every connection was broken the next command makes a new one."""
    box, job_id = place.box(), new_job_id()
    box.ping()

    box.hang_up()

    box.push([(job_id, "ingest", 60)])
    assert box.take(LANES, worker=WORKER, wait=1) == job_id


def test_rq_knows_what_was_pushed(place: Place) -> None:
    """RQ's own Queue and Job find the queue, the id on it and its record, over the same transport."""
    job_id = new_job_id()
    place.box().push([(job_id, "ingest+gpu6", 90)])

    with connect(place.url, wait=5, token=place.token) as link:
        queue = Queue("ingest+gpu6", connection=link, serializer=JSONSerializer)
        record = RqJob.fetch(job_id, connection=link, serializer=JSONSerializer)

        assert queue in Queue.all(connection=link, serializer=JSONSerializer)
        assert (queue.job_ids, queue.count) == ([job_id], 1)
        assert [job.id for job in queue.jobs] == [job_id]
    assert (record.id, record.origin, list(record.args)) == (job_id, "ingest+gpu6", [job_id])
    assert record.enqueued_at is not None
    assert record.func_name == "pharos.job"
    assert place.link.hget(RqJob.key_for(job_id), "status") == b"queued"


@pytest.mark.parametrize(("ttl", "expected"), [(90.0, 90), (0.2, 1)])
def test_record_lives_for_the_ttl(place: Place, ttl: float, expected: int) -> None:
    """Redis forgets RQ's record after the ttl, at the earliest after a second."""
    job_id = new_job_id()

    place.box().push([(job_id, "ingest", ttl)])

    left = place.link.ttl(RqJob.key_for(job_id))
    assert expected - 2 < left <= expected


def test_record_goes_with_its_id(place: Place) -> None:
    """Nothing of a job stays in Redis once its id was taken; over REST, where that costs a round trip, on request."""
    box, job_id, other = place.box(), new_job_id(), new_job_id()
    box.push([(job_id, "ingest", 90)])
    box.push([(other, "node:den", 90)])
    before = box.recorded([job_id, other])

    box.take(["ingest"], worker=WORKER, wait=1)
    if not box.blocks:
        box.forget(job_id)

    assert (before, box.recorded([job_id, other]), box.recorded([])) == (2, 1, 0)
    assert not place.link.exists(RqJob.key_for(job_id))


def test_a_glance_brings_the_next_id_at_once(place: Place) -> None:
    """Who glances gets the most urgent id, or nothing, and waits for neither; what is no id is dropped."""
    box, ids = place.box(), [new_job_id() for _ in range(2)]
    box.push([(ids[0], "ingest", 60)])
    box.push([(ids[1], "ingest@urgent", 60)])
    place.link.rpush("rq:queue:ingest", "not an id")

    assert [box.glance(LANES).ids for _ in range(4)] == [(ids[1],), (ids[0],), (), ()]
    assert box.waiting(LANES) == frozenset()


def test_a_glance_brings_several_of_one_lane(place: Place) -> None:
    """Who asks for several gets the oldest of the most urgent lane that has any, and nothing of the others."""
    box, ids = place.box(), [new_job_id() for _ in range(4)]
    box.push([(job_id, "ingest", 60) for job_id in ids[:3]])
    box.push([(ids[3], "ingest@urgent", 60)])
    place.link.lpush("rq:queue:ingest", "not an id")

    found = [box.glance(LANES, most=3) for _ in range(3)]

    assert [one.ids for one in found] == [tuple(ids[3:]), tuple(ids[:2]), tuple(ids[2:3])]
    assert [one.lane for one in found] == ["ingest@urgent", "ingest", "ingest"]


def test_what_is_put_back_lies_first_again(place: Place) -> None:
    """Ids that a glance took go back before all others in their order, for one command, and nothing else changes."""
    box, ids = place.box(), [new_job_id() for _ in range(4)]
    box.push([(job_id, "ingest", 60) for job_id in ids])
    taken = box.glance(LANES, most=3)
    begun = box.commands

    box.put_back(taken.lane, taken.ids[1:])

    assert box.commands - begun == 1
    assert box.recorded(ids) == 4
    assert box.glance(LANES, most=9) == Taken(lane="ingest", ids=tuple(ids[1:]))


def test_a_glance_deletes_the_record_of_another(place: Place) -> None:
    """The record of an id stays until it is forgotten: by itself, or on the way of the next glance."""
    box, ids = place.box(), [new_job_id() for _ in range(3)]
    box.push([(job_id, "ingest", 60) for job_id in ids])
    box.glance(["ingest"])
    begun = box.commands

    second = box.glance(["ingest"], forget=ids[:1])

    assert (second.ids, box.commands - begun) == ((ids[1],), 2)
    assert box.recorded(ids[:1]) == 0
    assert box.recorded(ids[1:]) == 2
    box.forget(ids[1])
    assert box.recorded(ids) == 1


def test_redis_holds_ids_alone(place: Place) -> None:
    """Of a job nothing but its id and its lane is in Redis, and all of it is text."""
    job_id = new_job_id()

    place.box().push([(job_id, "ingest", 90)])

    record = place.link.hgetall(RqJob.key_for(job_id))
    assert set(record) == {b"created_at", b"enqueued_at", b"data", b"description", b"origin", b"status"}
    assert record[b"description"] == f"pharos.job('{job_id}')".encode()
    assert record[b"data"].decode() == f'["pharos.job", null, ["{job_id}"], {{}}]'
    assert sum(len(value) for value in record.values()) < 500


def test_commands_are_those_that_redis_saw(place: Place) -> None:
    """What a mailbox counts is what the server counts: handshake, push, look, take, record and all."""
    place.link.info("commandstats")
    before, box = commands(place.link), place.box()

    box.push([(new_job_id(), "ingest", 60)])
    box.recorded([new_job_id()])
    box.waiting(LANES)
    box.take(LANES, worker=WORKER, wait=1)
    box.take(LANES, worker=WORKER, wait=1)
    box.keep_note("presence", "[]")
    box.read_note("presence")

    spent = commands(place.link) - before
    # The server before Redis has a connection of its own behind it.
    behind = spent.pop("auth", 0) if place.transport == "rest" else 0
    assert behind <= 1
    assert box.commands == sum(spent.values())


def test_a_push_costs_four_commands_and_a_take_two(place: Place) -> None:
    """A job's way through the mailbox costs six commands, the last of which waits over REST until it runs."""
    box = place.box()
    box.ping()
    begun = box.commands

    box.push([(new_job_id(), "ingest", 60)])
    pushed = box.commands
    box.take(LANES, worker=WORKER, wait=1)

    assert (pushed - begun, box.commands - pushed) == (4, 2 if box.blocks else 1)


@pytest.mark.parametrize("count", [1, 200])
def test_a_take_is_one_command_however_many_lanes(place: Place, count: int) -> None:
    """A take that brings nothing costs one command; two hundred lanes cost the same."""
    box, lanes = place.box(), [f"ingest+gpu{size}" for size in range(count)]
    box.ping()
    before, begun = commands(place.link), box.commands

    taken = box.take(lanes, worker=WORKER, wait=1)

    assert taken is None
    assert commands(place.link) - before == {"lmpop" if place.transport == "rest" else "blpop": 1}
    assert box.commands - begun == 1


def test_a_new_connection_costs_one_command_more(place: Place) -> None:
    """A mailbox that lost its connections spends one more command, for the password, and none without one."""
    box = place.box()
    box.ping()
    begun = box.commands

    box.hang_up()
    box.ping()

    assert box.commands - begun == (2 if place.transport == "tcp" else 1)


def test_what_is_asked_of_many_records_is_one_command(place: Place) -> None:
    """Whether a hundred jobs are on their lanes is asked with one command."""
    box = place.box()
    box.ping()
    begun = box.commands

    assert box.recorded([new_job_id() for _ in range(100)]) == 0
    assert box.commands - begun == 1


def test_notes_are_kept(place: Place) -> None:
    """A small document is read back as it was kept, and one that was not is none."""
    box = place.box()
    box.keep_note("presence", '[{"name": "é"}]')

    assert box.read_note("presence") == '[{"name": "é"}]'
    assert box.read_note("other") is None
    assert place.link.get("pharos:presence").decode() == '[{"name": "é"}]'


def test_redis_that_is_full_is_told(place: Place) -> None:
    """A Redis without room refuses a push with its own reason, lets ids be taken, and takes pushes when it has room."""
    box, there, late = place.box(), new_job_id(), new_job_id()
    box.push([(there, "ingest", 60)])
    place.link.config_set("maxmemory", "1")

    try:
        with pytest.raises(MailboxUnavailable) as error:
            box.push([(late, "ingest", 60)])
        taken = box.take(["ingest"], worker=WORKER, wait=1)
    finally:
        place.link.config_set("maxmemory", "0")

    assert error.value.details == {"cause": "OutOfMemoryError", "refused": True}
    assert taken == there
    box.push([(late, "ingest", 60)])
    assert box.take(["ingest"], worker=WORKER, wait=1) == late


def test_redis_that_only_reads_is_told(place: Place) -> None:
    """A replica that writes nothing fails a push and a take alike, and both work when it writes again."""
    box, job_id = place.box(), new_job_id()
    box.ping()
    place.link.replicaof("127.0.0.1", "1")

    try:
        with pytest.raises(MailboxUnavailable) as pushed:
            box.push([(job_id, "ingest", 60)])
        with pytest.raises(MailboxUnavailable) as taken:
            box.take(["ingest"], worker=WORKER, wait=1)
    finally:
        place.link.replicaof("NO", "ONE")

    assert {pushed.value.details["cause"], taken.value.details["cause"]} == {"ReadOnlyError"}
    box.push([(job_id, "ingest", 60)])
    assert box.take(["ingest"], worker=WORKER, wait=1) == job_id


def test_a_lane_that_is_no_list_is_told(place: Place) -> None:
    """A key of another type in a lane's place is an error of that call; it ends nothing."""
    box = place.box()
    place.link.set("rq:queue:ingest", "not a list")

    with pytest.raises(MailboxUnavailable):
        box.push([(new_job_id(), "ingest", 60)])

    box.ping()
