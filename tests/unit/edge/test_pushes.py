"""After a push: what changed is written, what did not change stays, and what cannot be told is done anew."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from handler_twins import COLLECTION, TENANT, Home, published, silent
from plane_factories import REPOSITORY_ID

from edge_worker.handlers.base import Outcome
from edge_worker.handlers.training import Tag, TrainingStates
from edge_worker.handlers.vectors import COLLECTIONS, discard_below
from shared.errors import Permanent

TAG = Tag(tenant_id=TENANT, repository_id=REPOSITORY_ID, collection=COLLECTION, generation=4)


def _package(count: int = 60) -> dict[str, str | None]:
    """Return a package of three rings: each file imports the next two of its ring."""
    files: dict[str, str | None] = {"pkg/__init__.py": ""}
    for number in range(count):
        ring, place = number % 3, number // 3
        size = count // 3
        near = [3 * ((place + step) % size) + ring for step in (1, 2)]
        files[f"pkg/m{number}.py"] = "".join(f"from pkg.m{other} import x\n" for other in near)
    return files


def _first(home: Home, files: dict[str, str | None] | None = None, **payload: Any) -> str:
    """Index a first commit as generation 4; return the commit."""
    commit = home.commit(_package() if files is None else files)
    home.ingest()(home.task(generation=4, payload=home.payload(**payload)), silent()[0])
    return commit


def _push(home: Home, commit: str, generation: int = 7, **changes: Any) -> Outcome:
    """Index what was pushed since ``commit`` was published."""
    known = published(commit, **changes.pop("known", {}))
    payload = home.payload(**changes)
    return home.ingest()(home.task(generation=generation, published=known, payload=payload), silent()[0])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """A repository without a commit."""
    return Home(tmp_path)


def test_a_small_push_writes_what_moved(home: Home) -> None:
    """One new import: few vectors are written, all others are those that were published."""
    commit = _first(home)
    before = home.store.seen(4)
    home.commit({"pkg/m7.py": "from pkg.m10 import x\nfrom pkg.m13 import x\nfrom pkg.m8 import x\n"})

    outcome = _push(home, commit)

    vectors, after = outcome.summary["vectors"], home.store.seen(7)
    assert vectors["way"] == "update"
    assert 0 < vectors["written"] < 20
    assert vectors["written"] + vectors["kept"] == len(after) == 61
    stayed = [path for path, point in after.items() if point.generation == 4]
    assert len(stayed) == vectors["kept"]
    assert all(after[path].vector == before[path].vector for path in stayed)
    assert after["pkg/m7.py"].generation == 7
    assert home.store.seen(4) == before


def test_what_is_published_is_what_is_stored(home: Home) -> None:
    """The nearest few of a pushed commit are told of every file, moved or not."""
    commit = _first(home)
    home.commit({"pkg/new.py": "from pkg.m1 import x\n"})

    outcome = _push(home, commit)

    assert outcome.knowledge is not None
    assert {file.path for file in outcome.knowledge.files} == set(home.store.seen(7))
    assert all(file.isolated or len(file.similar) == 10 for file in outcome.knowledge.files)


def test_a_push_without_a_new_import_writes_nothing(home: Home) -> None:
    """Code that changes no import moves no vector."""
    commit = _first(home)
    home.commit({"pkg/m7.py": str(_package()["pkg/m7.py"]) + "VALUE = 2\n"})

    outcome = _push(home, commit)

    assert (outcome.summary["vectors"]["written"], outcome.summary["vectors"]["kept"]) == (0, 61)
    assert len(home.store.seen(7)) == 61


def test_files_come_go_and_are_renamed(home: Home) -> None:
    """A new path is written, an old one is not seen any more; a renamed file is a new path."""
    commit = _first(home)
    home.commit({"pkg/m59.py": None, "pkg/come.py": "from pkg.m1 import x\n", "pkg/__init__.py": None})

    outcome = _push(home, commit)

    after = home.store.seen(7)
    assert outcome.summary["vectors"]["way"] == "update"
    assert {"pkg/m59.py", "pkg/__init__.py"}.isdisjoint(after)
    assert after["pkg/come.py"].generation == 7
    assert len(after) == 60


def test_push_after_push_goes_on_from_the_last(home: Home) -> None:
    """Each push builds on the generation before it, and a kept vector may be as old as the first."""
    commit = _first(home)
    second = home.commit({"pkg/a.py": "from pkg.m1 import x\n"})
    _push(home, commit)
    home.commit({"pkg/b.py": "from pkg.m40 import x\n"})

    outcome = _push(home, second, generation=9, known={"generation": 7})

    after = home.store.seen(9)
    assert outcome.summary["vectors"]["way"] == "update"
    assert {point.generation for point in after.values()} == {4, 7, 9}
    assert len(after) == 63


def test_a_failed_attempt_leaves_the_next_one_its_state(home: Home) -> None:
    """Whatever an attempt wrote that was never published, the next one goes on from what is."""
    commit = _first(home)
    home.commit({"pkg/a.py": "from pkg.m1 import x\n"})
    _push(home, commit, generation=6)

    outcome = _push(home, commit, generation=7)

    assert outcome.summary["vectors"]["way"] == "update"
    assert set(home.store.seen(4)) | {"pkg/a.py"} == set(home.store.seen(7))
    assert {point.generation for point in home.store.seen(7).values()} == {4, 7}


def test_a_large_push_is_done_anew(home: Home) -> None:
    """Where most of the graph changed, everything is trained and written again."""
    commit = _first(home)
    home.commit({f"pkg/m{number}.py": f"from pkg.m{(number * 7 + 5) % 60} import x\n" for number in range(60)})

    outcome = _push(home, commit)

    assert (outcome.summary["vectors"]["way"], outcome.summary["vectors"]["written"]) == ("fit", 61)
    assert {point.generation for point in home.store.seen(7).values()} == {7}


@pytest.mark.parametrize(
    "changes",
    [
        {"known": {"generation": 3}},
        {"known": {"node": "attic"}},
        {"known": {"removed": True}},
        {"known": {"parameters": {}}},
        {"force": True},
        {"epochs": 2},
        {"preset": "fast"},
        {"include": ["vendored"]},
    ],
    ids=["generation", "node", "removed", "parameters", "force", "epochs", "preset", "include"],
)
def test_what_does_not_go_with_the_state_is_done_anew(home: Home, changes: dict[str, Any]) -> None:
    """Only the state of the very generation that is published, made by the same parameters, is built on."""
    commit = _first(home)
    home.commit({"README.md": "New.\n"})

    outcome = _push(home, commit, **changes)

    assert (outcome.summary["vectors"]["way"], outcome.summary["vectors"]["kept"]) == ("fit", 0)
    assert len(home.store.seen(7)) == 61


@pytest.mark.parametrize("damage", ["gone", "flipped"])
def test_a_state_that_is_of_no_use_costs_a_fit(home: Home, damage: str) -> None:
    """Without what the training left behind, the push is indexed all the same."""
    commit = _first(home)
    (path,) = home.states.folder.rglob("*.state")
    good = path.read_bytes()
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(good[:-99] + bytes([good[-99] ^ 1]) + good[-98:])
    home.commit({"pkg/a.py": ""})

    assert _push(home, commit).summary["vectors"]["way"] == "fit"


@pytest.mark.parametrize("reason", ["training_failed", "gpu_missing"])
def test_an_update_that_fails_costs_a_fit(home: Home, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    """Where going on from a state comes to nothing, everything is trained anew; what has another cause comes out."""
    commit = _first(home)
    home.commit({"pkg/a.py": "from pkg.m1 import x\n"})

    def fails(*_: object, **__: object) -> None:
        raise Permanent(reason, "It did not work.", cause="the vectors grew without bound")

    monkeypatch.setattr("edge_worker.handlers.embedding.update", fails)

    if reason == "training_failed":
        outcome = _push(home, commit)
        assert (outcome.summary["vectors"]["way"], outcome.summary["vectors"]["written"]) == ("fit", 62)
    else:
        with pytest.raises(Permanent):
            _push(home, commit)


def test_vectors_that_are_gone_are_written_again(home: Home) -> None:
    """A store that lost a vector of what is published is not built on."""
    commit = _first(home)
    home.store.points.popitem()
    home.commit({"pkg/a.py": ""})

    outcome = _push(home, commit)

    assert outcome.summary["vectors"]["kept"] == 0
    assert len(home.store.seen(7)) == 62


def test_contents_are_read_once(home: Home) -> None:
    """Of a push only the blobs that are new are read, and the graph is the one that reading all of them gives."""
    commit = _first(home)
    home.commit({"pkg/m7.py": "from pkg.m8 import x\n"})

    outcome = _push(home, commit)
    home.cache.unlink()
    anew = _push(home, commit, generation=8)

    assert (outcome.summary["remembered"], anew.summary["remembered"]) == (60, 0)
    assert outcome.knowledge is not None
    assert anew.knowledge is not None
    assert outcome.knowledge.edges == anew.knowledge.edges
    assert outcome.knowledge.files == anew.knowledge.files


def test_another_method_is_another_collection(home: Home) -> None:
    """Vectors of ProNE lie apart from those of Node2Vec, and go with them when nobody sees them any more."""
    commit = _first(home)
    home.commit({"README.md": "New.\n"})

    outcome = _push(home, commit, method="prone")
    both = len(home.store.points)
    discard_below(home.store, tenant_id=TENANT, repository_id=REPOSITORY_ID, generation=7, keep=7)

    assert outcome.summary["vectors"] == {"way": "fit", "written": 61, "kept": 0, "set_aside": 0}
    assert (both, len(home.store.points)) == (122, 61)
    assert len(home.store.seen(7, COLLECTIONS["prone"])) == 61


_MIXED: dict[str, str | None] = {
    **_package(12),
    "vendor/lib/a.py": "from vendor.lib import b\n",
    "vendor/lib/b.py": "",
    "pkg/api_pb2.py": "from pkg import m1\n",
    "web/app.min.js": "import './other'\n",
    "web/other.js": "export {}\n",
    "pkg/uses.py": "from vendor.lib import a\nfrom pkg import api_pb2\n",
}


def test_what_is_no_handwriting_is_kept_out_of_the_vectors(home: Home) -> None:
    """Vendored, generated and minified files are in the graph, with their flags, and get no vector."""
    home.commit(_MIXED)

    outcome = home.ingest()(home.task(), silent()[0])

    assert outcome.knowledge is not None
    files = {file.path: file for file in outcome.knowledge.files}
    aside = {path for path, file in files.items() if file.flags}
    assert aside == {"vendor/lib/a.py", "vendor/lib/b.py", "pkg/api_pb2.py", "web/app.min.js"}
    assert set(home.store.seen(7)) == set(files) - aside
    assert outcome.summary["vectors"]["set_aside"] == 4
    assert all(files[path].similar == () for path in aside)
    assert aside.isdisjoint(
        outcome.knowledge.files[number].path for file in files.values() for number, _ in file.similar
    )
    edges = {
        (outcome.knowledge.files[edge.source].path, outcome.knowledge.files[edge.target].path)
        for edge in outcome.knowledge.edges
    }
    assert {("pkg/uses.py", "vendor/lib/a.py"), ("vendor/lib/a.py", "vendor/lib/b.py")} <= edges


@pytest.mark.parametrize(
    ("include", "more"),
    [
        (["vendored"], {"vendor/lib/a.py", "vendor/lib/b.py"}),
        (["generated", "minified"], {"pkg/api_pb2.py", "web/app.min.js"}),
    ],
    ids=["vendored", "generated and minified"],
)
def test_what_is_set_aside_can_be_asked_for(home: Home, include: list[str], more: set[str]) -> None:
    """Each kind of code that is set aside gets vectors when it is named."""
    home.commit(_MIXED)
    plain = {path for path in _MIXED if path.startswith("pkg/m") or path in {"pkg/__init__.py", "pkg/uses.py"}}

    home.ingest()(home.task(payload=home.payload(include=include)), silent()[0])

    assert set(home.store.seen(7)) == plain | {"web/other.js"} | more


def test_a_repository_of_vendored_code_alone_has_a_graph(home: Home) -> None:
    """Where no file gets a vector, files and edges are published all the same."""
    home.commit({"vendor/a.py": "from vendor import b\n", "vendor/b.py": ""})

    outcome = home.ingest()(home.task(), silent()[0])

    assert outcome.knowledge is not None
    assert (len(outcome.knowledge.files), len(outcome.knowledge.edges)) == (2, 1)
    assert outcome.summary["vectors"] == {"way": "none", "written": 0, "kept": 0, "set_aside": 2}
    assert home.store.points == {}


def test_a_state_is_what_it_was_kept_as(tmp_path: Path) -> None:
    """What is kept comes back byte for byte, for the very vectors that it belongs to and no others."""
    states = TrainingStates(folder=tmp_path)
    states.keep(TAG, b"\0state\n")

    assert states.load(TAG) == b"\0state\n"
    for change in ({"generation": 5}, {"tenant_id": "x"}, {"repository_id": "y"}, {"collection": "z"}):
        assert states.load(Tag(**{**vars(TAG), **change})) is None


@pytest.mark.parametrize("damage", ["cut", "foreign", "empty", "nested", "folder", "renamed"])
def test_a_damaged_state_is_as_good_as_none(tmp_path: Path, damage: str) -> None:
    """Nothing that is on the disk instead of a state is believed or raises."""
    states = TrainingStates(folder=tmp_path)
    states.keep(TAG, b"state" * 1000)
    (path,) = tmp_path.rglob("*.state")
    good = path.read_bytes()
    if damage == "cut":
        path.write_bytes(good[:-1])
    elif damage == "foreign":
        path.write_bytes(b"\xff\xfe\0" * 10_000)
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "nested":
        path.write_bytes(b"[" * 60_000)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.rename(path.with_name(path.name.replace("4.", "9.")))

    assert states.load(TAG) is None
    assert states.load(Tag(**{**vars(TAG), "generation": 9})) is None


def test_states_of_old_generations_go(tmp_path: Path) -> None:
    """Of a repository only the state of the generation to keep is left, and drafts go with the rest."""
    states = TrainingStates(folder=tmp_path)
    for generation in (2, 4, 7):
        states.keep(Tag(**{**vars(TAG), "generation": generation}), b"x")
    (home,) = tmp_path.iterdir()
    (home / "4.structure.99.tmp").write_bytes(b"half")

    states.discard_below(tenant_id=TENANT, repository_id=REPOSITORY_ID, generation=7, keep=7)

    assert [path.name.partition(".")[0] for path in home.iterdir()] == ["7"]


def _aged(states: TrainingStates, tag: Tag, days: float) -> None:
    """Keep a state that was last used so many days ago."""
    states.keep(tag, b"x")
    then = time.time() - days * 24 * 3600
    path = states._path(tag)
    os.utime(path, (then, then))


def test_states_that_nobody_used_for_long_go_with_the_next_one(tmp_path: Path) -> None:
    """A month after its last use a state is deleted, whoever's it is; what was read since then stays."""
    states = TrainingStates(folder=tmp_path)
    gone, read, recent, mine = (Tag(**{**vars(TAG), "repository_id": name}) for name in ("gone", "read", "new", "mine"))
    _aged(states, recent, 29)
    _aged(states, read, 29.9)
    assert states.load(read) == b"x"
    _aged(states, gone, 31)
    left = states._path(gone).with_suffix(".99.tmp")
    left.write_bytes(b"half")
    os.utime(left, (0, 0))

    states.keep(mine, b"x")

    assert states.load(gone) is None
    assert {path.name.partition("@")[2] for path in tmp_path.iterdir()} == {"read", "new", "mine"}
    assert time.time() - states._path(read).stat().st_mtime < 3600


def test_a_disk_that_takes_nothing_costs_no_ingest(tmp_path: Path) -> None:
    """Where a state cannot be kept, none is found later, and nothing raises."""
    (tmp_path / "file").write_text("in the way")
    states = TrainingStates(folder=tmp_path / "file")

    states.keep(TAG, b"x")

    assert states.load(TAG) is None
