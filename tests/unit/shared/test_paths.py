"""What a path tells by itself: tests, subjects, words."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.paths import folder_of, is_test, subject_of, words_of


@pytest.mark.parametrize(
    ("paths", "subject"),
    [
        (("src/user_list.py", "tests/test_user_list.py", "UserList.spec.ts", "user-list.test.tsx"), "userlist"),
        (("com/acme/Engine.java", "src/test/java/com/acme/EngineTest.java", "EngineIT.java"), "engine"),
        (("pkg/server.go", "pkg/server_test.go"), "server"),
        (("packages/core/src/index.ts", "core/__init__.py", "core/mod.rs", "core/tests/index.test.ts"), "core"),
        (("lib/api.d.ts", "lib/api.ts", "lib/api.stories.tsx"), "api"),
        (("test_test_api_test.spec.py", "api.mock.d.ts", "ApiTest.test.ts", "tests__api_e2e.js"), "api"),
        (("test.py",), "test"),
        (("Makefile",), "makefile"),
        (("",), ""),
    ],
    ids=["joined", "java", "go", "index", "declared", "dressed", "bare", "plain", "nothing"],
)
def test_file_and_its_tests_have_one_subject(paths: tuple[str, ...], subject: str) -> None:
    """The names that a file and its tests go by in each language come to one subject."""
    assert {subject_of(path) for path in paths} == {subject}


@pytest.mark.parametrize(
    ("path", "test"),
    [
        ("tests/helpers.py", True),
        ("src/__tests__/a.ts", True),
        ("a/test_b.py", True),
        ("b_test.go", True),
        ("b.spec.ts", True),
        ("FooTest.java", True),
        ("conftest.py", True),
        ("e2e/login.ts", True),
        ("src/testimony.py", False),
        ("src/contest.py", False),
        ("latest/a.py", False),
        ("attest.js", False),
        ("src/inspect.py", False),
    ],
)
def test_tests_are_told_by_place_or_name(path: str, test: bool) -> None:
    """Folders and names of tests are known, and words that only contain them are not taken for them."""
    assert is_test(path) == test


def test_words_are_those_that_say_something() -> None:
    """Compound names fall apart, plurals become one, and the words of every path are left out."""
    assert words_of("src/userLists/HTTPServer_v2.spec.ts") == {"user", "list", "http", "server", "v", "2"}


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_path_can_be_asked(path: str) -> None:
    """No path is too odd, and what is kept of it is bounded."""
    assert len(subject_of(path)) <= 100
    assert subject_of(path) == subject_of(path).lower()
    assert path.startswith(folder_of(path))
    assert isinstance(is_test(path), bool)
    assert all(word for word in words_of(path))


@pytest.mark.parametrize("dress", ["test_", "_test", "Test", "spec.", ".d", "index/", "A", "a/", "_", "s"])
def test_long_names_take_no_longer_than_they_are(dress: str) -> None:
    """What a path of the greatest length tells is told in a moment, whatever it is made of."""
    path = (dress * 4_096)[:4_000]
    began = time.process_time()

    for _ in range(20):
        subject_of(path + "x.py")
        words_of(path)
        is_test(path)

    # A look of a millisecond each and much to spare; taking one word off at a time, they took 130.
    assert time.process_time() - began < 0.4
