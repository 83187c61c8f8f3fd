"""The pure words: ids, lanes, states, back-off, payloads and knowledge."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.ids import JOB_ID_PATTERN, REPOSITORY_ID_PATTERN, new_job_id, new_worker_id, repository_id
from shared.jobs.kinds import Kind, Priority
from shared.jobs.payloads import IngestPayload, RemovePayload, dedupe_key
from shared.jobs.retry import backoff
from shared.jobs.states import State
from shared.knowledge import Analysis, Community, Cycle, EdgeRow, FileRow, Knowledge, Standing, UnresolvedRow
from shared.nodes.capabilities import Capabilities, Needs
from shared.nodes.heartbeat import Heartbeat
from shared.nodes.placement import lane_of, lanes_for
from shared.timing import Timing, elapsed

TENANT = UUID("00000000-0000-7000-8000-000000000001")
_NODES = st.sampled_from([None, "den", "attic"])
_NEEDS = st.builds(Needs, gpu=st.booleans(), gpu_memory=st.integers(0, 16), node=_NODES)
_CAN = st.builds(
    Capabilities,
    node=st.sampled_from(["den", "attic"]),
    gpu=st.booleans(),
    gpu_memory=st.floats(0, 24, allow_nan=False),
)


def test_job_ids_are_new_and_sort_by_birth() -> None:
    """Ids have the stated form, differ, and their time goes up."""
    ids = [new_job_id() for _ in range(1000)]

    assert len(set(ids)) == 1000
    assert all(re.fullmatch(JOB_ID_PATTERN, one) for one in ids)
    assert [one[:13] for one in ids] == sorted(one[:13] for one in ids)


def test_repository_id_is_of_tenant_and_name() -> None:
    """One name is one id for one tenant, and another one for another."""
    ids = {repository_id(tenant, name) for tenant in (TENANT, UUID(int=1)) for name in ("a", "b")}

    assert len(ids) == 4
    assert all(re.fullmatch(REPOSITORY_ID_PATTERN, one) for one in ids)
    # Kept for ever: vectors are stored under it.
    assert repository_id(TENANT, "github.com/a/b") == repository_id(TENANT, "github.com/a/b")


def test_worker_id_names_its_node() -> None:
    """A boot id fits what a heartbeat may say, and is never used twice."""
    first, second = new_worker_id("den"), new_worker_id("den")

    assert first != second
    assert Heartbeat(worker=first, version="1", schema_version=1, capabilities=Capabilities(node="den"))


@pytest.mark.parametrize(
    ("needs", "priority", "lane"),
    [
        (Needs(), Priority.NORMAL, "ingest"),
        (Needs(gpu=True), Priority.NORMAL, "ingest+gpu"),
        (Needs(gpu_memory=6), Priority.NORMAL, "ingest+gpu6"),
        (Needs(node="den", gpu=True), Priority.NORMAL, "node:den"),
        (Needs(), Priority.URGENT, "ingest@urgent"),
        (Needs(gpu=True, gpu_memory=6), Priority.LOW, "ingest+gpu6@low"),
    ],
)
def test_lane_says_needs_and_priority(needs: Needs, priority: Priority, lane: str) -> None:
    """The lane of a job is named after what it needs and how urgent it is."""
    assert lane_of(Kind.INGEST, needs, priority) == lane


@given(needs=_NEEDS, can=_CAN, priority=st.sampled_from(Priority), kind=st.sampled_from(Kind))
def test_capable_worker_has_the_jobs_lane(needs: Needs, can: Capabilities, priority: Priority, kind: Kind) -> None:
    """A worker waits on the lane of every job that it may run, and on no other node's."""
    lanes = lanes_for(can, (needs,))

    assert len(set(lanes)) == len(lanes)
    if needs.met_by(can):
        assert lane_of(kind, needs, priority) in lanes
    assert all(lane.startswith(f"node:{can.node}") for lane in lanes if lane.startswith("node:"))
    assert can.gpu or not any("+gpu" in lane for lane in lanes)


