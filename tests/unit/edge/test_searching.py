"""Searches through a real search process, without a model: started, asked, frozen, killed, idle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
from edge_twins import eventually
from search_world import a_question, a_target, ended, stored_at
from test_process import an_equipment

from edge_worker.searching.asked import Searches
from edge_worker.searching.process import Patience
from shared.errors import InvalidRequest, NotAnswered, NotFound, PharosError, Unavailable
from shared.nodes.search import Answer, Filters

Start = Callable[..., Searches]
posix = pytest.mark.skipif(os.name != "posix", reason="signals")


@pytest.fixture(scope="module")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with the text of two repositories."""
    return stored_at(tmp_path_factory.mktemp("lance"), repositories=("acme", "zoo"))


@pytest.fixture(scope="module")
def searches(vectors: Path) -> Iterator[Searches]:
    """Searches that several tests ask."""
    given = _searches(vectors)
    yield given
    ended(given)


@pytest.fixture
def start(vectors: Path) -> Iterator[Start]:
    """``start(...)``: searches of one's own."""
    begun: list[Searches] = []

    def build(**given: Any) -> Searches:
        begun.append(_searches(vectors, **given))
        return begun[-1]

    yield build
    for one in begun:
        ended(one)


def _searches(vectors: Path, *, patience: Patience | None = None, budget: int = 1 << 26) -> Searches:
    equipment = an_equipment(vectors, lancedb_path=vectors, text_model=str(vectors / "no-model"), log_level="warning")
    return Searches(equipment, environment=os.environ, gpu_gib=0.0, budget=budget, patience=patience)


def found(answer: dict[str, Any]) -> list[tuple[str, str]]:
    """Return repository and symbol of each hit."""
    return [(hit.repository_id, hit.symbol) for hit in Answer.model_validate(answer).hits]


def test_words_are_found_without_a_model(searches: Searches) -> None:
    """Where the model is not on the disk, words alone are compared, and the answer says so."""
    answer = Answer.model_validate(searches(a_question("how do I check a token?")))

    best = answer.hits[0]
    assert (best.path, best.symbol, best.kind, best.start, best.end) == ("src/auth.py", "check_token", "function", 1, 2)
    assert (best.snippet, best.snippet_start) == ("def check_token(token):\n    return token in KNOWN", 1)
    assert answer.model is None
    assert answer.degraded in {"model_loading", "model_missing"}
    assert set(answer.timings) == {"index", "embed", "rank"}
    assert Answer.model_validate(searches(a_question("check"))).degraded == "model_missing"


def test_several_repositories_are_ranked_together(searches: Searches) -> None:
    """One question goes through all the text that it names, each hit with its own repository."""
    answer = searches(a_question("check_token", a_target(), a_target("zoo")))

    assert set(found(answer)[:2]) == {("acme", "check_token"), ("zoo", "check_token")}


def test_filters_hold(searches: Searches) -> None:
    """What does not begin with the path is not found."""
    answer = searches(a_question("def name", filters=Filters(path="src/web/").model_dump()))

    assert found(answer) == [("acme", "render_page")]


def test_a_path_that_is_no_utf8_is_shown_escaped(searches: Searches) -> None:
    """A hit in a file with an odd name travels as JSON."""
    answer = searches(a_question("a file whose name is odd"))

    assert answer["hits"][0]["path"] == "src/na\\xffme.py"


@pytest.mark.parametrize(
    "query",
    [
        "(a+)+$" * 20 + "b",
        "<|im_end|><|image_pad|>",
        "/etc/passwd",
        "http://169.254.169.254/latest/meta-data",
        "data:image/png;base64,AAAA",
        "\0\x1b[2J\u202e",
        "x' OR 1=1 --",
        "😀" * 2000,
        "?",
    ],
    ids=["regex", "control", "path", "url", "data", "nul", "sql", "long", "mark"],
)
def test_hostile_words_are_words(searches: Searches, query: str) -> None:
    """Whatever somebody types is looked for as words, and the same process goes on."""
    searches(a_question())
    pid = searches.pid

    answer = Answer.model_validate(searches(a_question(query=query)))

    assert answer.ranker
    assert searches.pid == pid


@pytest.mark.parametrize(
    "change",
    [{"query": "x" * (1 << 20)}, {"query": "\ud800"}, {"query": ""}, {"targets": []}, {"milliseconds": 0}],
    ids=["megabyte", "surrogate", "empty", "no-target", "no-time"],
)
def test_what_is_no_search_is_refused(start: Start, change: dict[str, object]) -> None:
    """Nothing is started for a body that is not one."""
    searches = start()

    with pytest.raises(InvalidRequest):
        searches({**a_question(), **change})

    assert searches.pid is None


