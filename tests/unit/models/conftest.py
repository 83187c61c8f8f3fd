"""Tiny models, saved once a session; what loads them is imported by those who ask."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny encoder's folder."""
    from tests.tiny_models import save_bert

    return save_bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="session")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny decoder's folder; it reads messages."""
    from tests.tiny_models import save_qwen

    return save_qwen(tmp_path_factory.mktemp("models") / "qwen")
