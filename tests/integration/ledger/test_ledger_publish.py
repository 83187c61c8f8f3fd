"""Publishing: all or nothing, once, and only by the attempt that runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from ledger_world import REPOSITORY, TENANT_A, Ledger, file_row, knowledge

from shared.errors import LedgerUnavailable
from shared.ids import repository_id
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.knowledge import EdgeRow, Knowledge
from shared.ledger.publish import PublishedRow, Refused
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.ledger.repositories import File, Likeness, Reached, Removed
from shared.nodes.capabilities import Needs

ID = repository_id(DEFAULT_TENANT, REPOSITORY)


def _files(ledger: Ledger) -> list[File]:
    return ledger.repositories.files(ID, tenant=DEFAULT_TENANT, after=-1, limit=1000)


def _reach(ledger: Ledger, path: str, *, backwards: bool = False, depth: int = 9, limit: int = 99) -> list[Reached]:
    return ledger.repositories.reachable(ID, path, tenant=DEFAULT_TENANT, backwards=backwards, depth=depth, limit=limit)


def _steps(found: list[Reached]) -> list[tuple[str, int]]:
    return [(one.path.removeprefix("src/file_").removesuffix(".py"), one.depth) for one in found]


def test_published_generation_is_what_everybody_sees(ledger: Ledger) -> None:
    """Publishing makes repository, files and edges visible together with the end of the job."""
    job = ledger.running()

    ledger.publish(job, knowledge(edges=((0, 1),)), result={"files": 3})

    shown = ledger.repositories.show(ID, tenant=DEFAULT_TENANT)
    ended = ledger.show(job)
    assert shown is not None
    assert (shown.name, shown.generation, shown.commit, shown.files, shown.edges) == (
        REPOSITORY,
        job.generation,
        "a" * 40,
        3,
        1,
    )
    assert (shown.url, shown.node, shown.vector_store, shown.stats) == (
        f"https://{REPOSITORY}",
        "den",
        "lancedb",
        {"seconds": 1.5},
    )
    assert (ended.state, ended.result, ended.worker_id) == (State.SUCCEEDED, {"files": 3}, None)
    assert ledger.repositories.page(tenant=DEFAULT_TENANT, after=None, limit=10) == [shown]
    assert ledger.repositories.page(tenant=DEFAULT_TENANT, after=REPOSITORY, limit=10) == []


def test_worker_reads_what_was_published_before(ledger: Ledger) -> None:
    """Before it runs a worker learns which commit is visible, with which parameters, and where its vectors are."""
    before = ledger.publisher.published(ledger.running())
    ledger.keeper.snooze(ledger.keeper.open_jobs()[0].job.id, attempt=1, reason="power", detail="")
    job = ledger.started(ledger.keeper.open_jobs()[0].job)
    ledger.publish(job)

    after = ledger.publisher.published(job)

    assert before is None
    assert after == PublishedRow(
        commit="a" * 40,
        generation=job.generation or 0,
        parameters={"epochs": 10},
        removed=False,
        vector_store="lancedb",
        node="den",
    )


def test_next_generation_replaces_every_row(ledger: Ledger) -> None:
    """A new commit leaves nothing of the one before."""
    ledger.published(knowledge(5, edges=((0, 1), (1, 2))))
    renamed = Knowledge(commit="b" * 40, files=(file_row(0, path="new.py"),), edges=(), stats={})

    ledger.published(renamed)

    assert [file.path for file in _files(ledger)] == ["new.py"]
    assert _reach(ledger, "src/file_0.py") == []


def test_reader_never_sees_a_mix(ledger: Ledger) -> None:
    """While generations are published one after the other, every read shows files of one of them, whole."""
    ledger.published(_generation(0))
    done = threading.Event()
    seen: list[list[str]] = []

    def read() -> None:
        while not done.is_set():
            seen.append([file.path for file in _files(ledger) if file.path != "start.py"])
            seen.append([one.path for one in _reach(ledger, "start.py", depth=1)])

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 15):
        ledger.published(_generation(number))
    done.set()
    for reader in readers:
        reader.join()

    generations = [{path.split("/")[0] for path in one} for one in seen]
    assert all(len(one) == 1 for one in generations)
    assert all(len(one) == 39 for one in seen)
    assert len(set().union(*generations)) > 1


def _generation(number: int) -> Knowledge:
    """Return forty files, the first of which imports all others; its number differs from one to the next."""
    order = [f"g{number}/{name}.py" for name in range(39)]
    order.insert(number, "start.py")
    return Knowledge(
        commit="c" * 40,
        files=tuple(file_row(place, path=path) for place, path in enumerate(order)),
        edges=tuple(
            EdgeRow(source=number, target=one, kinds=("import",), line=1) for one in range(40) if one != number
        ),
        stats={},
    )


def test_publishing_twice_is_publishing_once(ledger: Ledger) -> None:
    """An attempt whose COMMIT succeeded but whose answer was lost may publish again; nothing changes."""
    job = ledger.running()
    ledger.publish(job)
    before = ledger.show(job), ledger.repositories.show(ID, tenant=DEFAULT_TENANT), _files(ledger)

    ledger.publish(job, knowledge(7), result={"files": 7})

    assert (ledger.show(job), ledger.repositories.show(ID, tenant=DEFAULT_TENANT), _files(ledger)) == before


def test_repeated_publish_leaves_what_is_newer(ledger: Ledger) -> None:
    """A late repetition of an attempt that succeeded does not bring its generation back."""
    job = ledger.running()
    ledger.publish(job)
    newer = ledger.published(knowledge(2))

    ledger.publish(job)

    shown = ledger.repositories.show(ID, tenant=DEFAULT_TENANT)
    assert shown is not None
    assert (shown.generation, len(_files(ledger))) == (newer.generation, 2)


def test_error_on_the_way_leaves_nothing(ledger: Ledger) -> None:
    """When a row cannot be written, neither the generation nor the end of the job is visible."""
    ledger.published(knowledge(2))
    job = ledger.running()
    broken = replace(knowledge(3), files=(file_row(0), file_row(0)))

    with pytest.raises(LedgerUnavailable) as error:
        ledger.publish(job, broken)

    assert isinstance(error.value.__cause__, psycopg.errors.UniqueViolation)
    assert len(_files(ledger)) == 2
    assert ledger.state(job) is State.RUNNING


@pytest.mark.parametrize("how", ["requeued", "restarted", "failed", "forgotten"])
def test_stale_attempt_is_refused(ledger: Ledger, how: str) -> None:
    """An attempt that was taken away publishes nothing, wherever its job stands now."""
    job = ledger.running()
    if how == "failed":
        ledger.keeper.end(job.id, attempt=1, state=State.FAILED, reason="x", detail="")
    else:
        ledger.keeper.rescue(job.id, attempt=1, reason="worker_lost", detail="")
    if how == "restarted":
        ledger.started(job)
    late = replace(job, id="job_" + "0" * 26) if how == "forgotten" else job

    for write in (ledger.publish, _succeed(ledger), _bury(ledger)):
        with pytest.raises(Refused) as refused:
            write(late)
        assert refused.value.reason == "stale"

    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None


def test_cancelled_attempt_is_refused(ledger: Ledger) -> None:
    """Once cancel was asked nothing of the attempt becomes visible."""
    job = ledger.running()
    ledger.keeper.cancel(job.id, tenant=DEFAULT_TENANT)

    for write in (ledger.publish, _succeed(ledger), _bury(ledger)):
        with pytest.raises(Refused) as refused:
            write(job)
        assert refused.value.reason == "cancelled"

    assert ledger.state(job) is State.RUNNING
    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None


def test_older_generation_is_refused(ledger: Ledger) -> None:
    """What was started before the visible generation may not replace it."""
    job = ledger.published()
    late = ledger.running()
    with ledger.owner() as owner:
        owner.execute("alter table pharos.repositories no force row level security")
        owner.execute("update pharos.repositories set generation = nextval('pharos.generations')")
        owner.execute("alter table pharos.repositories force row level security")

    with pytest.raises(Refused) as refused:
        ledger.publish(late)

    assert refused.value.reason == "superseded"
    assert ledger.state(late) is State.RUNNING
    assert ledger.state(job) is State.SUCCEEDED


def test_job_without_anything_new_succeeds(ledger: Ledger) -> None:
    """An attempt that has nothing to publish ends as succeeded, also when it says so twice."""
    job = ledger.running()

    for _ in range(2):
        ledger.publisher.succeed(job, result={"unchanged": True})

    assert (ledger.show(job).state, ledger.show(job).result) == (State.SUCCEEDED, {"unchanged": True})


def test_removed_repository_is_invisible_at_once(ledger: Ledger) -> None:
    """A removal takes every row that answers, and tells again and again who has the vectors until these are gone."""
    ledger.published(knowledge(edges=((0, 1),)))

    removed = [ledger.repositories.remove(ID, tenant=DEFAULT_TENANT) for _ in range(2)]

    assert removed == [Removed(name=REPOSITORY, home="den")] * 2
    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None
    assert ledger.repositories.page(tenant=DEFAULT_TENANT, after=None, limit=9) == []
    assert _files(ledger) == []
    assert _reach(ledger, "src/file_0.py") == []


def test_shared_vectors_may_be_removed_by_any_node(ledger: Ledger) -> None:
    """Vectors that every node can reach are nobody's to delete in particular."""
    ledger.publish(ledger.running(), vector_store="qdrant")

    assert ledger.repositories.remove(ID, tenant=DEFAULT_TENANT) == Removed(name=REPOSITORY, home=None)


