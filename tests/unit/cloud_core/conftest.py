"""A presence for each test."""

from __future__ import annotations

import pytest
from presence_house import House


@pytest.fixture
def house() -> House:
    """A presence that has heard nobody."""
    return House()
