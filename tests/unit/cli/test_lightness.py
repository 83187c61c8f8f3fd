"""What the command line loads before it is needed: next to nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.cli.recorded_plane import RecordedPlane, play_status

CHECKOUT = Path(__file__).resolve().parents[3]
#: pydantic is not among them: typer reads arguments by it.
HEAVY = {"torch", "fastapi", "psycopg", "redis", "numpy", "lancedb", "uvicorn", "git", "rich"}
REPORT = "import sys; sys.stderr.write('\\n'.join(sorted(m for m in sys.modules if '.' not in m)))"


def loaded(*arguments: str, **environment: str) -> set[str]:
    """Return the top-level modules that a command has loaded when it ends."""
    program = f"import atexit; atexit.register(lambda: exec({REPORT!r})); from pharos.__main__ import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout
    return set(done.stderr.split())


@pytest.mark.parametrize("arguments", [["--help"], ["submit", "--help"], ["jobs", "--help"], ["up", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    """Help loads neither a house, a driver, nor an HTTP client."""
    assert loaded(*arguments) & (HEAVY | {"httpx2", "psutil", "cloud_api", "edge_worker"}) == set()


def test_status_loads_nothing_heavy(recorded: RecordedPlane, tmp_path: Path) -> None:
    """``status`` loads an HTTP client and nothing of the houses."""
    play_status(recorded)

    found = loaded(
        "status", "--json", PHAROS_CONTROL_URL=recorded.url, PHAROS_ADMIN_TOKEN="t" * 16, XDG_CONFIG_HOME=str(tmp_path)
    )

    assert "httpx2" in found
    assert found & (HEAVY | {"cloud_api", "edge_worker"}) == set()