def test_lanes_come_most_urgent_first() -> None:
    """Urgency goes before place: all urgent lanes come before any normal one."""
    lanes = lanes_for(Capabilities(node="den", kinds=(Kind.INGEST,), gpu=True, gpu_memory=8), (Needs(gpu_memory=6),))

    assert lanes[:4] == ("node:den@urgent", "ingest+gpu6@urgent", "ingest+gpu@urgent", "ingest@urgent")
    assert lanes[8:12] == ("node:den", "ingest+gpu6", "ingest+gpu", "ingest")


@pytest.mark.parametrize("node", ["", "Den", "-den", "den-", "a" * 64, "den.local", "den@urgent", "den\n", "node:x"])
def test_odd_node_names_are_refused(node: str) -> None:
    """A node's name becomes part of a lane, so it is plain."""
    with pytest.raises(ValidationError):
        Needs(node=node)


def test_all_but_two_states_have_ended() -> None:
    """A job that is neither queued nor running has ended."""
    assert {state for state in State if not state.ended} == {State.QUEUED, State.RUNNING}


def test_backoff_doubles_up_to_an_hour() -> None:
    """The pause doubles with each failure and is an hour at most."""
    assert [backoff(failures, 30) for failures in (1, 2, 3, 4)] == [30, 60, 120, 240]
    assert backoff(50, 30) == 3600


@pytest.mark.parametrize("ref", ["-x", "a..b/~", "a b", "", "a:b", "a^", "a\n", "@{1}", "a" * 201])
def test_odd_refs_are_refused(ref: str) -> None:
    """What git would read as anything but a name is no ref."""
    with pytest.raises(ValidationError):
        IngestPayload(url="https://github.com/a/b", ref=ref)


def test_payloads_are_closed() -> None:
    """Fields that a kind does not know are refused."""
    with pytest.raises(ValidationError):
        RemovePayload.model_validate({"command": "rm"})
    with pytest.raises(ValidationError):
        IngestPayload.model_validate({"url": "https://github.com/a/b", "command": "rm"})


def test_what_is_asked_for_has_one_order() -> None:
    """Code that is to get vectors is named in one order and once, so that the same question is the same work."""
    one, other = (
        IngestPayload.model_validate({"url": "https://github.com/a/b", "include": words})
        for words in (["vendored", "generated"], ["generated", "vendored", "generated"])
    )

    assert one == other
    assert dedupe_key(Kind.INGEST, "github.com/a/b", one, "{}") == dedupe_key(
        Kind.INGEST, "github.com/a/b", other, "{}"
    )


@pytest.mark.parametrize(
    "words", [["tests"], "vendored", ["vendored"] * 21, [1]], ids=["word", "text", "many", "number"]
)
def test_what_cannot_be_asked_for_is_refused(words: object) -> None:
    """Only the kinds of code that are set aside can be asked for."""
    with pytest.raises(ValidationError):
        IngestPayload.model_validate({"url": "https://github.com/a/b", "include": words})


def test_parameters_are_what_shapes_the_result() -> None:
    """Where a repository lies, which commit was asked for and how urgently are no parameters; all else is."""
    payload = IngestPayload(url="https://github.com/a/b", ref="main", force=True, include=("vendored",))

    assert payload.parameters() == {"epochs": 1, "preset": "balanced", "method": "node2vec", "include": ["vendored"]}


def test_dedupe_key_is_of_kind_repository_parameters_and_needs() -> None:
    """Each part of the question makes another key, and the same question the same one."""
    payload = IngestPayload(url="https://github.com/a/b")
    keys = {
        dedupe_key(Kind.INGEST, "github.com/a/b", payload, "{}"),
        dedupe_key(Kind.INGEST, "github.com/a/c", payload, "{}"),
        dedupe_key(Kind.REMOVE, "github.com/a/b", RemovePayload(), "{}"),
        dedupe_key(Kind.INGEST, "github.com/a/b", payload.model_copy(update={"ref": "main"}), "{}"),
        dedupe_key(Kind.INGEST, "github.com/a/b", payload.model_copy(update={"force": True}), "{}"),
        dedupe_key(Kind.INGEST, "github.com/a/b", payload, '{"gpu":true}'),
    }

    assert len(keys) == 6
    assert dedupe_key(Kind.INGEST, "github.com/a/b", IngestPayload(url=payload.url), "{}") in keys


