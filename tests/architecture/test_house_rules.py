"""Rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.settings import CloudSettings, EdgeSettings, OwnerSettings

ROOT = Path(__file__).parents[2]
HOUSES = ("shared", "cloud_api", "edge_worker", "pharos")
#: Where a process begins, and where one starts another.
_ENVIRONMENT = {"edge_worker/__main__.py", "edge_worker/source/guard.py", "pharos/stack/processes.py"}


def _rooms() -> Iterator[Path]:
    for house in HOUSES:
        yield from sorted((ROOT / house).rglob("*.py"))


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


ROOMS = tuple(_rooms())


@pytest.mark.parametrize("path", ROOMS, ids=_name)
def test_a_room_has_a_door_and_walls(path: Path) -> None:
    """Every file says in its docstring what it is for, and ends before its 301st line."""
    text = path.read_text()

    assert ast.get_docstring(ast.parse(text))
    assert text.count("\n") <= 300


@pytest.mark.parametrize("path", ROOMS, ids=_name)
def test_sql_is_never_built_from_strings(path: Path) -> None:
    """No statement is an f-string or a concatenation, and no session setting is made outside set_config."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr.startswith("execute"):
            assert not (node.args and isinstance(node.args[0], ast.JoinedStr | ast.BinOp)), node.lineno

    assert not re.search(r"(?i)\bset\s+(local\s+)?app\.", path.read_text())


def test_the_environment_is_read_at_the_door_alone() -> None:
    """os.environ is touched where a process begins or is started, and nowhere else."""
    users = {_name(path) for path in ROOMS if "os.environ" in path.read_text()}

    assert {name for name in users - _ENVIRONMENT if not name.startswith("pharos/cli/")} == set()


@pytest.mark.parametrize("path", ROOMS, ids=_name)
def test_nothing_is_pickled_and_no_shell_is_used(path: Path) -> None:
    """No room imports pickle, runs a shell, or evaluates text."""
    text = path.read_text()

    assert not re.search(r"^\s*(import|from) (pickle|marshal|shelve)\b", text, re.MULTILINE)
    assert "shell=True" not in text
    assert not re.search(r"(?<![\w.])(eval|exec)\(", text)


def test_every_setting_is_documented() -> None:
    """README names each variable that a process reads."""
    readme = (ROOT / "README.md").read_text()
    trees = (CloudSettings, EdgeSettings, OwnerSettings)
    wanted = {f"PHAROS_{name.upper()}" for tree in trees for name in tree.model_fields} - {"PHAROS_MODE"}

    assert {name for name in wanted if name not in readme} == set()


def test_migrations_are_numbered_without_a_gap() -> None:
    """Migrations count from one, and none is missing."""
    names = sorted(path.name for path in (ROOT / "shared/ledger/migrations").glob("*.sql"))

    assert [int(name[:4]) for name in names] == list(range(1, len(names) + 1))
