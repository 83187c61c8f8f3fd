"""Commands about graphs: what is asked, what is shown, and what a checkout's own git says has changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.conftest import Git, Pharos
from tests.unit.cli.recorded_plane import REPOSITORY_ID, RecordedPlane

BASE = f"/api/v1/repositories/{REPOSITORY_ID}"

AN_IMPORT = {"source": "a.py", "target": "b.py", "kinds": ["nested", "runtime"], "line": 3, "confidence": 0.9}
NOTHING: dict[str, Any] = {"commit": "c" * 40, "unknown": [], "breaking": [], "affected": [], "truncated": False}

pytestmark = pytest.mark.usefixtures("indexed")


def _asked(recorded: RecordedPlane) -> list[dict[str, str]]:
    changes: list[dict[str, str]] = recorded.asked[-1].body["changes"]
    return changes


def test_why_shows_each_step(pharos: Pharos, recorded: RecordedPlane) -> None:
    """A path is the file, then each import with its line and what is special about it."""
    recorded.play("GET", f"{BASE}/paths", [{"steps": [AN_IMPORT, {**AN_IMPORT, "source": "b.py", "target": "c.py"}]}])

    result = pharos("why", "acme/api", "./a.py", "c.py")

    assert result.stdout.splitlines() == [
        "a.py",
        "  line 3: imports b.py (nested, 90% sure)",
        "  line 3: imports c.py (nested, 90% sure)",
    ]
    assert recorded.asked[-1].query == {"source": ["a.py"], "target": ["c.py"], "limit": ["3"]}


def test_no_path_is_said(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Nothing goes to standard output when one file does not depend on the other."""
    recorded.play("GET", f"{BASE}/paths", [])

    result = pharos("why", "acme/api", "a.py", "c.py")

    assert (result.exit_code, result.stdout) == (0, "")
    assert "does not depend on" in result.stderr


