"""Publishing text: a pointer of its own beside the graph's, moved with it or alone, and never by who came too late."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_world import REPOSITORY, Ledger, knowledge, names_row, textual

from shared.ids import repository_id
from shared.jobs.kinds import Kind
from shared.jobs.states import State
from shared.ledger.publish import Refused
from shared.ledger.records import DEFAULT_TENANT, Job
from shared.ledger.repositories import Removed, Repository
from shared.textual import PublishedText

ID = repository_id(DEFAULT_TENANT, REPOSITORY)


def _shown(ledger: Ledger) -> Repository:
    found = ledger.repositories.show(ID, tenant=DEFAULT_TENANT)
    assert found is not None
    return found


def _pointers(ledger: Ledger) -> tuple[Any, ...]:
    """Return commit and generation of the graph, and those of the text."""
    shown = _shown(ledger)
    text = (shown.text.commit, shown.text.generation) if shown.text is not None else (None, None)
    return shown.commit, shown.generation, *text


def _paths(ledger: Ledger) -> list[str]:
    found = ledger.names.search(["py"], tenant=DEFAULT_TENANT, repository_ids=None, path="", limit=99)
    return sorted(one.path for one in found)


def test_each_half_moves_its_own_pointer(ledger: Ledger) -> None:
    """Structure, then text, then both, then structure again: what a job did not make stays as it was."""
    first = ledger.published(knowledge(3))
    assert _pointers(ledger) == ("a" * 40, first.generation, None, None)

    second = ledger.running()
    ledger.publish(second, None, textual())
    assert _pointers(ledger) == ("a" * 40, first.generation, "b" * 40, second.generation)
    assert _shown(ledger).files == 3

    third = ledger.running()
    ledger.publish(third, knowledge(2, commit="c" * 40), textual(commit="c" * 40))
    assert _pointers(ledger) == ("c" * 40, third.generation, "c" * 40, third.generation)

    fourth = ledger.published(knowledge(1, commit="d" * 40))
    assert _pointers(ledger) == ("d" * 40, fourth.generation, "c" * 40, third.generation)
    assert _paths(ledger) == ["src/retry.py"]


def test_a_text_alone_makes_a_repository(ledger: Ledger) -> None:
    """A repository without a graph is listed with its text, and its next job goes where that lies."""
    job = ledger.running()

    ledger.publish(job, None, textual(stats={"written": 7}))

    shown = _shown(ledger)
    assert (shown.commit, shown.files, shown.vector_store, shown.indexed_at) == (None, 0, None, None)
    assert shown.text is not None
    assert (shown.text.passages, shown.text.node, shown.text.vector_store) == (7, "den", "lancedb")
    assert (shown.text.model, shown.text.dimension, shown.text.stats) == ("tiny", 32, {"written": 7})
    assert ledger.repositories.page(tenant=DEFAULT_TENANT, after=None, limit=9) == [shown]
    assert ledger.submit().needs.node == "den"


def test_a_worker_learns_what_text_is_visible(ledger: Ledger) -> None:
    """Before it runs a worker knows the text's generation, collection and place, also when a turn hands it the job."""
    job = ledger.running()
    ledger.publish(job, knowledge(), textual())

    visible = ledger.publisher.published(job)

    assert visible is not None
    assert visible.text == PublishedText(
        commit="b" * 40,
        generation=job.generation or 0,
        collection="text_tiny_32_01234567",
        parameters={"include": []},
        vector_store="lancedb",
        node="den",
    )


def test_names_follow_the_text(ledger: Ledger) -> None:
    """A text that builds on the one before keeps its names but for what changed; another has its own alone."""
    first = ledger.running()
    ledger.publish(first, None, textual(names_row("a.py"), names_row("b.py"), names_row("c.py")))
    second = ledger.running()
    ledger.publish(
        second, None, textual(names_row("b.py", "anew"), builds_on=first.generation, without=("b.py", "c.py"))
    )
    assert _paths(ledger) == ["a.py", "b.py"]
    (anew,) = ledger.names.search(["anew"], tenant=DEFAULT_TENANT, repository_ids=[ID], path="", limit=9)
    assert (anew.path, anew.repository) == ("b.py", REPOSITORY)

    ledger.publish(ledger.running(), None, textual(names_row("d.py")))
    assert _paths(ledger) == ["d.py"]


def test_a_late_attempt_disturbs_no_text(ledger: Ledger) -> None:
    """What was taken from an attempt it cannot publish, and its job goes on under the one that has it now."""
    job = ledger.running()
    ledger.keeper.rescue(job.id, attempt=1, reason="worker_lost", detail="")
    again = ledger.started(job)
    ledger.publish(again, None, textual(commit="c" * 40))

    with pytest.raises(Refused) as refused:
        ledger.publish(job, knowledge(), textual())

    assert refused.value.reason == "stale"
    assert _pointers(ledger)[2:] == ("c" * 40, again.generation)
    assert ledger.state(again) is State.SUCCEEDED


