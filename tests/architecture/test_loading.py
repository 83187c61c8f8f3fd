"""What each process loads: every import is paid at each start, on a tenth of a core or on a Raspberry Pi."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_ML = {"torch", "torch_geometric", "sentence_transformers", "transformers"}
_HEAVY = {"git", "tree_sitter", "lancedb", "qdrant_client", "pyarrow", "pandas", "numpy"}


def _loaded(module: str) -> set[str]:
    code = f"import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(done.stdout)}


def test_the_control_plane_stays_small() -> None:
    """The cloud process loads no ML library, no git, no parser, no vector client and no command line."""
    loaded = _loaded("cloud_api.serve")

    assert loaded & (_ML | _HEAVY | {"cryptography", "httpx", "typer", "edge_worker", "pharos"}) == set()
    assert {"fastapi", "psycopg", "rq"} <= loaded


def test_the_supervisor_stays_small() -> None:
    """The worker's supervisor leaves the heavy libraries to its compute process."""
    loaded = _loaded("edge_worker.__main__")

    assert loaded & (_ML | _HEAVY | {"fastapi", "cloud_api"}) == set()


@pytest.mark.parametrize("module", ["shared.ledger.keeper", "shared.mailbox.lanes", "shared.stores.base"])
def test_the_ground_carries_neither_house(module: str) -> None:
    """Shared rooms load nothing of the houses that stand on them."""
    assert _loaded(module) & ({"cloud_api", "edge_worker", "pharos"} | _ML) == set()


def test_a_worker_needs_nothing_that_one_system_alone_has() -> None:
    """What a worker loads on every system does without the modules that Windows lacks."""
    program = "import sys; sys.modules['fcntl'] = None; import shared.stores.lance, shared.stores.lance_passages"

    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
