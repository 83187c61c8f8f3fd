"""The text of an ingest: which files are cut, what a push costs, and where a run that was ended goes on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from handler_twins import TENANT, Home, published, silent
from plane_factories import REPOSITORY_ID

from edge_worker.handlers.base import Outcome, Reporter
from edge_worker.models.embedder import Embedder
from edge_worker.models.presets import resolve
from edge_worker.models.spec import ModelSpec
from shared.errors import Cancelled, ConfigurationError, StoreUnavailable
from shared.stores.passages import Vectors
from shared.textual import PublishedText, Textual
from tests.tiny_models import save_bert

FILES: dict[str, str | None] = {
    "app/retry.py": '"""Trying again."""\n\n\ndef back_off(seconds):\n    return seconds * 2\n',
    "app/session.py": "class Session:\n    def get(self):\n        return 1\n\n    def post(self):\n        return 2\n",
    "README.md": "# Guide\n\n## Install\n\nUse pip.\n",
}


class Counting:
    """A real model that knows what it embedded."""

    def __init__(self, folder: Path) -> None:
        self._embedder = Embedder(resolve(str(folder), 0.0), device="cpu")
        self.texts: list[str] = []

    @property
    def spec(self) -> ModelSpec:
        """The model."""
        return self._embedder.spec

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """Embed."""
        found = self._embedder.documents(texts, progress=progress)
        self.texts += texts
        return found


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a text model of 32 dimensions."""
    return save_bert(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def model(tiny_model: Path) -> Counting:
    """A model that counts."""
    return Counting(tiny_model)


@pytest.fixture
def home(tmp_path: Path, model: Counting) -> Home:
    """A repository without a commit, on a worker that has a text model."""
    made = Home(tmp_path)
    made.model = lambda: model
    return made


def _run(home: Home, *, generation: int = 4, before: Textual | None = None, **payload: Any) -> Outcome:
    """Make the text alone, after ``before`` was published as generation 4."""
    task = home.task(generation=generation, payload=home.payload(**{"content": "text", **payload}))
    if before is not None:
        known = PublishedText(
            commit=before.commit,
            generation=4,
            collection=before.collection,
            parameters=before.parameters,
            vector_store="lancedb",
            node="den",
        )
        task = home.task(
            generation=generation, payload=task.payload, published=published("", parameters={}, text=known)
        )
    return home.ingest()(task, silent()[0])


def _text(outcome: Outcome) -> Textual:
    assert outcome.text is not None
    return outcome.text


def _functions(number: int) -> str:
    """Return five functions, each of which is one chunk."""
    return "\n".join(f"def name_{number}_{one}():\n    return '{'word ' * 150}'\n\n" for one in range(5))


def _seen(home: Home, text: Textual, generation: int) -> dict[str, list[tuple[str, str]]]:
    """Return (symbol, text) of each passage that a generation sees, by path."""
    found: dict[str, list[tuple[str, str]]] = {}
    for batch in home.passages.read(
        text.collection, tenant_id=TENANT, repository_id=REPOSITORY_ID, generation=generation
    ):
        for place, said in zip(batch.places, batch.texts, strict=True):
            found.setdefault(place.path, []).append((place.symbol, said))
    return found


def test_a_commit_becomes_passages_and_names(home: Home) -> None:
    """Sources and documents are cut, written and named; the graph is left alone."""
    commit = home.commit(FILES)

    outcome = _run(home)

    text, seen = _text(outcome), _seen(home, _text(outcome), 4)
    assert outcome.knowledge is None
    assert (text.commit, text.model, text.dimension, text.builds_on) == (commit, "tiny", 32, None)
    assert sorted(seen) == sorted(FILES)
    assert text.passages == sum(map(len, seen.values()))
    assert [(one.symbol, one.start, one.end) for one in text.rows[1].names] == [("back_off", 4, 5)]
    assert {one.symbol for one in text.rows[2].names} == {"Session", "Session.get", "Session.post"}
    assert home.store.points == {}


def test_both_halves_come_from_one_fetch(home: Home) -> None:
    """A job that asks for both has a graph and a text of one commit, and says of each what it came to."""
    commit = home.commit(FILES)

    outcome = _run(home, content="both")

    assert outcome.knowledge is not None
    assert (outcome.knowledge.commit, _text(outcome).commit) == (commit, commit)
    assert outcome.summary["files"] == 2
    assert outcome.summary["text"]["passages"] == _text(outcome).passages
    assert {"fetch", "train", "store", "chunk", "embed", "store_text"} <= outcome.summary["seconds"].keys()


@pytest.mark.parametrize("content", ["text", "both"])
def test_what_is_published_is_not_made_again(home: Home, model: Counting, content: str) -> None:
    """The same commit by the same model is left alone, whatever becomes of the graph; forced, it is made anew."""
    home.commit(FILES)
    first = _text(_run(home))
    embedded = len(model.texts)

    again = _run(home, generation=7, before=first, content=content)
    forced = _run(home, generation=8, before=first, force=True)

    assert again.text is None
    assert (again.knowledge is None) == (content == "text")
    assert _text(forced).stats["written"] == first.passages
    assert len(model.texts) == embedded


def test_a_push_of_one_file_costs_its_chunks(home: Home, model: Counting) -> None:
    """Changed files are cut and embedded, others renewed, and what is gone is not seen any more."""
    home.commit(FILES)
    first = _text(_run(home))
    before = _seen(home, first, 4)
    model.texts.clear()
    home.commit({"app/retry.py": "def give_up():\n    raise TimeoutError\n", "README.md": None})

    text = _text(_run(home, generation=7, before=first))

    after = _seen(home, text, 7)
    assert model.texts == ["give up in app retry\ndef give_up():\n    raise TimeoutError"]
    assert (text.builds_on, sorted(text.without)) == (4, ["README.md", "app/retry.py"])
    assert [row.path for row in text.rows] == ["app/retry.py"]
    assert sorted(after) == ["app/retry.py", "app/session.py"]
    assert after["app/session.py"] == before["app/session.py"]
    assert text.passages == sum(map(len, after.values()))
    assert _seen(home, first, 4) == before


def test_other_parameters_keep_no_passage_and_embed_no_text_twice(home: Home, model: Counting) -> None:
    """Another choice of files is another text; what is the same in both comes from the cache."""
    home.commit({**FILES, "vendor/copied.py": "def copied():\n    return 1\n"})
    first = _text(_run(home))
    model.texts.clear()

    text = _text(_run(home, generation=7, before=first, include=["vendored"]))

    assert (text.builds_on, text.passages) == (None, first.passages + 1)
    assert model.texts == ["copied in vendor copied\ndef copied():\n    return 1"]


def test_a_cancelled_run_goes_on_from_the_cache(home: Home, model: Counting) -> None:
    """A cancel takes effect between two batches; what was embedded by then is not embedded again."""
    home.commit({f"m{number}.py": _functions(number) for number in range(80)})
    told: list[tuple[str, int]] = []
    reporter = Reporter(
        lambda name, done, _: told.append((name, done)),
        lambda: any(name == "embed" and done > 200 for name, done in told),
    )

    with pytest.raises(Cancelled):
        home.ingest()(home.task(generation=4, payload=home.payload(content="text")), reporter)
    cancelled = len(model.texts)
    text = _text(_run(home, generation=7))

    assert text.passages == 400
    assert sum(map(len, _seen(home, text, 7).values())) == 400
    assert (told[-1][0], 0 < cancelled < 400) == ("embed", True)
    assert len(set(model.texts)) == len(model.texts) == 400


@pytest.mark.parametrize(
    ("path", "include", "taken"),
    [
        ("docs/guide.rst", [], True),
        ("LICENSE", [], True),
        ("package-lock.txt", [], False),
        ("tests/data/words.txt", [], False),
        ("tests/data/about.md", [], True),
        ("node_modules/pkg/readme.md", [], False),
        ("vendor/lib/readme.md", [], False),
        ("vendor/lib/readme.md", ["vendored"], True),
        ("proto/x_pb2.py", [], False),
        ("proto/x_pb2.py", ["generated"], True),
        ("table.csv", [], False),
    ],
)
def test_which_files_are_searched(home: Home, path: str, include: list[str], taken: bool) -> None:
    """Sources and prose are, and what a program wrote or others did is not, unless it is asked for."""
    home.commit({"main.py": "def main():\n    return 1\n", path: "words = 'of a file'\n"})

    text = _text(_run(home, include=include))

    assert (path in {row.path for row in text.rows}) is taken


def test_code_that_says_that_it_was_generated_is_set_aside(home: Home) -> None:
    """The head of a file tells, whatever its name is."""
    home.commit({"main.py": "def main():\n    return 1\n", "made.py": "# @generated\ndef made():\n    return 2\n"})

    assert [row.path for row in _text(_run(home)).rows] == ["main.py"]
    assert len(_text(_run(home, generation=7, include=["generated"])).rows) == 2


def test_without_a_model_a_graph_is_made_all_the_same(home: Home) -> None:
    """Text that nobody here can embed is refused before anything is fetched, and structure needs no model."""
    home.commit(FILES)
    home.model = Home.model_missing

    with pytest.raises(ConfigurationError):
        _run(home)

    assert _run(home, content="structure").knowledge is not None


def test_a_repository_without_text_is_published_empty(home: Home) -> None:
    """What has neither sources nor documents has a text of no passages, and is done."""
    home.commit({"image.png": "\0\0"})

    text = _text(_run(home))

    assert (text.passages, text.rows) == (0, ())


def test_a_store_that_lost_a_passage_publishes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can be seen is counted before anything is published."""
    home.commit(FILES)
    whole = home.passages.upsert
    monkeypatch.setattr(home.passages, "upsert", lambda collection, passages: whole(collection, passages[1:]))

    with pytest.raises(StoreUnavailable, match="Nothing was published"):
        _run(home)
