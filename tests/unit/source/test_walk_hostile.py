"""A commit made to be expensive or to break the walk: what stays bounded, and what is left out."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterable, Iterator

import pytest

from edge_worker.source.entry import Entry
from edge_worker.source.walk import Selection, select
from shared.errors import Cancelled

Files = dict[str, bytes]


def entry(path: str, oid: str = "", mode: str = "100644", size: int | None = 10) -> Entry:
    """Return one line of a listing."""
    return Entry(mode=mode, oid=oid or path, size=size, path=path)


def walk(entries: Iterable[Entry], files: Files, asked: list[str] | None = None) -> Selection:
    """Return the selection among ``entries``; the objects that it reads are added to ``asked``."""

    def read(oids: Iterable[str]) -> Iterator[tuple[str, bytes | None]]:
        for oid in oids:
            if asked is not None:
                asked.append(oid)
            yield oid, files.get(oid)

    return select(entries, read, border=lambda: None)


def peak(entries: list[Entry], files: Files) -> int:
    """Return how many bytes a walk takes at most."""
    tracemalloc.start()
    try:
        walk(entries, files)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def left_out(rules: Files, *paths: str) -> set[str]:
    """Return which of ``paths`` the rules leave out."""
    entries = [entry(path, size=len(rules.get(path, b""))) for path in (*rules, *paths)]
    return set(paths) - {file.path for file in walk(entries, rules).files}


def lines(count: int, name: str) -> bytes:
    """Return rules of that many lines that match nothing here."""
    return b"".join(b"%s%05d*.ts\n" % (name.encode(), number) for number in range(count))


def test_the_same_rules_in_many_folders_are_read_once() -> None:
    """One object in 500 folders is one set of rules, applied in each."""
    rules = lines(300, "x") + b"b.py\n"
    folders = [f"d{number}" for number in range(500)]
    entries = [entry(f"{folder}/.gitignore", "rules", size=len(rules)) for folder in folders]
    entries += [entry(f"{folder}/{name}.py") for folder in folders for name in "ab"]
    asked: list[str] = []

    selection = walk(entries, {"rules": rules}, asked)

    assert asked == ["rules"]
    assert selection.skipped["ignored"] == 500
    assert peak(entries, {"rules": rules}) < 10_000_000


def test_different_rules_are_taken_up_to_a_number_of_lines() -> None:
    """Rules beyond 20,000 lines count for nothing, and those of upper folders are the last to go."""
    rules = {f"a{number:02}/b/.gitignore": lines(1999, f"x{number}") + b"a.py\n" for number in range(11)}
    rules["z/.gitignore"] = b"a.py\n"

    out = left_out(rules, "z/a.py", "a08/b/a.py", "a09/b/a.py", "a10/b/a.py")

    assert out == {"z/a.py", "a08/b/a.py"}


def test_a_file_of_rules_above_64_kb_is_not_read() -> None:
    """A larger one counts for nothing, whether or not the listing says its size; one of the limit counts."""
    fits = (b"a.py\n" + b"#" * 64_000)[:64_000]
    files = {"x/.gitignore": fits, "y/.gitignore": fits + b"#", "z/.gitignore": fits + b"#"}
    entries = [entry(path, size=None if path.startswith("z") else len(text)) for path, text in files.items()]
    asked: list[str] = []

    selection = walk([*entries, *(entry(f"{folder}/a.py") for folder in "xyz")], files, asked)

    assert asked == ["x/.gitignore", "z/.gitignore"]
    assert [file.path for file in selection.files] == ["y/a.py", "z/a.py"]


def test_rules_of_installed_code_are_not_read() -> None:
    """What is left out by its folder needs no rules."""
    asked: list[str] = []

    walk([entry("node_modules/a/.gitignore"), entry("a.py")], {}, asked)

    assert asked == []


@pytest.mark.parametrize("rule", [b"*a*a*a*b", b"a" + b"*" * 400 + b"b", b"**/a/**/a/**/a/**/b", b"*?*?*?*?b"])
def test_a_rule_made_to_be_slow_is_not(rule: bytes) -> None:
    """Patterns that take a regular expression minutes or years are answered at once."""
    began = time.perf_counter()

    out = left_out({".gitignore": rule + b"\nx.py\n"}, "a" * 1000 + ".py", "a/" * 99 + "c.py", "x.py")

    assert out == {"x.py"}
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("rule", "name", "out"),
    [
        (b"*a*b*.py", "xaxbx.py", True),
        (b"*a*b*.py", "xbxax.py", False),
        (b"a***b.py", "axb.py", True),
        (b"*_[0-9]*_?*.py", "x_1y_z.py", True),
        (b"*_[0-9]*_?*.py", "x_y_1.py", False),
        (b"*a*a.py", "ba/ca.py", False),
        (b"*ab*b.py", "aabab.py", True),
        (b"*\\**\\*.py", "a*b*.py", True),
    ],
)
def test_rules_with_several_stars_match_as_git_does(rule: bytes, name: str, out: bool) -> None:
    """A star takes the first place that fits, and misses nothing by it."""
    assert left_out({".gitignore": rule + b"\n"}, name) == ({name} if out else set())


def test_a_range_that_goes_backwards_takes_no_other_rule_with_it() -> None:
    """A class of characters that is none counts for nothing."""
    assert left_out({".gitignore": b"[z-a].py\nx.py\n"}, "x.py", "z.py") == {"x.py"}


def test_a_path_that_is_too_long_or_too_deep_is_left_out_alone() -> None:
    """A thousand folders or 1,025 bytes cost that one file; a hundred parts and 1,024 bytes are taken."""
    deepest, longest = "x/" * 99 + "a.py", "é" * 510 + "b.py"
    entries = [entry(".gitignore"), entry(deepest), entry(longest), entry("x/" * 100 + "a.py")]
    entries += [entry("é" * 510 + "bb.py"), entry("x/" * 1000 + "a.py"), entry("y" * 3000, mode="120000")]

    selection = walk(entries, {".gitignore": b"b.py\n"})

    assert {file.path for file in selection.files} == {deepest, longest}
    assert selection.skipped == {"path_too_long": 4, "other_language": 1}
    assert set(selection.index) == {".gitignore", deepest, longest}


def test_folders_that_nobody_shares_cost_no_memory_for_a_link() -> None:
    """One symlink is resolved without a list of all folders."""
    tail = "/ninechars" * 98 + "/f.py"
    entries = [entry(f"{number:04}{tail}", "file") for number in range(500)]
    entries.append(entry("l", mode="120000"))

    selection = walk(entries, {"l": b"0007/ninechars"})

    assert selection.aliases == {"l": "0007/ninechars"}
    assert peak(entries, {"l": b"0007/ninechars"}) < 2_000_000


def test_a_link_to_a_name_that_others_start_with_is_told_from_them() -> None:
    """Neighbours in the order of names are neither the file nor the folder that a link names."""
    entries = [*map(entry, ["lib-x/a.py", "lib.py", "lib/a.py", "src-x/a.py", "src0.py"])]
    links = {"one": b"lib", "two": b"lib.py", "three": b"src", "four": b"./lib/../lib-x/"}

    selection = walk([*entries, *(entry(name, mode="120000") for name in links)], links)

    assert selection.aliases == {"one": "lib", "two": "lib.py", "four": "lib-x"}


def test_a_target_above_four_kilobytes_is_not_read() -> None:
    """No operating system follows a longer one."""
    links = {"fits": b"./" * 2046 + b"a.py", "long": b"./" * 2047 + b"a.py"}
    asked: list[str] = []

    entries = [entry(name, mode="120000", size=len(target)) for name, target in links.items()]
    selection = walk([entry("a.py"), *entries], links, asked)

    assert asked == ["fits"]
    assert selection.aliases == {"fits": "a.py"}
    assert selection.skipped == {"symlink": 2}


@pytest.mark.parametrize("borders", range(1, 8))
def test_a_cancel_is_heard_at_every_thousand_entries(borders: int) -> None:
    """The listing, the links, the rules and the choice each have borders that end the walk."""
    entries = [entry(f"f{number:04}.py") for number in range(1500)]
    entries += [entry(".gitignore"), entry("l", mode="120000")]
    left = iter(range(borders - 1))

    def border() -> None:
        if next(left, None) is None:
            raise Cancelled("cancel_requested", "Cancelled on request.")

    files = {".gitignore": b"x\n", "l": b"f0001.py"}
    with pytest.raises(Cancelled):
        select(entries, lambda oids: ((oid, files.get(oid)) for oid in oids), border=border)