@pytest.mark.parametrize("half", ["structure", "text", "both"])
def test_an_older_generation_moves_neither_pointer(ledger: Ledger, half: str) -> None:
    """What was started before what is visible is refused by the pointer that it would move back, and moves no other."""
    ledger.publish(ledger.running(), knowledge(), textual())
    late = ledger.running()
    _raise_generation(ledger, "generation" if half == "structure" else "text_generation")
    before = _pointers(ledger)

    with pytest.raises(Refused) as refused:
        ledger.publish(late, None if half == "text" else knowledge(1), None if half == "structure" else textual())

    assert refused.value.reason == "superseded"
    assert _pointers(ledger) == before
    assert ledger.state(late) is State.RUNNING


def test_names_stand_on_what_is_visible_or_on_nothing(ledger: Ledger) -> None:
    """A text that was compared with another generation than the visible one is refused: its names would have gaps."""
    ledger.publish(ledger.running(), None, textual())
    late = ledger.running()

    with pytest.raises(Refused) as refused:
        ledger.publish(late, None, textual(builds_on=late.generation))

    assert refused.value.reason == "superseded"


def test_publishing_both_twice_is_publishing_once(ledger: Ledger) -> None:
    """A repetition after a lost answer changes neither half."""
    job = ledger.running()
    ledger.publish(job, knowledge(), textual())
    before = _shown(ledger)

    ledger.publish(job, knowledge(5), textual(names_row("other.py"), commit="c" * 40))

    assert _shown(ledger) == before
    assert _paths(ledger) == ["src/retry.py"]


def test_an_error_in_the_text_leaves_the_graph_alone(ledger: Ledger) -> None:
    """Both halves become visible in one transaction, or neither does."""
    job = ledger.running()

    with pytest.raises(Exception, match="Postgres"):
        ledger.publish(job, knowledge(), textual(names_row("same.py"), names_row("same.py")))

    assert ledger.repositories.show(ID, tenant=DEFAULT_TENANT) is None
    assert ledger.state(job) is State.RUNNING


@pytest.mark.parametrize("half", ["text", "both"])
def test_a_removed_text_is_gone_at_once(ledger: Ledger, half: str) -> None:
    """A removal takes names and pointer, goes to the node that has the passages, and leaves no row behind."""
    job = ledger.running()
    ledger.publish(job, None if half == "text" else knowledge(), textual())

    removed = ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)

    visible = ledger.publisher.published(job)
    assert removed == Removed(name=REPOSITORY, home="den")
    assert _paths(ledger) == []
    assert visible is not None
    assert (visible.removed, visible.text) == (True, None)
    ledger.publisher.bury(_removal(ledger), result={})
    assert ledger.publisher.published(job) is None


def test_a_text_from_before_a_removal_is_refused(ledger: Ledger) -> None:
    """What was started before a repository was removed does not bring its text back, nor after it was indexed again."""
    ledger.published()
    late = ledger.running()
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)

    with pytest.raises(Refused) as refused:
        ledger.publish(late, None, textual())

    assert refused.value.reason == "superseded"


def test_where_a_removed_half_lay_is_forgotten_with_the_next_publish(ledger: Ledger) -> None:
    """A repository indexed again elsewhere is removed there, and no more where its text lay once."""
    ledger.publish(ledger.running(), knowledge(), textual())
    ledger.repositories.remove(ID, tenant=DEFAULT_TENANT)
    ledger.publisher.bury(_removal(ledger), result={})
    again = ledger.started(ledger.submit(), node="attic")
    ledger.publish(again, knowledge(), vector_store="qdrant")

    assert ledger.repositories.remove(ID, tenant=DEFAULT_TENANT) == Removed(name=REPOSITORY, home=None)


def test_a_home_stays_while_either_half_lies_there(ledger: Ledger) -> None:
    """A graph that moves to a server leaves its repository bound to the node that has its text."""
    ledger.publish(ledger.running(), knowledge(), textual())

    ledger.publish(ledger.running(), knowledge(), vector_store="qdrant")

    shown = _shown(ledger)
    assert (shown.vector_store, shown.text and shown.text.vector_store) == ("qdrant", "lancedb")
    assert ledger.submit().needs.node == "den"


def _removal(ledger: Ledger) -> Job:
    return ledger.running(kind=Kind.REMOVE, ttl_ms=None)


def _raise_generation(ledger: Ledger, column: str) -> None:
    with ledger.owner() as owner:
        owner.execute("alter table pharos.repositories no force row level security")
        owner.execute(f"update pharos.repositories set {column} = nextval('pharos.generations')".encode())
        owner.execute("alter table pharos.repositories force row level security")
