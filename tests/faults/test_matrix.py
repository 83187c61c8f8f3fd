"""Every row of the fault matrix is a test that exists."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.faults.matrix import LATER, MATRIX

ROOT = Path(__file__).parents[2]
_TESTS = sorted({test for row in MATRIX.values() for test in row.tests})


def test_no_row_is_missing() -> None:
    """Each of the 26 faults has a row, or is about a part that is still to come."""
    assert set(MATRIX) | LATER == set(range(1, 27))
    assert set(MATRIX) & LATER == set()


@pytest.mark.parametrize("test", _TESTS)
def test_the_test_of_a_row_is_there(test: str) -> None:
    """What a row names is a function in a file of tests."""
    path, name = test.split("::")

    functions = {node.name for node in ast.parse((ROOT / path).read_text()).body if isinstance(node, ast.FunctionDef)}

    assert name in functions
