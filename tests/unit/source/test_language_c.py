"""What is included in C, C++ and Objective-C++, and which files that means."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from growth import assert_even, assert_linear
from small_repository import built, edges, graph, targets

from edge_worker.source.languages.registry import language_of
from edge_worker.source.reader import read

PLAIN, CONDITIONAL = ("runtime",), ("runtime", "conditional")


def includes(text: str | bytes) -> list[tuple[str, tuple[str, ...], int]]:
    parsed = read("c", text.encode() if isinstance(text, str) else text)
    return [(item.module, item.kinds, item.line) for item in parsed.imports]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('#include "a.h"', ('"a.h"', PLAIN, 1)),
        ("\n#include <a/b.h>", ("<a/b.h>", PLAIN, 2)),
        ("  #  include\t<a.h>", ("<a.h>", PLAIN, 1)),
        ('#include"a.h" // "b.h"', ('"a.h"', PLAIN, 1)),
        ('/* 1\n2 */ #include "a.h"', ('"a.h"', PLAIN, 2)),
        ('# /* why */ include /* this\n */ "a.h"', ('"a.h"', PLAIN, 1)),
        ('#include \\\n  "a.h"', ('"a.h"', PLAIN, 1)),
        ('#import "a.h"', ('"a.h"', PLAIN, 1)),
        ("#include_next <a.h>", ("<a.h>", PLAIN, 1)),
        ('import "a.h";', ('"a.h"', PLAIN, 1)),
        ("export import <a.h>;", ("<a.h>", PLAIN, 1)),
        ("#include CONFIG", ("CONFIG", PLAIN, 1)),
        ('#define CONFIG "a.h"\n#include CONFIG', ('"a.h"', PLAIN, 2)),
        ('#ifdef A\n#include "a.h"\n#endif', ('"a.h"', CONDITIONAL, 2)),
        ('#ifndef A_H\n#define A_H\n#include "a.h"\n#endif', ('"a.h"', PLAIN, 3)),
        ('// guard\n#if !defined(A_H)\n#define A_H 1\n#include "a.h"\n#endif', ('"a.h"', PLAIN, 4)),
        ('#if 0\n#include "no.h"\n#elif defined(B)\n#include "a.h"\n#endif', ('"a.h"', CONDITIONAL, 4)),
        ('#if (0) // off\n#if A\n#include "no.h"\n#endif\n#else\n#include "a.h"\n#endif', ('"a.h"', PLAIN, 6)),
        ('#if 1\n#include "a.h"\n#else\n#include "no.h"\n#endif', ('"a.h"', PLAIN, 2)),
        ('#error don\'t\n#include "a.h"', ('"a.h"', PLAIN, 2)),
        ("int a = 1'000'000; char b = '\"';\n#include \"a.h\"", ('"a.h"', PLAIN, 2)),
        ('// a \\\n#include "no.h"\n#include "a.h"', ('"a.h"', PLAIN, 3)),
        ('#include "a.h"\r\n', ('"a.h"', PLAIN, 1)),
    ],
)
def test_includes_are_read(text: str, expected: object) -> None:
    """Every form of include is read, with its line, and whether a condition decides on it."""
    assert includes(text) == [expected]


@pytest.mark.parametrize(
    "text",
    [
        '// #include "a.h"',
        '/*\n#include "a.h"\n*/',
        '/*\n#include "a.h"',
        'char *a = "\\\n#include \\"a.h\\"\\n";',
        'auto a = R"x(\n#include "a.h"\n)")x";',
        '#if 0\n#include "a.h"\n#endif',
        '#if FALSE\n#elif 1\n#endif\n#if 1\n#else\n#include "a.h"\n#endif',
        'a #include "a.h"',
        "#include",
        "#includes <a.h>",
        "import a.b;\nexport module c;\n@import UIKit;",
        '#if __has_include("a.h")\n#endif',
        '#define X #include "a.h"',
    ],
)
def test_text_that_includes_nothing(text: str) -> None:
    """Comments, strings, dead branches and modules, which are no files, include nothing."""
    assert includes(text) == []


def test_other_encodings_are_read() -> None:
    """Latin-1 passes as it is, UTF-16 is turned into UTF-8, and bytes that are no text fail."""
    assert includes('/* é */\n#include "a.h"'.encode("latin-1")) == [('"a.h"', PLAIN, 2)]
    assert includes('\ufeff#include "a.h"'.encode("utf-16-le")) == [('"a.h"', PLAIN, 1)]
    assert read("c", b"\x7fELF\0\0\xff#include <a.h>").status == "failed"


@pytest.mark.parametrize(
    "part", [b"#", b'"', b"'", b"/*", b"//\\\n", b'R"(', b"#if A\n", b"#include \\\n", b'import "', b" #", b"# /**/"]
)
def test_hostile_texts_are_read_in_time(part: bytes) -> None:
    """Beginnings without an end are read once, and at most one include is made of them."""

    def work(size: int) -> None:
        parsed = read("cpp", part * (size // len(part)) + b' include import "')
        assert parsed.status == "parsed"
        assert len(parsed.imports) <= 1

    assert_linear(work, 60_000)


@pytest.mark.parametrize(
    ("size", "shape"),
    [
        (4_000, lambda times: b"#if a\n" * 2 * times + b'#include "a"\n' * times),
        (40_000, lambda times: b"#if 0" + b" " * times + b"x\n#include <a>\n"),
        (40_000, lambda times: b"#if !defined" + b" " * times + b"!\n#include <a>\n"),
        (4_000, lambda times: b'#define A "' + b"a" * 400 + b'"\n' + b"#include A\n" * times),
        (8_000, lambda times: b"#define a \\\n" * times + b"#include a\n"),
    ],
    ids=["conditions", "blanks-behind-zero", "blanks-behind-defined", "one-macro", "continued-lines"],
)
def test_work_grows_with_the_text(size: int, shape: Callable[[int], bytes]) -> None:
    """Conditions without an end, blanks and macros cost time and memory in proportion to the text."""
    assert_even("cpp", shape, size)


@pytest.mark.parametrize(
    ("name", "size", "shape"),
    [
        ("a.cmake", 4_000, lambda times: "set(" + "INCLUDE" * times + "(\n"),
        ("a.cmake", 40_000, lambda times: "set(" + " " * times + "("),
        ("a.cmake", 4_000, lambda times: "list(APPEND INCLUDES a" * times),
        ("a.cmake", 4_000, lambda times: "include_directories((a)" * times),
        ("a.cmake", 4_000, lambda times: 'set(A b"' * times),
        ("CMakeLists.txt", 4_000, lambda times: "include_directories(${A" * times + ")"),
        ("Makefile", 20_000, lambda times: "-I$(TOP)/a " * times),
        ("meson.build", 2_000, lambda times: "include_directories('a" * times + ")"),
    ],
    ids=["name", "blanks", "lists", "calls", "sets", "variables", "make", "meson"],
)
def test_work_grows_with_a_build_file(name: str, size: int, shape: Callable[[int], str]) -> None:
    """Names, blanks and calls without an end in a build file cost time in proportion to it."""
    assert_linear(lambda times: targets({name: shape(times), "a/x.h": "", "main.c": "#include <x.h>"}, "main.c"), size)


def test_work_grows_with_files_of_one_name() -> None:
    """A name that many files have and many include costs time in proportion to the files."""

    def resolved(times: int) -> set[str]:
        files = {f"a{number}/b/x.h": "" for number in range(times)}
        files |= {f"c{number}/x.c": '#include "x.h"\n#include "b/x.h"' for number in range(times)}
        return targets(files | {"a1/x.c": '#include "b/x.h"'}, "a1/x.c")

    assert resolved(3) == {"a1/b/x.h"}
    assert_linear(resolved, 500)


@pytest.mark.parametrize(
    ("include", "files", "expected", "confidence"),
    [
        ('"x.h"', {"src/x.h": "", "include/x.h": ""}, "src/x.h", 1.0),
        ('"../lib/x.h"', {"lib/x.h": ""}, "lib/x.h", 1.0),
        ('"..\\lib\\x.h"', {"lib/x.h": ""}, "lib/x.h", 1.0),
        ("<x.h>", {"src/x.h": ""}, None, None),
        ('"x.h"', {"include/x.h": ""}, "include/x.h", 0.9),
        ("<x.h>", {"include/x.h": ""}, "include/x.h", 0.9),
        ('"a/x.h"', {"a/x.h": "", "other/a/x.h": ""}, "a/x.h", 0.9),
        ('"a/x.h"', {"one/a/x.h": ""}, "one/a/x.h", 0.8),
        ('"a/x.h"', {"one/a/x.h": "", "two/a/x.h": ""}, None, None),
        ('"x.h"', {"other/x.h": ""}, "other/x.h", 0.7),
        ('"x.h"', {"vendor/other/x.h": ""}, "vendor/other/x.h", 0.7),
        ('"x.h"', {"examples/other/x.h": ""}, None, None),
        ('"config.h"', {"vendor/other/config.h": ""}, None, None),
        ("<a/x.h>", {"other/include/a/x.h": ""}, "other/include/a/x.h", 0.8),
        ("<a/x.h>", {"other/a/x.h": ""}, None, None),
        ("<string.h>", {"include/string.h": ""}, None, None),
        ("<string.h>", {"include/string.h": "", "Makefile": "CFLAGS = -Iinclude"}, "include/string.h", 1.0),
        ('"x.h"', {"other/in/x.h": "", "other/Makefile": "cc -Iin", "more/x.h": ""}, "other/in/x.h", 0.9),
        ("<x.h>", {"other/in/x.h": "", "other/Makefile": "cc -Iin"}, "other/in/x.h", 0.9),
    ],
)
def test_where_an_include_is_looked_up(
    include: str, files: dict[str, str], expected: str | None, confidence: float | None
) -> None:
    """The compiler's order is certain; enclosing include directories, other projects' and unique paths less so."""
    links = list(built({**files, "src/main.c": f"#include {include}"}).links())

    assert [(link.target, link.confidence) for link in links] == ([(expected, confidence)] if expected else [])


@pytest.mark.parametrize(
    ("build", "text"),
    [
        ("CMakeLists.txt", "include_directories(BEFORE api other)"),
        ("CMakeLists.txt", "include_directories(${CMAKE_CURRENT_SOURCE_DIR}/api) # ${X}"),
        ("CMakeLists.txt", "target_include_directories(main\n PUBLIC $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/api>)"),
        ("src/CMakeLists.txt", 'target_include_directories(main PRIVATE "${CMAKE_CURRENT_LIST_DIR}/../api")'),
        ("cmake/all.cmake", "include_directories(../api)"),
        ("CMakeLists.txt", 'set(MY_INCLUDES "${PROJECT_SOURCE_DIR}/api" ${OTHER_INCLUDES})'),
        ("CMakeLists.txt", "set(my_include_dirs\n  api (x))"),
        ("CMakeLists.txt", "set(A x (y))\nSET ( Include api )"),
        ("CMakeLists.txt", 'set(P "${PROJECT_SOURCE_DIR}/api")\ntarget_include_directories(main PRIVATE ${P})'),
        ("cmake/all.cmake", "list(APPEND MY_INCLUDE_DIRS ../api)"),
        ("Makefile", "CFLAGS += -O2 -I api -DX"),
        ("src/Makefile.am", "AM_CPPFLAGS = -I$(top_srcdir)/api"),
        ("src/Makefile", "a.o:\n\t$(CC) -I$(srcdir)/../api"),
        ("build/rules.mk", "FLAGS = -isystem ../api"),
        ("meson.build", "inc = include_directories('api', is_system: true)"),
    ],
)
def test_build_files_name_include_directories(build: str, text: str) -> None:
    """A literal directory in CMake, make or Meson is where angled and quoted names are found."""
    files = {"Makefile.in": "", build: text, "api/x.h": "", "copy/x.h": "", "src/main.c": "#include <x.h>"}

    assert targets(files, "src/main.c") == {"api/x.h"}


@pytest.mark.parametrize(
    "command",
    [
        {"command": "cc -O2 -I/home/me/work/api -c /home/me/work/src/main.c", "file": "/home/me/work/src/main.c"},
        {"command": 'cc -isystem "/home/me/work/api" -c ../src/main.c', "file": "../src/main.c"},
        {"arguments": ["cc", "-I", "../api", "-c", "main.c"], "file": "../src/main.c"},
    ],
)
def test_compilation_database_of_another_machine(command: dict[str, object]) -> None:
    """Paths of the machine that made the database are mapped to this repository's."""
    database = json.dumps([{"directory": "/home/me/work/build", **command}, {"directory": 1}, None])
    files = {"compile_commands.json": database, "api/x.h": "", "copy/x.h": "", "src/main.c": "#include <x.h>"}

    assert targets(files, "src/main.c") == {"api/x.h"}


