"""What is kept of a folder on disk: the last answer, and what each file was read as, for as long as they lie so."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_worker.source.answer import Survey
from edge_worker.source.reader import read
from edge_worker.source.shelf import Shelf
from edge_worker.source.survey import survey

Ask = Callable[[], set[tuple[str, str]]]

FILES = {"a.py": "import b\n", "b.py": "", "c.py": "import a\n", "pyproject.toml": "[project]\nname = 'x'\n"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of three files and a configuration."""
    made = tmp_path / "folder"
    made.mkdir()
    for name, text in FILES.items():
        (made / name).write_text(text)
    return made


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The contents that were parsed."""
    found: list[bytes] = []

    def noted(language: str, source: bytes) -> object:
        found.append(source)
        return read(language, source)

    monkeypatch.setattr("edge_worker.source.readings.read_imports", noted)
    return found


@pytest.fixture
def ask(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Ask for the folder's imports, as if its files had been written long ago."""
    monkeypatch.setattr("edge_worker.source.listing._UNSETTLED", 0)
    return lambda: pairs(survey(folder, cache=tmp_path / "cache" / "imports.sqlite"))


def rewrite(path: Path, text: str) -> None:
    """Write a file at a later tick of the file system's clock than that of its last change."""
    before = path.stat().st_ctime_ns
    while path.stat().st_ctime_ns == before:
        path.write_text(text)


def pairs(found: Survey) -> set[tuple[str, str]]:
    """Return the edges."""
    assert found.trouble is None
    return {(link.source, link.target) for link in found.links}


def test_an_unchanged_folder_is_not_read_again(ask: Ask, parsed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer is the same, kinds and lines and all, and no file is opened for it."""
    first = ask()
    assert len(parsed) == 3
    monkeypatch.delattr("edge_worker.source.listing.WorkTree.get")

    assert ask() == first == {("a.py", "b.py"), ("c.py", "a.py")}


def test_a_change_costs_what_it_changed(ask: Ask, parsed: list[bytes], folder: Path) -> None:
    """Of a folder in which one file is another, that file is parsed and the others are remembered."""
    ask()
    parsed.clear()
    rewrite(folder / "a.py", "import c\n")

    assert ask() == {("a.py", "c.py"), ("c.py", "a.py")}
    assert parsed == [b"import c\n"]


def test_contents_with_the_old_size_and_time_are_read(ask: Ask, folder: Path) -> None:
    """Who sets a file's time back after a change of the same length hides nothing."""
    ask()
    before = (folder / "a.py").stat()
    rewrite(folder / "a.py", "import c\n")
    os.utime(folder / "a.py", ns=(before.st_atime_ns, before.st_mtime_ns))

    assert ask() == {("a.py", "c.py"), ("c.py", "a.py")}


@pytest.mark.parametrize("name", ["d.py", "e.txt"])
def test_a_name_more_or_less_is_another_folder(ask: Ask, folder: Path, name: str) -> None:
    """What comes and goes is seen, whatever it is."""
    (folder / "c.py").write_text("import d\n")
    before = ask()
    (folder / name).write_text("")
    between = ask()
    (folder / name).unlink()

    assert between == before | ({("c.py", "d.py")} if name == "d.py" else set())
    assert ask() == before


def test_a_configuration_that_changed_is_read(ask: Ask, folder: Path) -> None:
    """The answer goes by configuration as well, though no source is another."""
    (folder / "lib").mkdir()
    (folder / "lib" / "d.py").write_text("")
    (folder / "c.py").write_text("import d\n")
    assert ask() == {("a.py", "b.py")}
    (folder / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.pytest.ini_options]\npythonpath = ['lib']\n")

    assert ask() == {("a.py", "b.py"), ("c.py", "lib/d.py")}


def test_what_has_only_just_changed_is_not_kept(folder: Path, tmp_path: Path, parsed: list[bytes]) -> None:
    """A file that may change again without a later time is read every time."""
    for _ in range(2):
        survey(folder, cache=tmp_path / "cache" / "imports.sqlite")

    assert len(parsed) == 6


def test_another_program_makes_its_own_answer(ask: Ask, parsed: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of other code is not given; what files were read as holds by the versions of the languages."""
    ask()
    parsed.clear()
    monkeypatch.setattr("edge_worker.source.answer._program", lambda: "another")
    monkeypatch.delattr("edge_worker.source.answer._survey")

    assert ask() == {("a.py", "b.py"), ("c.py", "a.py")}
    assert parsed == []


def test_names_with_the_signs_of_an_answer_are_told(ask: Ask, folder: Path) -> None:
    """A target whose name has a tab in it comes out the second time as it did the first."""
    (folder / "x.ts").write_text('import "./y\tz.js"\n')
    (folder / "y\tz.js").write_text("")

    assert ask() == ask() == {("a.py", "b.py"), ("c.py", "a.py"), ("x.ts", "y\tz.js")}


@pytest.mark.parametrize("spoil", [lambda old: old[:-9], lambda old: b"", lambda old: old.replace(b"a.py", b"x.py")])
def test_a_damaged_file_is_none(ask: Ask, tmp_path: Path, parsed: list[bytes], spoil: Callable[[bytes], bytes]) -> None:
    """What is not whole is as good as not there, and is put there anew."""
    first = ask()
    kept = sorted((tmp_path / "cache" / "folders").iterdir())
    whole = [path.read_bytes() for path in kept]
    for path in kept:
        path.write_bytes(spoil(path.read_bytes()))
    parsed.clear()

    assert ask() == first
    assert len(parsed) == 3
    assert [path.read_bytes() for path in kept] == whole


def test_a_full_shelf_drops_what_nobody_asked_for_longest(tmp_path: Path) -> None:
    """Of three things where two fit, the one goes that was asked for longest ago."""
    shelf = Shelf(tmp_path / "shelf", most_bytes=250)
    for age, name in enumerate(("first", "second")):
        shelf.put(name, "x" * 90)
        os.utime(tmp_path / "shelf" / name, ns=(age, age))
    assert shelf.get("first") == "x" * 90

    shelf.put("third", "x" * 90)

    assert [shelf.get(name) is None for name in ("first", "second", "third")] == [False, True, False]
    assert shelf.trouble is None


def test_a_place_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    """Where no folder can be, nothing is there, nothing is raised, and the reason is kept."""
    (tmp_path / "file").touch()
    shelf = Shelf(tmp_path / "file" / "shelf")

    shelf.put("name", "value")

    assert shelf.get("name") is None
    assert shelf.trouble is not None
