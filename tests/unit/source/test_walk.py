"""Which entries of a commit become sources, which are left out, and what contents say about them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from edge_worker.source.entry import Entry
from edge_worker.source.walk import Selection, content_flags, select

Files = dict[str, bytes]


def reader(files: Files) -> Callable[[Iterable[str]], Iterator[tuple[str, bytes | None]]]:
    """Return a reader over contents whose object names are their paths."""
    return lambda oids: ((oid, files.get(oid)) for oid in oids)


def entry(path: str, mode: str = "100644", size: int | None = 10) -> Entry:
    """Return one line of a listing."""
    return Entry(mode=mode, oid=path, size=size, path=path)


def chosen(entries: Iterable[Entry], files: Files) -> Selection:
    """Return the selection among ``entries`` that nobody cancels."""
    return select(entries, reader(files), border=lambda: None)


def selected(*paths: str) -> Selection:
    """Return the selection of a commit with these regular files."""
    return chosen(map(entry, paths), {})


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("a.py", "python"),
        ("a.pyi", "python"),
        ("a.js", "javascript"),
        ("a.jsx", "javascript"),
        ("a.mjs", "javascript"),
        ("a.cjs", "javascript"),
        ("a.ts", "typescript"),
        ("a.d.ts", "typescript"),
        ("a.mts", "typescript"),
        ("a.cts", "typescript"),
        ("a.tsx", "tsx"),
        ("A.PY", "python"),
    ],
)
def test_a_language_follows_from_the_suffix(path: str, language: str) -> None:
    """Each suffix of the supported languages makes a source of that language."""
    (source,) = selected(path).files

    assert source.language == language


@pytest.mark.parametrize("path", ["README.md", "Makefile", "a.txt", "py", ".py", "package.json"])
def test_other_files_are_known_but_no_sources(path: str) -> None:
    """A file of another kind is in the index, for the resolver, and not among the sources."""
    selection = selected(path)

    assert not selection.files
    assert list(selection.index) == [path]
    assert selection.skipped == {"other_language": 1}


@pytest.mark.parametrize(
    "folder",
    [".git", "node_modules", ".venv", "venv", "site-packages", "__pycache__", ".tox", ".nox", "bower_components"],
)
def test_installed_code_is_left_out_at_any_depth(folder: str) -> None:
    """What a package manager put there is no source, yet an import may be found to lead to it."""
    selection = selected(f"x/{folder}/y/a.py", f"{folder}.py")

    assert [file.path for file in selection.files] == [f"{folder}.py"]
    assert selection.skipped == {"excluded_directory": 1}
    assert f"x/{folder}/y/a.py" in selection.index


@pytest.mark.parametrize("folder", ["vendor", "third_party", "build"])
def test_vendored_code_is_kept_and_flagged(folder: str) -> None:
    """A copied library stays in the graph and says what it is."""
    (file,) = selected(f"{folder}/lib/a.py").files

    assert file.flags == {"vendored"}
    assert file.parsed


@pytest.mark.parametrize(
    ("path", "flag"),
    [
        ("a.min.js", "minified"),
        (".yarn/releases/yarn-4.cjs", "minified"),
        ("x/.yarn/releases/yarn.js", "minified"),
        ("api_pb2.py", "generated"),
        ("api_pb2_grpc.pyi", "generated"),
        ("schema.generated.ts", "generated"),
    ],
)
def test_a_name_can_flag_a_file(path: str, flag: str) -> None:
    """Names that tools give to their output flag it."""
    (file,) = selected(path).files

    assert file.flags == {flag}
    assert file.parsed == (flag == "generated")


def test_a_file_that_was_not_fetched_is_a_node_that_is_not_parsed() -> None:
    """A blob above the size limit keeps its place in the graph."""
    (file,) = chosen([entry("big.py", size=None)], {}).files

    assert file.flags == {"too_large"}
    assert not file.parsed


def test_submodules_are_left_out_and_counted() -> None:
    """Another repository inside this one is not followed."""
    selection = chosen([entry("sub", mode="160000", size=None), entry("a.py")], {})

    assert [file.path for file in selection.files] == ["a.py"]
    assert selection.skipped == {"submodule": 1}


def aliases(paths: Iterable[str], **links: str) -> dict[str, str]:
    """Return the aliases of a commit with these files and symlinks ('__' stands for '/')."""
    targets = {name.replace("__", "/"): target.encode() for name, target in links.items()}
    entries = [*map(entry, paths), *(entry(name, mode="120000") for name in targets)]
    return dict(chosen(entries, targets).aliases)


def test_a_symlink_is_an_alias_and_no_file() -> None:
    """Links to files, to folders, over other links and through linked folders end at the real path."""
    found = aliases(
        ["src/a.py", "src/deep/b.py"],
        one="src/a.py",
        lib__up="../src/a.py",
        dir="src",
        two="one",
        three="dir/deep/b.py",
    )

    assert found == {"one": "src/a.py", "lib/up": "src/a.py", "dir": "src", "two": "src/a.py", "three": "src/deep/b.py"}


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "..", ".", "absent.py", "self", "a\0b", ""])
def test_a_symlink_that_leads_nowhere_inside_is_no_alias(target: str) -> None:
    """A link out of the repository, to nothing or to itself is dropped."""
    assert aliases(["a.py"], self=target) == {}


def test_links_in_a_circle_or_over_more_than_eight_others_are_no_aliases() -> None:
    """Following links ends."""
    chain = {f"l{number}": f"l{number + 1}" for number in range(12)} | {"l12": "a.py"}

    found = aliases(["a.py"], x="y", y="x", **chain)

    assert set(found) == {f"l{number}" for number in range(5, 13)}


def ignored(rules: Files, *paths: str) -> set[str]:
    """Return which of ``paths`` the rules leave out."""
    entries = [entry(path) for path in (*rules, *paths)]
    kept = {file.path for file in chosen(entries, rules).files}
    return set(paths) - kept


def test_files_tracked_although_ignored_are_left_out() -> None:
    """Patterns, negations and folders of a .gitignore work as git's."""
    rules = {".gitignore": b"# c\n*.gen.py\n!keep.gen.py\n/dist/\nout/*\n!out/a.py\n"}

    left_out = ignored(
        rules, "a.py", "x.gen.py", "sub/y.gen.py", "keep.gen.py", "dist/a.py", "sub/dist/a.py", "out/a.py", "out/b.py"
    )

    assert left_out == {"x.gen.py", "sub/y.gen.py", "dist/a.py", "out/b.py"}