@pytest.mark.parametrize("garbage", ["{", "[" * 100_000, "{}", "[1, null, {}]", '[{"directory": "", "file": ""}]'])
def test_garbage_in_a_compilation_database_costs_nobody_an_edge(garbage: str) -> None:
    """A database that cannot be read counts as absent."""
    files = {"compile_commands.json": garbage, "x.h": "", "main.c": '#include "x.h"'}

    assert targets(files, "main.c") == {"x.h"}


def test_garbage_in_build_files_costs_nobody_an_edge() -> None:
    """Calls without an end and directories outside the repository are no include directories."""
    files = {
        "CMakeLists.txt": "include_directories(" * 1000 + "\xff include_directories(../../.. /usr $ENV{X})",
        "Makefile": "-I" * 1000 + " -I../../.. -I/usr/include -I$(X)/y -I.",
        "x.h": "",
        "main.c": "#include <x.h>",
    }

    assert targets(files, "main.c") == {"x.h"}


def test_outcomes_are_counted() -> None:
    """A name of a directory that is here is unresolved, one of a directory that is not is somebody else's."""
    text = "#include <stdio.h>\n#include <zlib.h>\n#include <other/x.h>\n#include <mine/gone.h>\n"
    text += '#include "gtest/gtest.h"\n#include "gone.h"\n#include "mine/gone.h"\n#include MACRO\n#include "x.h"\n'
    whole = graph({"include/mine/a.h": "", "src/x.h": "", "src/main.c": text})

    assert (whole.stats.external, whole.stats.unresolved_local, whole.stats.local) == (4, 4, 1)
    assert [item.module for item in whole.unresolved] == ["<mine/gone.h>", '"gone.h"', '"mine/gone.h"', "MACRO"]