def _knowledge() -> Knowledge:
    file = FileRow(
        number=0,
        path=b"caf\xe9.py".decode("utf-8", "surrogateescape"),
        language="python",
        size=1,
        blob="0" * 40,
        status="parsed",
        isolated=False,
        similar=((1, 0.5), (2, -0.25)),
        flags=("generated", "vendored"),
    )
    other = replace(file, number=1, path='a\n"ü.py', similar=(), flags=())
    return Knowledge(
        commit="a" * 40,
        files=(file, other),
        edges=(EdgeRow(source=0, target=1, kinds=("import", "type"), line=3, confidence=0.5),),
        stats={"seconds": 1.5, "by": {"x": 1}},
        unresolved=(UnresolvedRow(source=1, line=2, module=".gone"),),
        analysis=Analysis(
            standings=(Standing(rank=1.5, importers=1, community=0), Standing(orphan=True)),
            cycles=(Cycle(files=(0, 1), cut=((0, 1),), at_least=1),),
            communities=(Community(size=2, inside=1, across=0, leaders=(1, 0)),),
            modularity=0.25,
        ),
    )


def test_knowledge_is_read_as_it_was_written(tmp_path: Path) -> None:
    """What the compute process wrote is what the worker publishes, odd names and all."""
    path = tmp_path / "knowledge.jsonl"
    _knowledge().write(path)

    assert Knowledge.read(path) == _knowledge()


@pytest.mark.parametrize("lines", range(1, 9))
def test_knowledge_that_was_cut_short_is_refused(tmp_path: Path, lines: int) -> None:
    """A file whose writer died is never published as a smaller repository."""
    path = tmp_path / "knowledge.jsonl"
    _knowledge().write(path)
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:lines]))

    with pytest.raises(ValueError, match="cut short"):
        Knowledge.read(path)


@pytest.mark.parametrize("bytes_left", [0, 40])
def test_knowledge_without_its_head_is_refused(tmp_path: Path, bytes_left: int) -> None:
    """An empty file, and one that ends within a line, is told as the same ``ValueError``."""
    path = tmp_path / "knowledge.jsonl"
    _knowledge().write(path)
    path.write_bytes(path.read_bytes()[:bytes_left])

    with pytest.raises(ValueError, match=r"cut short|Unterminated"):
        Knowledge.read(path)


def test_knowledge_of_another_version_is_refused(tmp_path: Path) -> None:
    """A file without the mark of this version's format is not taken for one with fewer rows."""
    path = tmp_path / "knowledge.jsonl"
    path.write_text('{"commit": "a", "stats": {}, "files": 0, "edges": 0}\n')

    with pytest.raises(ValueError, match="another version"):
        Knowledge.read(path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"edges": (EdgeRow(source=0, target=2, kinds=("import",), line=1),)},
        {"unresolved": (UnresolvedRow(source=-1, line=1, module="m"),)},
        {"unresolved": (UnresolvedRow(source=0, line=1, module="m"),) * 5001},
        {"analysis": Analysis(standings=(Standing(),))},
        {"analysis": Analysis(cycles=(Cycle(files=(0, 1), cut=((1, 7),), at_least=1),))},
        {"analysis": Analysis(communities=(Community(size=1, inside=0, across=0, leaders=(9,)),))},
    ],
    ids=["edge", "unresolved", "many", "standings", "cut", "leader"],
)
def test_knowledge_that_contradicts_itself_is_refused(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Rows that name files which are not there, or come without bound, are never published."""
    path = tmp_path / "knowledge.jsonl"
    replace(_knowledge(), **wrong).write(path)

    with pytest.raises(ValueError, match="the knowledge"):
        Knowledge.read(path)


def test_scaled_times_keep_their_proportions() -> None:
    """Every time shrinks by the same factor."""
    fast = Timing().scaled(0.001)

    assert fast.lost_after / fast.heartbeat == pytest.approx(3)
    assert fast.reconcile_every == pytest.approx(21.6)


def test_elapsed_time_never_goes_back() -> None:
    """The clock of leases and sleep moves forward alone."""
    assert elapsed() <= elapsed()