def test_removed_repository_has_no_home(ledger: Ledger) -> None:
    """From its removal on a repository may be indexed anew by any node, whenever the old vectors go."""
    ledger.published()

    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)

    again = ledger.submit()
    assert again.needs.node is None
    assert ledger.start(again, node="attic").outcome == "started"


def test_only_the_own_repository_is_removed(ledger: Ledger) -> None:
    """An unknown repository, and another tenant's, is none."""
    ledger.add_tenants(TENANT_A)
    ledger.published()

    assert ledger.repositories.remove(ID, tenant=TENANT_A) is None
    assert ledger.repositories.remove("repo_" + "0" * 26, tenant=DEFAULT_TENANT) is None
    assert len(_files(ledger)) == 3


def test_ingest_from_before_a_removal_is_refused(ledger: Ledger) -> None:
    """What was started before a repository was removed does not bring it back."""
    ledger.published()
    late = ledger.running()
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)

    with pytest.raises(Refused) as refused:
        ledger.publish(late)

    assert refused.value.reason == "superseded"
    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None


def test_ingest_from_before_a_burial_is_refused(ledger: Ledger) -> None:
    """What was started before a removal stays out also after the last row of the repository is gone."""
    ledger.published()
    late = ledger.running()
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)
    ledger.keeper.rescue(late.id, attempt=1, reason="worker_lost", detail="")
    ledger.publisher.bury(_removal(ledger), result={})

    with pytest.raises(Refused) as refused:
        ledger.publish(late)

    assert refused.value.reason == "stale"
    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None