def test_the_nearest_rules_decide_but_cannot_open_a_closed_folder() -> None:
    """A nested .gitignore overrules those above it, unless the folder itself is ignored."""
    rules = {
        ".gitignore": b"*.gen.ts\nclosed/\n",
        "open/.gitignore": b"!b.gen.ts\nlocal.ts\n",
        "closed/.gitignore": b"!c.ts\n",
    }

    left_out = ignored(rules, "b.gen.ts", "open/b.gen.ts", "open/x/local.ts", "local.ts", "closed/c.ts")

    assert left_out == {"b.gen.ts", "open/x/local.ts", "closed/c.ts"}


def test_rules_that_are_wrong_or_made_to_be_slow_count_for_nothing() -> None:
    """One bad line takes neither the run nor the other lines with it."""
    rules = {".gitignore": b"!\n" + b"*a" * 30 + b"b\n\xff\xfe\nx.py\n"}

    left_out = ignored(rules, "a" * 200 + ".py", "x.py")

    assert left_out == {"x.py"}


@pytest.mark.parametrize(
    ("data", "flags"),
    [
        (b"", set()),
        (b"import os\n", set()),
        (b"import\0os\n", {"binary"}),
        (b"x" * 400 + b"\n" + b"y\n" * 5000 + b"\0", set()),
        (b"\xff\xfei\0m\0p\0", set()),
        (b"\xfe\xff\0i\0m\0p", set()),
        (b"\0\0\xfe\xff\0\0\0i", set()),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:aa\n", {"lfs"}),
        (b"// @generated by tool\nexport {}\n", {"generated"}),
        (b"# Code generated by protoc. DO NOT EDIT.\n", {"generated"}),
        (b"x" * 501 + b"\n", set()),
        ((b"x" * 501 + b"\n") * 40, {"minified"}),
        (b"x\n" * 5000 + b"y" * 20_001, {"minified"}),
        (b"x\n" * 5000 + b"y" * 20_000, set()),
        (None, {"too_large"}),
    ],
)
def test_contents_flag_what_is_not_worth_parsing(data: bytes | None, flags: set[str]) -> None:
    """Binary, minified and LFS contents are told from text, UTF-16 and UTF-32 included."""
    assert content_flags(data) == flags