def test_a_file_that_is_in_no_cycle_does_not_lead_to_itself(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Asked why a file depends on itself, the answer is a cycle, or that it is the same file."""
    recorded.play("GET", f"{BASE}/paths", [])

    result = pharos("why", "acme/api", "a.py", "./a.py")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "That is the same file twice, and a.py is in no import cycle.\n"


@pytest.mark.parametrize(
    ("unlike", "flags", "said"),
    [
        ("isolated", [], "it imports no file of this repository and none imports it."),
        ("among_set_aside", [], "all that it imports and is imported by is generated, minified or vendored"),
        (
            "set_aside",
            ["binary", "generated", "vendored"],
            "generated and vendored code gets no vector unless it is asked for: "
            "pharos submit github.com/acme/api --ref v1 --include generated --include vendored",
        ),
    ],
)
def test_why_nothing_is_like_a_file_is_said(
    unlike: str, flags: list[str], said: str, pharos: Pharos, recorded: RecordedPlane
) -> None:
    """What is set aside is named, with the command that includes it; other files say what they lack."""
    recorded.play("GET", f"{BASE}/similar", {"file": {"path": "a.py", "flags": flags}, "similar": [], "unlike": unlike})

    result = pharos("similar", "acme/api", "a.py")

    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.startswith(f"Nothing is like a.py: {said}")


@pytest.mark.parametrize(("least", "words"), [(1, "no fewer will do"), (0, "at least 0 are needed")])
def test_cycles_show_what_to_give_up(least: int, words: str, pharos: Pharos, recorded: RecordedPlane) -> None:
    """A cycle names its cut, and says whether that is known to be the smallest."""
    cycle = {"number": 0, "size": 2, "files": ["a.py", "b.py"], "cut": [AN_IMPORT], "cut_size": 1, "at_least": least}
    recorded.play("GET", f"{BASE}/cycles", [cycle])

    result = pharos("cycles", "acme/api")

    assert words in result.stdout
    assert "  a.py:3 imports b.py" in result.stdout


def test_lists_end_where_they_are_told_to(pharos: Pharos, recorded: RecordedPlane) -> None:
    """No page more than needed is asked for."""
    recorded.play("GET", f"{BASE}/orphans", [{"path": f"{number}.py"} for number in range(5)], cursor="5")

    result = pharos("orphans", "acme/api", "--limit", "3")

    assert result.stdout == "0.py\n1.py\n2.py\n"


def test_unresolved_imports_stand_as_a_compiler_says_them(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Path, line and name, so that an editor can jump there."""
    recorded.play("GET", f"{BASE}/unresolved", [{"path": "a.py", "line": 7, "module": ".gone"}])

    assert pharos("unresolved", "acme/api").stdout == "a.py:7: .gone\n"


def test_community_and_its_files(pharos: Pharos, recorded: RecordedPlane) -> None:
    """Communities are listed with who leads them; one of them by its files."""
    one = {"number": 0, "size": 2, "inside": 3, "across": 1, "leaders": ["a.py"]}
    recorded.play("GET", f"{BASE}/communities", [one])
    recorded.play("GET", f"{BASE}/communities/0/files", [{"path": "a.py"}, {"path": "b.py"}])

    listed, files = pharos("communities", "acme/api"), pharos("communities", "acme/api", "--files", "0")

    assert listed.stdout.splitlines()[1].split() == ["0", "2", "3", "1", "a.py"]
    assert files.stdout == "a.py\nb.py\n"


def test_central_files_by_importers(pharos: Pharos, recorded: RecordedPlane) -> None:
    """The measure arrives, and the columns are shown."""
    recorded.play("GET", f"{BASE}/central", [{"path": "a.py", "rank": 12.345, "importers": 9, "imports": 1}])

    result = pharos("central", "acme/api", "--by", "importers", "--limit", "5")

    assert result.stdout.splitlines()[1].split() == ["12.3", "9", "1", "a.py"]
    assert recorded.asked[-1].query == {"by": ["importers"], "limit": ["5"]}


def test_impact_of_a_range(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """Git tells what differs, renames and odd names too; the repository is found by the checkout's origin."""
    git("mv", "src/a.py", "src/moved.py")
    git("rm", "--quiet", "src/ü b.py")
    Path("src/new.py").write_text("y = 2\n")
    git("add", "--all")
    git("commit", "--quiet", "--message=second")
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    result = pharos("impact", "HEAD~1..HEAD")

    assert result.exit_code == 0, result.stderr
    assert sorted(_asked(recorded), key=lambda one: one["path"]) == [
        {"path": "src/moved.py", "status": "renamed", "before": "src/a.py"},
        {"path": "src/new.py", "status": "added"},
        {"path": "src/ü b.py", "status": "removed"},
    ]


def test_impact_of_what_is_not_committed(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """Without arguments the work tree counts: what was edited, staged, and never added."""
    Path("src/a.py").write_text("x = 2\n" * 9)
    Path("untracked.py").write_text("z = 3\n")
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    pharos("impact", "--depth", "2")

    assert _asked(recorded) == [
        {"path": "src/a.py", "status": "modified"},
        {"path": "untracked.py", "status": "added"},
    ]
    assert recorded.asked[-1].body["depth"] == 2


def test_impact_of_named_files(
    pharos: Pharos, recorded: RecordedPlane, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files are named from where one stands, or whole; what is not there any more was removed."""
    Path("gone.py").write_text("x = 1\n")
    git("add", "--all")
    git("commit", "--quiet", "--message=second")
    git("rm", "--quiet", "gone.py")
    monkeypatch.chdir("src")
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    pharos("impact", "a.py", "../gone.py", str(Path("ü b.py").absolute()), "--repository", "acme/api")

    assert _asked(recorded) == [
        {"path": "src/a.py", "status": "modified"},
        {"path": "gone.py", "status": "removed"},
        {"path": "src/ü b.py", "status": "modified"},
    ]


def test_impact_of_a_folder(pharos: Pharos, recorded: RecordedPlane, git: Git, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder stands for its sources: those git knows, gone or not, and new ones that no rule names; each once."""
    for name in ("src/deep/b.py", "src/deep/gone.py", "lost/c.py", "other.py"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text("x = 1\n")
    Path(".gitignore").write_text("*_out.py\n")
    git("add", "--all")
    git("commit", "--quiet", "--message=second")
    for name in ("src/deep/new.py", "src/deep/left_out.py", "src/notes.txt"):
        Path(name).write_text("x = 1\n")
    Path("src/deep/gone.py").unlink()
    Path("lost/c.py").unlink()
    Path("lost").rmdir()
    monkeypatch.chdir("src")
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    result = pharos("impact", "deep", "../lost", "deep/b.py", "--repository", "acme/api")

    assert result.exit_code == 0, result.stderr
    assert sorted((one["path"], one["status"]) for one in _asked(recorded)) == [
        ("lost/c.py", "removed"),
        ("src/deep/b.py", "modified"),
        ("src/deep/gone.py", "removed"),
        ("src/deep/new.py", "modified"),
    ]
    pharos("impact", "..", "--repository", "acme/api")
    assert len(_asked(recorded)) == 7


def test_impact_of_a_folder_without_sources(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """A folder in which there is no source is a wrong argument, and nobody is asked."""
    Path("docs").mkdir()
    Path("docs/a.txt").write_text("x")

    result = pharos("impact", "docs")

    assert (result.exit_code, recorded.asked) == (2, [])
    assert "no source file below 'docs'" in result.stderr


def test_nothing_changed_asks_nothing(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """A clean checkout touches nothing, and nobody is asked."""
    result = pharos("impact")

    assert (result.exit_code, result.stderr) == (0, "Nothing changed.\n")
    assert recorded.asked == []


@pytest.mark.parametrize("range_", ["nowhere..HEAD", "--output=x..y"])
def test_unknown_commits_are_refused(range_: str, pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """What git does not know ends as a usage error, also when it looks like an option of git."""
    result = pharos("impact", "--", range_)

    assert result.exit_code == 2
    assert "git says" in result.stderr
    assert recorded.asked == []
    assert not Path("x..y").exists()


def test_outside_of_a_checkout(pharos: Pharos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no checkout that is said, with exit code 2."""
    monkeypatch.chdir(tmp_path)

    result = pharos("impact", "a..b")

    assert result.exit_code == 2
    assert "not a git repository" in result.stderr


def test_impact_of_commits_needs_no_checkout(
    pharos: Pharos, recorded: RecordedPlane, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two whole hashes of a named repository are left to a worker to compare."""
    monkeypatch.chdir(tmp_path)
    recorded.play("POST", f"{BASE}/impact", NOTHING)

    result = pharos("impact", f"{'a' * 40}..{'b' * 40}", "--repository", "acme/api")

    assert result.exit_code == 0
    assert recorded.asked[-1].body == {"base": "a" * 40, "head": "b" * 40, "depth": 3, "limit": 50}


def test_impact_is_told_in_parts(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """Broken imports first, then tests, then files; a runner gets the tests alone, and CI an exit code."""
    broken = {"path": "src/a.py", "status": "renamed", "now": "src/m.py", "importers": [AN_IMPORT], "importer_count": 5}
    affected = [
        {"path": "t.py", "test": True, "score": 2.0, "distance": 1, "reasons": ["imports a changed file"]},
        {"path": "f.py", "test": False, "score": 1.0, "distance": None, "reasons": []},
    ]
    found = {**NOTHING, "unknown": ["README.md"], "breaking": [broken], "affected": affected}
    recorded.play("POST", f"{BASE}/impact", found)

    told, tests = pharos("impact", "src/a.py"), pharos("impact", "src/a.py", "--tests", "--check")

    assert told.exit_code == 0
    assert told.stdout.splitlines()[:3] == [
        "BREAKS  src/a.py is renamed (now src/m.py), and is still imported by",
        "        a.py:3",
        "        and 4 more",
    ]
    assert "was not judged" not in told.stderr
    assert told.stdout.index("t.py") < told.stdout.index("f.py")
    assert "Not in the graph of cccccccccccc: README.md." in told.stderr
    assert (tests.exit_code, tests.stdout) == (1, "t.py\n")


def test_impact_names_the_changed_tests_first(
    pharos: Pharos, recorded: RecordedPlane, git: Git, tmp_path: Path
) -> None:
    """A test that is changed is run before those that it touches; what only lies beside tests is no test."""
    recorded.play("POST", f"{BASE}/impact", {**NOTHING, "affected": []})
    folder = Path.cwd() / "tests"
    folder.mkdir(exist_ok=True)
    (folder / "test_new.py").write_text("")
    (folder / "data.json").write_text("")

    result = pharos("impact", "tests/test_new.py", "tests/data.json", "--tests")

    assert (result.exit_code, result.stdout) == (0, "tests/test_new.py\n")


def test_impact_says_when_not_all_was_judged(pharos: Pharos, recorded: RecordedPlane, git: Git) -> None:
    """An answer out of more candidates than were judged says so, beside what it has."""
    recorded.play("POST", f"{BASE}/impact", {**NOTHING, "truncated": True})

    result = pharos("impact", "src/a.py")

    assert result.exit_code == 0
    assert "was not judged" in result.stderr