def test_burial_forgets_the_row(ledger: Ledger) -> None:
    """When the vectors are gone, nothing is left of the repository."""
    ledger.published()
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)
    removal = _removal(ledger)

    for _ in range(2):
        ledger.publisher.bury(removal, result={"vectors": 3})

    assert ledger.state(removal) is State.SUCCEEDED
    assert ledger.publisher.published(removal) is None
    assert ledger.repositories.remove(ID, tenant=DEFAULT_TENANT) is None


def test_burial_leaves_what_was_published_again(ledger: Ledger) -> None:
    """A repository that another node indexed again before its removal ran keeps its rows and its new home."""
    ledger.published()
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)
    queued = ledger.submit(kind=Kind.REMOVE, ttl_ms=None, needs=Needs(node="den"))
    again = ledger.started(ledger.submit(), node="attic")
    ledger.publish(again, knowledge(2))

    ledger.publisher.bury(ledger.started(queued), result={})

    shown = ledger.repositories.show(ID, tenant=DEFAULT_TENANT)
    assert shown is not None
    assert (shown.generation, len(_files(ledger))) == (again.generation, 2)
    assert ledger.submit().needs.node == "attic"


def test_paths_may_be_any_bytes(ledger: Ledger) -> None:
    """A file whose name is not UTF-8 is found by the name git gave it and shown escaped."""
    raw = b"caf\xe9/\xff.py".decode("utf-8", "surrogateescape")
    learned = Knowledge(
        commit="a" * 40,
        files=(file_row(0, path=raw), file_row(1, path="naïve/ü.py", similar=((0, 0.25),))),
        edges=(EdgeRow(source=1, target=0, kinds=("import",), line=1),),
        stats={},
    )
    ledger.published(learned)

    found = ledger.repositories.file(ID, raw, tenant=DEFAULT_TENANT)

    assert found is not None
    assert found.path == "caf\\xe9/\\xff.py"
    assert [file.path for file in _files(ledger)] == ["caf\\xe9/\\xff.py", "naïve/ü.py"]
    assert ledger.repositories.similar(ID, "naïve/ü.py", tenant=DEFAULT_TENANT, limit=9)[0].path == found.path
    assert _steps(_reach(ledger, "naïve/ü.py")) == [(found.path.removesuffix(".py"), 1)]


