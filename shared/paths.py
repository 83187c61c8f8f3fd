"""What the path of a source file tells by itself: its folder, whether it is a test, what it shares with its tests."""

from __future__ import annotations

import re

_TEST_FOLDER = re.compile(
    r"tests?|__tests?__|specs?|__specs__|e2e|testing|testdata|test_utils|test-utils", re.IGNORECASE
)
_TEST_NAME = re.compile(
    r"^test[_\-.]|^tests?\.|^spec\.|[_\-.](tests?|specs?|e2e|cy)\.|^conftest\.py$|[a-z0-9](Tests?|Spec|IT)\."
)
#: What a name wears besides what it is about, at either end, as often as it wears it.
_BEFORE = re.compile(r"^(?:(?:tests?|spec)[_\-.]+)+", re.IGNORECASE)
_AFTER = re.compile(
    r"(?:(?i:[_\-.](?:tests?|specs?|e2e|cy|stories|story|d|mocks?|types))|(?<=[a-z0-9])(?:Tests?|Spec|IT))+$"
)
#: Names that say nothing: the folder above is what such a file is about.
_NAMELESS = re.compile(r"index|__init__|__main__|mod|main|lib|tests?|specs?|conftest|doc|package-info", re.IGNORECASE)
_NAMELESS_FOLDER = re.compile(_TEST_FOLDER.pattern + "|src|lib|source|main|java|python|js|ts|typescript", re.IGNORECASE)
#: Words of a path that say nothing of what a file is about.
_IDLE = re.compile(
    r"tests?|specs?|src|lib|index|init|main|e2e|go|rs|java|php|rb|pyi?|ipynb|[cm]?[jt]sx?|vue|svelte|astro"
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_JOINER = re.compile(r"[_\-. ]+")
#: Characters of a subject that are kept, and of a name that are looked at: no file system has longer ones.
_MOST = 100
_LONGEST = 255


def parts_of(path: str) -> list[str]:
    """Return the folders of a path and its name, as git divides them."""
    return path.split("/")


def folder_of(path: str) -> str:
    """Return the folder that a file lies in; '' at the root."""
    return path.rpartition("/")[0]


def is_test(path: str) -> bool:
    """Return whether a file is a test, or serves tests alone, by where it lies or by its name."""
    *folders, name = parts_of(path)
    return any(_TEST_FOLDER.fullmatch(folder) for folder in folders) or _TEST_NAME.search(name) is not None


def subject_of(path: str) -> str:
    """Return in lower case what a file is about, by its name; one without a name of its own is about its folder.

    It is the same for ``src/user_list.py``, ``tests/test_user_list.py`` and ``UserList.spec.ts``.
    """
    *folders, name = parts_of(path)
    stem = _bare(name.lstrip(".").rpartition(".")[0] or name)
    while _NAMELESS.fullmatch(stem) and folders:
        folder = folders.pop()
        if not _NAMELESS_FOLDER.fullmatch(folder):
            stem = folder
    return _JOINER.sub("", stem).lower()[:_MOST]


def words_of(path: str) -> frozenset[str]:
    """Return the words of a path's folders and name in lower case, in the singular, without those that say nothing."""
    words = (word.lower() for word in _WORD.findall(path))
    return frozenset(word.rstrip("s") or word for word in words if not _IDLE.fullmatch(word))


def _bare(stem: str) -> str:
    short = stem[:_LONGEST]
    return _AFTER.sub("", _BEFORE.sub("", short)) or short