def test_vendored_code_names_nothing_outside_by_a_bare_name() -> None:
    """A header that vendored code lacks is not that of another project, however rare its name."""
    assert edges({"deps/one/a.c": '#include "x.h"', "deps/two/x.h": "", "src/b.c": '#include "x.h"'}) == {
        ("src/b.c", "deps/two/x.h"): PLAIN
    }


def test_name_that_matlab_files_have_is_no_language() -> None:
    """A file named ``.m`` is as often MATLAB's as Objective-C's, so that it is neither."""
    assert language_of("src/a.m") is None


def test_languages_of_the_preprocessor_include_each_other() -> None:
    """C, C++, Objective-C++ and CUDA files share their headers, and a wrapper of the same name is not itself."""
    files = {
        "src/a.mm": '#import "b.hpp"',
        "src/b.hpp": '#include "c.cuh"',
        "src/c.cuh": '#include "d.inl"',
        "src/d.inl": '#include "e.h"',
        "include/e.h": '#include "src/e.h"',
        "src/e.h": "",
    }

    assert all(language_of(path) for path in files)
    assert set(edges(files)) == {
        ("src/a.mm", "src/b.hpp"),
        ("src/b.hpp", "src/c.cuh"),
        ("src/c.cuh", "src/d.inl"),
        ("src/d.inl", "src/e.h"),
        ("include/e.h", "src/e.h"),
    }
