"""Whatever somebody else writes into Redis: nothing of it is run, and the good job behind it is still taken."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
from mailbox_places import WORKER, Place
from pydantic import SecretStr
from rq.job import Job as RqJob
from structlog.testing import capture_logs

from shared.errors import MailboxUnavailable
from shared.ids import new_job_id
from shared.mailbox.lanes import Mailbox
from shared.mailbox.link import LARGEST


def _bomb() -> bytes:
    """Return 260 KB that inflate to 260 MB."""
    packer, megabyte = zlib.compressobj(9), bytes(1_000_000)
    return b"".join(packer.compress(megabyte) for _ in range(260)) + packer.flush()


BOMB = _bomb()

ENTRIES = [
    b"",
    b"os.system",
    b"job_" + b"0" * 25,
    b"job_" + b"0" * 27,
    b"job_" + b"0" * 26 + b"\n",
    b"JOB_" + b"0" * 26,
    b"job_" + b"i" * 26,
    b"../../etc/passwd",
    b"wake",
    b"\x00\xff\xfe\x80" * 9,
    b"x" * 100_000,
    BOMB,
    b'{"id": "job_00000000000000000000000000"}',
    "jöb_".encode() + b"0" * 26,
    b"job_" + "٠".encode() * 26,
    pickle.dumps(print),
    b"rq:job:job_" + b"0" * 26,
]


class _Runs:
    """Leaves a file behind when somebody unpickles it."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.mark,)


def _hostile_records(mark: Path) -> dict[str, dict[str, bytes | str]]:
    """Return RQ records that a stock worker would act on; each would leave ``mark`` behind."""
    shell = f"touch {mark}"
    deflated = {
        "os.system": json.dumps(["os.system", None, [shell], {}]).encode(),
        "builtins.exec": json.dumps(["builtins.exec", None, [f"open({str(mark)!r}, 'w')"], {}]).encode(),
        "pickle": pickle.dumps(_Runs(mark)),
        "pickled call": pickle.dumps(("os.system", None, (shell,), {})),
        "method on instance": pickle.dumps(("touch", mark, (), {})),
        "blob": bytes(range(256)) * 400,
    }
    plain: dict[str, bytes | str] = {"status": "queued", "origin": "ingest", "created_at": "2026-01-01T00:00:00.0Z"}
    made: dict[str, dict[str, bytes | str]] = {
        name: {**plain, "data": zlib.compress(data)} for name, data in deflated.items()
    }
    made["inflating bomb"] = {**plain, "data": BOMB}
    calls = zlib.compress(json.dumps(["pharos.job", None, [], {}]).encode())
    for event in ("success", "failure", "stopped"):
        made[f"{event} callback"] = {**plain, "data": calls, f"{event}_callback_name": "os.getcwd"}
    hook = json.dumps([{"url": "http://127.0.0.1:1/", "status": "finished", "method": "POST", "headers": {}}])
    made["webhook"] = {**plain, "data": calls, "webhooks": hook}
    made["no data"] = plain
    return made


RECORDS = tuple(_hostile_records(Path("/nowhere")))


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: repr(entry[:20]))
def test_what_is_no_id_is_dropped(place: Place, entry: bytes) -> None:
    """Whatever somebody else put on a lane is taken off it, not believed, and hides nothing behind it."""
    box, job_id = place.box(), new_job_id()
    place.link.rpush("rq:queue:ingest", entry)
    box.push([(job_id, "ingest", 60)])

    with capture_logs() as logs:
        taken = [box.take(["ingest"], worker=WORKER, wait=1) for _ in range(2)]

    assert taken == [None, job_id]
    assert [(log["event"], log["size"]) for log in logs] == [("mailbox_entry_dropped", len(entry))]


@pytest.mark.parametrize("name", RECORDS)
def test_a_hostile_record_is_never_read(place: Place, tmp_path: Path, name: str) -> None:
    """RQ's record of a job may say what it likes: the id is taken, the record is thrown away, nothing is run."""
    box, job_id, mark = place.box(), new_job_id(), tmp_path / "ran"
    key = RqJob.key_for(job_id)
    place.link.hset(key, mapping=_hostile_records(mark)[name])
    place.link.rpush("rq:queue:ingest", job_id)

    taken = box.take(["ingest"], worker=WORKER, wait=1)
    if not box.blocks:
        box.forget(job_id)

    assert taken == job_id
    assert not mark.exists()
    assert not place.link.exists(key)


def test_a_hostile_record_is_written_over(place: Place) -> None:
    """A push puts its own record in the place of whatever calls and callbacks stood there."""
    box, job_id = place.box(), new_job_id()
    place.link.hset(RqJob.key_for(job_id), mapping={"data": b"os.system", "status": "started"})

    box.push([(job_id, "ingest", 60)])

    assert place.link.hget(RqJob.key_for(job_id), "data") == f'["pharos.job", null, ["{job_id}"], {{}}]'.encode()


def test_hostile_entries_are_shown_as_waiting_without_harm(place: Place) -> None:
    """Looking over a lane with foreign bytes on it finds the ids, and keeps nothing that is long."""
    box, job_id = place.box(), new_job_id()
    box.push([(job_id, "ingest", 60)])
    place.link.rpush("rq:queue:ingest", b"\xff\x00" * 50_000, b"short")

    assert box.waiting(["ingest", "ingest@urgent"]) == {job_id, "short"}


def test_an_entry_of_any_size_ends_the_link_not_the_worker(place: Place) -> None:
    """An entry larger than anything that belongs there is not read to its end; the next take brings the good id."""
    box, job_id = place.box(), new_job_id()
    place.link.rpush("rq:queue:ingest", b"x" * (4 * LARGEST))
    box.push([(job_id, "ingest", 60)])

    with pytest.raises(MailboxUnavailable):
        box.take(["ingest"], worker=WORKER, wait=1)

    assert box.take(["ingest"], worker=WORKER, wait=1) == job_id


@pytest.mark.parametrize("command", ["shutdown", "kill-horse", "stop-job"])
def test_rqs_control_channel_has_no_listener(mailbox: Mailbox, redis_link: redis.Redis, command: str) -> None:
    """Whoever can write to Redis still cannot stop a worker: what RQ's workers obey reaches nobody."""
    job_id = new_job_id()
    with ThreadPoolExecutor(1) as thread:
        begun = threading.Event()

        def take() -> str | None:
            begun.set()
            return mailbox.take(["ingest"], worker=WORKER, wait=10)

        waiting = thread.submit(take)
        begun.wait()
        heard = redis_link.publish(f"rq:pubsub:{WORKER}", json.dumps({"command": command, "job_id": job_id}))
        mailbox.push([(job_id, "ingest", 60)])

        assert waiting.result(timeout=10) == job_id
    assert heard == 0


def test_rq_info_reads_our_lanes(mailbox: Mailbox, redis_link: redis.Redis, redis_url: SecretStr) -> None:
    """RQ's own command line shows our lanes and how many jobs are on each."""
    for lane, count in {"ingest": 2, "ingest+gpu6@urgent": 1}.items():
        for _ in range(count):
            mailbox.push([(new_job_id(), lane, 60)])

    shown = subprocess.run(
        [sys.executable, "-m", "rq.cli", "info", "--url", redis_url.get_secret_value(), "--raw"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    lines = [line.split() for line in shown.stdout.splitlines() if line.startswith("queue")]
    assert sorted((line[1], line[2].rstrip(",")) for line in lines) == [("ingest", "2"), ("ingest+gpu6@urgent", "1")]