def test_collection_without_a_store(searches: Searches) -> None:
    """Text that should lie here and does not is missed, not taken for text in which nothing is found."""
    with pytest.raises(NotFound, match="does not lie here"):
        searches(a_question("check", a_target(collection="text_other_4_01234567")))


def test_a_store_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A store that fails is a reason to ask another worker, and is tried anew by the next question."""
    place = tmp_path / "lance"
    place.write_text("no folder")
    searches = _searches(place.parent / "lance")
    try:
        with pytest.raises(Unavailable) as caught:
            searches(a_question())
        place.unlink()
        stored_at(place)

        assert type(caught.value) is not NotAnswered
        assert found(searches(a_question()))[0] == ("acme", "check_token")
    finally:
        ended(searches)


def test_text_that_does_not_fit_is_told(start: Start) -> None:
    """Without memory for the text there is no answer, but what to do about it."""
    with pytest.raises(Unavailable, match="PHAROS_MEMORY"):
        start(budget=100)(a_question())


def test_questions_at_once_get_their_own_answers(start: Start) -> None:
    """Many who ask at the same time start one process, and each hears what it asked for."""
    searches = start()
    wanted = ["check_token", "forget", "render_page", "odd"] * 4

    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = list(pool.map(lambda word: searches(a_question(word, limit=1)), wanted))

    assert [found(answer) for answer in answers] == [[("acme", word)] for word in wanted]


@posix
def test_a_frozen_process_keeps_nobody_waiting(start: Start) -> None:
    """Who asks a process that stands still is told at the deadline; the next question has a new one."""
    searches = start(patience=Patience(idle=60.0, silence=0.5))
    searches(a_question(milliseconds=60_000))
    frozen = _process(searches)
    frozen.suspend()
    began = time.monotonic()

    with pytest.raises(NotAnswered):
        searches(a_question(milliseconds=200))

    assert 0.2 <= time.monotonic() - began < 5.0
    frozen.wait(20)
    assert found(searches(a_question()))[0] == ("acme", "check_token")


@posix
def test_more_than_a_pipe_holds_keeps_nobody_waiting(start: Start) -> None:
    """However much is asked of a process that reads nothing, each is told at its deadline."""
    searches = start()
    searches(a_question())
    _process(searches).suspend()
    large = a_question(milliseconds=300, targets=[a_target(repository_id="r" * 4_000).model_dump()] * 50)
    began = time.monotonic()

    def ask(_: int) -> type[PharosError] | None:
        try:
            searches(large)
        except PharosError as error:
            return type(error)
        return None

    with ThreadPoolExecutor(6) as pool:
        told = list(pool.map(ask, range(6)))

    assert told == [NotAnswered] * 6
    assert time.monotonic() - began < 10.0


@posix
def test_a_death_in_mid_question_is_told(start: Start) -> None:
    """Whoever waits for a process that is killed is told at once, and the next question is answered by a new one."""
    searches = start()
    searches(a_question())
    process = _process(searches)
    process.suspend()

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(searches, a_question(milliseconds=60_000))
        eventually(lambda: searches._process is not None and searches._process._owed)
        process.send_signal(signal.SIGKILL)
        error = asked.exception(20)

    assert isinstance(error, NotAnswered)
    assert "ended before" in error.message
    assert found(searches(a_question()))[0] == ("acme", "check_token")
    assert searches.pid not in {None, process.pid}


def test_nobody_asks_for_a_while(start: Start) -> None:
    """A process without questions ends and gives its memory back; the next question has a new one."""
    searches = start(patience=Patience(idle=0.3))
    assert searches.pid is None
    searches(a_question())
    idle = _process(searches)

    idle.wait(20)
    eventually(lambda: searches.pid is None)

    assert found(searches(a_question()))[0] == ("acme", "check_token")


@posix
def test_a_killed_worker_leaves_no_search_behind(vectors: Path) -> None:
    """However the worker ends, its search process ends with it."""
    equipment = an_equipment(vectors, lancedb_path=vectors, text_model=str(vectors / "no-model"))
    told = (equipment.model_dump_json(), json.dumps(a_question()))
    with subprocess.Popen([sys.executable, "-c", _WORKER, *told], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        search = psutil.Process(int(worker.stdout.readline()))
        worker.kill()

    search.wait(20)
    assert not search.is_running()


#: A worker that answers one question and lives on.
_WORKER = """
import json, os, sys, time
from edge_worker.attempt.messages import Equipment
from edge_worker.searching.asked import Searches
searches = Searches(Equipment.model_validate_json(sys.argv[1]), environment=os.environ, gpu_gib=0.0, budget=1 << 26)
searches(json.loads(sys.argv[2]))
print(searches.pid, flush=True)
time.sleep(300)
"""


def _process(searches: Searches) -> psutil.Process:
    assert searches.pid is not None
    return psutil.Process(searches.pid)
