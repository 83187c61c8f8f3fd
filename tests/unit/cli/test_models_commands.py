"""``pharos models``: what is said of the models here, without loading one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]


def pharos(*arguments: str, cache: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a command with an empty cache of the hub's models."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PHAROS_")}
    return subprocess.run(
        [sys.executable, "-m", "pharos", "models", *arguments],
        cwd=CHECKOUT,
        env={**kept, "HF_HOME": str(cache), "HF_HUB_OFFLINE": "1", "PHAROS_DEVICE": "cpu", **settings},
        capture_output=True,
        text=True,
        check=False,
    )


def test_list_says_what_is_here_and_what_is_used(tmp_path: Path) -> None:
    """The model that comes along is on the disk and used; the others wait for a pull."""
    done = pharos("list", "--json", cache=tmp_path)

    said = {row["model"]: row for row in json.loads(done.stdout)["models"]}
    assert (done.returncode, list(said)) == (0, ["small", "brain", "code"])
    assert (said["small"]["on_disk"], said["small"]["used"], said["small"]["dimension"]) == (True, True, 384)
    assert (said["brain"]["on_disk"], said["code"]["on_disk"]) == (False, False)


def test_list_says_why_nothing_can_be_embedded(tmp_path: Path) -> None:
    """A model that was chosen and is not here is listed, with the command that fetches it."""
    done = pharos("list", cache=tmp_path, PHAROS_TEXT_MODEL="code")

    assert done.returncode == 0
    assert "pharos models pull code" in done.stderr
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["USED", "no", "no", "no"]


def test_pull_that_cannot_be_done_changes_nothing(tmp_path: Path) -> None:
    """Without a way to the hub, a pull ends with one line and the exit code of wrong settings."""
    done = pharos("pull", "code", cache=tmp_path)

    assert done.returncode == 78
    assert done.stderr.startswith("pharos: The model Qwen/Qwen3-Embedding-0.6B could not be fetched")
    assert len(done.stderr.splitlines()) == 1


def test_what_comes_along_needs_no_pull(tmp_path: Path) -> None:
    """Pulling the small model finds it, and says where it is."""
    done = pharos("pull", "small", cache=tmp_path)

    assert done.returncode == 0
    assert done.stdout.strip() == "53aa51172d142c89d9012cce15ae4d6cc0ca6895"


def test_model_that_is_not_here_is_not_tried(tmp_path: Path) -> None:
    """Trying a model never fetches it."""
    done = pharos("test", "BAAI/bge-m3", cache=tmp_path)

    assert done.returncode == 78
    assert "pharos models pull BAAI/bge-m3" in done.stderr
