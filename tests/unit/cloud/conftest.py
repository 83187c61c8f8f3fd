"""A control plane for each test, and what it logs."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest
from fastapi.testclient import TestClient
from plane_twins import AS_ADMIN, House
from structlog.testing import capture_logs


@pytest.fixture(autouse=True)
def logs() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged, as events."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def house() -> House:
    """A fresh control plane."""
    return House()


@pytest.fixture
def stranger(house: House) -> TestClient:
    """Somebody without a credential."""
    return house.client()


@pytest.fixture
def admin(house: House) -> TestClient:
    """Somebody with the admin token."""
    client = house.client()
    client.headers.update(AS_ADMIN)
    return client
