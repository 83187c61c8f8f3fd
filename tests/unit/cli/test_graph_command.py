"""``pharos graph``: what it prints in each form, what it leaves out, and how it says no."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_worker.source.parse import statement
from edge_worker.source.resolve import base
from pharos.cli.graph import run
from pharos.names import shown
from tests.unit.cli.conftest import Pharos

CHECKOUT = Path(__file__).resolve().parents[3]
FILES = {
    "pkg/__init__.py": "",
    "pkg/a.py": "from pkg import b\nif True:\n    import pkg.c\nimport pkg.gone\n",
    "pkg/b.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg import c\n",
    "pkg/c.py": "import os\n",
    "web/x.ts": "import data from './data.json'\nimport './x.css'\nexport * from './y'\n",
    "web/y.ts": "",
    "web/data.json": "{}",
    "web/x.css": "",
}
PAIRS = [
    ("pkg/a.py", "pkg/b.py"),
    ("pkg/a.py", "pkg/c.py"),
    ("pkg/b.py", "pkg/c.py"),
    ("web/x.ts", "web/data.json"),
    ("web/x.ts", "web/y.ts"),
]

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small folder without git."""
    top = tmp_path / "shop"
    for name, text in FILES.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_text(text)
    return top


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Command:
    """Run the command here, with a cache of its own; return its exit code and what it wrote."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def call(*arguments: str) -> tuple[int, str, str]:
        code = run(arguments)
        return code, *capfd.readouterr()

    return call


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder."""
    who = ("-c", "user.name=x", "-c", "user.email=x@y.z", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def committed(folder: Path) -> Path:
    """Make a folder a repository with one commit."""
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")
    return folder


def pairs(text: str) -> list[tuple[str, ...]]:
    """Return the pairs of a listing."""
    return [tuple(line.split("\t")) for line in text.splitlines()]


def test_pairs_come_out_sorted(command: Command, folder: Path) -> None:
    """One pair a line, in order, with JSON targets and without style sheets."""
    code, out, err = command(str(folder))

    assert (code, err) == (0, "")
    assert pairs(out) == PAIRS


def test_json_tells_kinds_line_and_confidence(command: Command, folder: Path) -> None:
    """One object a line: the pair, the kinds of its imports, the first line, and how sure it is."""
    _, out, _ = command(str(folder), "--format", "json")

    rows = [json.loads(line) for line in out.splitlines()]
    assert [(row["src"], row["dst"]) for row in rows] == PAIRS
    assert rows[1] == {
        "src": "pkg/a.py",
        "dst": "pkg/c.py",
        "kinds": ["conditional", "runtime"],
        "line": 3,
        "confidence": 1.0,
    }
    assert command(str(folder), "--json")[1] == out


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_reads_the_dot_form(command: Command, folder: Path) -> None:
    """Graphviz finds each edge in it, also of names with quotes and backslashes."""
    (folder / 'quote"\\.py').write_text("import pkg.a\n")
    _, out, _ = command(str(folder), "--format", "dot")

    drawn = subprocess.run(["dot", "-Tplain"], input=out.encode(), capture_output=True, check=True).stdout
    assert drawn.count(b"\nedge ") == len(PAIRS) + 1


def test_dot_form(command: Command, folder: Path) -> None:
    """Every name is quoted; quotes and backslashes in it are escaped."""
    (folder / 'quote"\\.py').write_text("import pkg.a\n")

    _, out, _ = command(str(folder), "--format", "dot")

    assert out.startswith("digraph imports {\n")
    assert out.endswith("}\n")
    assert '  "pkg/a.py" -> "pkg/b.py";\n' in out
    assert '  "quote\\"\\\\\\\\.py" -> "pkg/a.py";\n' in out


def test_all_kinds_add_the_optional_ones(command: Command, folder: Path) -> None:
    """``--kinds all`` adds assets; named kinds leave the others out."""
    everything = pairs(command(str(folder), "--kinds", "all")[1])

    assert ("web/x.ts", "web/x.css") in everything
    assert set(PAIRS) < set(everything)
    assert pairs(command(str(folder), "--kinds", "type-only, re-export")[1]) == [PAIRS[2], PAIRS[4]]
    assert pairs(command(str(folder), "--kinds", "asset")[1]) == [("web/x.ts", "web/x.css")]


@pytest.mark.parametrize("kinds", ["runtme", "runtime,runtme", "", "all,runtime"])
def test_a_word_that_is_no_kind_is_refused(command: Command, folder: Path, kinds: str) -> None:
    """A misspelt kind ends with exit code 2 and names every kind that there is, in this folder or not."""
    code, out, err = command(str(folder), "--kinds", kinds)

    assert (code, out) == (2, "")
    assert "asset, built, case-fallback, conditional, dynamic-literal, mentioned, nested, package-init" in err


@pytest.mark.parametrize("kinds", ["mentioned", "built, qualified"])
def test_a_kind_that_is_not_there_has_no_edges(command: Command, folder: Path, kinds: str) -> None:
    """A kind that no import of this folder has is an answer, and an empty one."""
    assert command(str(folder), "--kinds", kinds) == (0, "", "")


def test_every_kind_can_be_asked_for() -> None:
    """Each word that extraction and resolution give to an edge is one that ``--kinds`` knows."""
    words = {
        value
        for room in (statement, base)
        for name, value in vars(room).items()
        if name.isupper() and isinstance(value, str)
    }

    assert words == base.KINDS


def test_what_was_not_understood_is_listed(command: Command, folder: Path) -> None:
    """``--unresolved`` lists the file, the line and the name that leads nowhere, and no name from elsewhere."""
    assert pairs(command(str(folder), "--unresolved")[1]) == [("pkg/a.py", "4", "pkg.gone")]
    _, out, _ = command(str(folder), "--unresolved", "--json")
    assert json.loads(out) == {"path": "pkg/a.py", "line": 4, "module": "pkg.gone"}


@pytest.mark.parametrize("more", [("--format", "dot"), ("--kinds", "all")])
def test_unresolved_has_no_edges_to_choose_from(command: Command, folder: Path, more: tuple[str, ...]) -> None:
    """``--unresolved`` with a choice of edges is refused."""
    assert command(str(folder), "--unresolved", *more)[0] == 2


def test_a_work_tree_is_read_as_it_lies_there(command: Command, folder: Path) -> None:
    """Changed and untracked files count as they are on disk, ignored and deleted ones do not."""
    (folder / ".gitignore").write_text("scratch/\n*.tmp.py\n")
    committed(folder)
    (folder / "pkg/a.py").write_text("import pkg.c\n")
    (folder / "new.py").write_text("import pkg.a\n")
    (folder / "scratch").mkdir()
    (folder / "scratch/x.py").write_text("import pkg.a\n")
    (folder / "x.tmp.py").write_text("import pkg.a\n")
    (folder / "web/y.ts").unlink()

    for _ in range(2):  # the second time from the cache
        assert pairs(command(str(folder))[1]) == [("new.py", "pkg/a.py"), PAIRS[1], PAIRS[2], PAIRS[3]]


def test_a_cache_that_cannot_be_used_is_told(
    command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without a place for its cache the answer is the same, and standard error says why it takes longer."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))

    code, out, err = command(str(folder))

    assert code == 0
    assert pairs(out) == PAIRS
    assert "cannot be used" in err


def test_who_has_no_home_has_no_cache(command: Command, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home and without a place named for caches the answer is the same."""

    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", homeless)

    code, out, err = command(str(folder))

    assert (code, pairs(out), err) == (0, PAIRS, "")


def test_a_ref_and_a_bare_repository_show_a_commit(command: Command, folder: Path, tmp_path: Path) -> None:
    """A branch, a tag and a commit are read whatever lies on disk; a bare repository is read at HEAD."""
    committed(folder)
    git(folder, "tag", "v1")
    (folder / "pkg/a.py").write_text("")
    git(folder, "commit", "--quiet", "--all", "--message=y")
    git(folder, "clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    first = subprocess.run(["git", "rev-parse", "v1"], cwd=folder, capture_output=True, check=True, text=True).stdout

    assert pairs(command(str(folder), "--ref", "v1")[1]) == PAIRS
    assert pairs(command(str(folder), "--ref", first[:10])[1]) == PAIRS
    assert pairs(command(str(folder), "--ref", "main")[1]) == PAIRS[2:]
    assert pairs(command(str(tmp_path / "bare.git"))[1]) == PAIRS[2:]
    assert pairs(command(str(tmp_path / "bare.git"), "--ref", "v1")[1]) == PAIRS


def test_a_folder_of_a_repository_is_a_world_of_its_own(command: Command, folder: Path) -> None:
    """Named by itself, a folder shows the files below it, by their paths from there; at a ref too."""
    committed(folder)
    below = [("x.ts", "data.json"), ("x.ts", "y.ts")]

    assert pairs(command(str(folder / "web"))[1]) == below
    assert pairs(command(str(folder / "web"), "--ref", "HEAD")[1]) == below


def test_an_ignored_folder_can_be_asked_for(command: Command, folder: Path, tmp_path: Path) -> None:
    """A folder that the repository around it ignores is read when it is named."""
    committed(folder)
    (folder / ".gitignore").write_text("build/\n")
    shutil.copytree(folder / "web", folder / "build" / "web")

    assert pairs(command(str(folder / "build" / "web"))[1]) == [("x.ts", "data.json"), ("x.ts", "y.ts")]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["gone"], 4, "There is no folder"),
        (["shop/web/y.ts"], 2, "is a file"),
        (["nothing"], 1, "no source file"),
        (["shop", "--ref", "v1"], 2, "not in a git repository"),
        (["repository", "--ref", "v2"], 4, "no branch, tag or commit v2"),
        (["repository", "--ref=--all"], 4, "no branch, tag or commit --all"),
        (["fresh.git"], 4, "no commit yet"),
    ],
)
def test_refusals(command: Command, folder: Path, tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    """Each way not to find anything has one line and an exit code."""
    (tmp_path / "nothing").mkdir()
    committed(Path(shutil.copytree(folder, tmp_path / "repository")))
    git(tmp_path, "init", "--quiet", "--bare", "fresh.git")

    found, out, err = command(str(tmp_path / arguments[0]), *arguments[1:])

    assert (found, out) == (code, "")
    assert said in err
    assert err.startswith("pharos: ")
    assert err.count("\n") == 1


def test_who_stops_reading_sees_no_trace(folder: Path, tmp_path: Path) -> None:
    """A reader that goes away after the first line ends the command quietly, with exit code 0."""
    # Far more than a pipe holds.
    names = [f"m{number}_{'long_' * 40}" for number in range(1_500)]
    for name in names:
        (folder / f"pkg/{name}.py").touch()
    (folder / "all.py").write_text("".join(f"import pkg.{name}\n" for name in names))
    process = subprocess.Popen(
        [sys.executable, "-m", "pharos", "graph", str(folder)],
        cwd=CHECKOUT,
        env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None

    process.stdout.readline()
    process.stdout.close()

    assert process.stderr.read() == b""
    assert process.wait() == 0
    process.stderr.close()


def test_it_is_one_of_the_commands(pharos: Pharos, folder: Path) -> None:
    """The list of commands names it, and it can be run from there."""
    assert "Print which file imports which" in pharos("--help").stdout
    assert pairs(pharos("graph", str(folder)).stdout) == PAIRS
    assert "--unresolved" in pharos("graph", "--help").stdout


def test_it_loads_next_to_nothing(folder: Path, tmp_path: Path) -> None:
    """Neither the command line's framework nor any library of the houses is loaded for a folder of plain files."""
    report = "import sys; print(*sorted({m.partition('.')[0] for m in sys.modules}), file=sys.stderr)"
    program = f"import atexit; atexit.register(lambda: exec({report!r})); from pharos.__main__ import main; main()"

    done = subprocess.run(
        [sys.executable, "-c", program, "graph", str(folder)],
        cwd=CHECKOUT,
        env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=True,
    )

    heavy = {"torch", "numpy", "typer", "rich", "pydantic", "structlog", "httpx2", "git", "pathspec", "psutil"}
    assert set(done.stderr.split()) & (heavy | {"tree_sitter", "cloud_api", "asyncio"}) == set()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("a b/ü.py", "a b/ü.py"),
        ("a\tb", r"a\tb"),
        ("a\nb\rc", r"a\nb\rc"),
        ("a\\tb", r"a\\tb"),
        ("\x1b[0m\x7f", r"\x1b[0m\x7f"),
        ("\x85", r"\u0085"),
        ("\u202e", r"\u202e"),
        (os.fsdecode(b"\xff\x80"), r"\xff\x80"),
    ],
)
def test_names_are_shown_on_one_line(name: str, written: str) -> None:
    """No two names are shown alike, and none breaks a line or drives a terminal."""
    assert shown(name) == written
    shown(name).encode("utf-8")