def test_similar_files_come_best_first(ledger: Ledger) -> None:
    """The nearest few come as they were found, best first, as many as asked."""
    files = (file_row(0, similar=((2, 0.9), (1, 0.5), (3, -0.25))), *(file_row(number) for number in (1, 2, 3)))
    ledger.published(Knowledge(commit="a" * 40, files=files, edges=(), stats={}))

    def similar(path: str, limit: int) -> list[Likeness]:
        return ledger.repositories.similar(ID, path, tenant=DEFAULT_TENANT, limit=limit)

    assert similar("src/file_0.py", 9) == [
        Likeness(path=f"src/file_{number}.py", language="python", score=score)
        for number, score in ((2, 0.9), (1, 0.5), (3, -0.25))
    ]
    assert [one.path for one in similar("src/file_0.py", 1)] == ["src/file_2.py"]
    assert similar("src/file_1.py", 9) == []
    assert similar("src/none.py", 9) == []


def test_isolated_file_reaches_nothing(ledger: Ledger) -> None:
    """A file without imports depends on nothing, and nothing on it; it is shown as isolated."""
    learned = Knowledge(commit="a" * 40, files=(file_row(0, isolated=True), file_row(1)), edges=(), stats={})
    ledger.published(learned)

    assert [file.isolated for file in _files(ledger)] == [True, False]
    assert _reach(ledger, "src/file_0.py") == _reach(ledger, "src/file_0.py", backwards=True) == []


@pytest.mark.parametrize(
    ("start", "how", "expected"),
    [
        (0, {}, [("1", 1), ("2", 1), ("3", 2), ("4", 3)]),
        (0, {"depth": 1}, [("1", 1), ("2", 1)]),
        (0, {"depth": 2}, [("1", 1), ("2", 1), ("3", 2)]),
        (0, {"limit": 1}, [("1", 1)]),
        (0, {"limit": 3}, [("1", 1), ("2", 1), ("3", 2)]),
        (4, {}, [("3", 1), ("1", 2)]),
        (3, {"backwards": True}, [("1", 1), ("2", 1), ("4", 1), ("0", 2)]),
        (0, {"backwards": True}, []),
        (3, {"depth": 1}, [("1", 1), ("4", 1)]),
    ],
)
def test_reachable_is_breadth_first(ledger: Ledger, start: int, how: dict[str, int], expected: list[object]) -> None:
    """Files behind a file come once, nearest first, by their shortest way, through cycles, within depth and limit."""
    # 0 -> 1, 2; both -> 3; 3 <-> 4; 3 -> 1 closes a longer cycle; 4 imports itself.
    edges = ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 3), (3, 1), (4, 4))
    ledger.published(knowledge(5, edges=edges))

    assert _steps(_reach(ledger, f"src/file_{start}.py", **how)) == expected  # type: ignore[arg-type]  # one of each


def test_long_chain_ends_at_its_depth(ledger: Ledger) -> None:
    """A chain is followed exactly as far as asked."""
    ledger.published(knowledge(60, edges=tuple((number, number + 1) for number in range(59))))

    assert [one.depth for one in _reach(ledger, "src/file_0.py", depth=50, limit=1000)] == list(range(1, 51))


def test_files_come_in_pages(ledger: Ledger) -> None:
    """Pages of files join without gap or repetition."""
    ledger.published(knowledge(5))

    pages = [ledger.repositories.files(ID, tenant=DEFAULT_TENANT, after=after, limit=2) for after in (-1, 1, 3)]

    assert [[file.number for file in page] for page in pages] == [[0, 1], [2, 3], [4]]


def _removal(ledger: Ledger) -> Job:
    return ledger.running(kind=Kind.REMOVE, ttl_ms=None)


def _succeed(ledger: Ledger) -> Callable[[Job], None]:
    return lambda job: ledger.publisher.succeed(job, result={})


def _bury(ledger: Ledger) -> Callable[[Job], None]:
    return lambda job: ledger.publisher.bury(job, result={})
