"""The files under deploy/ and render.yaml start this worker and this control plane."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest
import yaml

from pharos.stack.ports import free_port
from pharos.stack.processes import start_python
from pharos.stack.ready import wait_for_http
from shared.settings import CloudSettings, EdgeSettings, SharedSettings

ROOT = Path(__file__).parents[3]
UNIT = ROOT / "deploy" / "systemd" / "pharos-worker.service"
_TOLD = "kill --kill-who=main --signal=SIGUSR1 pharos-worker"


def _names(tree: type[SharedSettings]) -> set[str]:
    return {"MODE", "PORT"} | {f"PHAROS_{name.upper()}" for name in tree.model_fields}


def _unit(path: Path) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(path)
    return parser


def test_the_unit_is_one_that_systemd_accepts(require, tmp_path: Path) -> None:
    """systemd finds no fault in the unit but the interpreter that is not installed at its place here."""
    require("systemd-analyze")

    shutil.copy(UNIT, tmp_path)
    done = subprocess.run(
        ["systemd-analyze", "verify", str(tmp_path / UNIT.name)], capture_output=True, text=True, check=False
    )

    faults = [line for line in done.stderr.splitlines() if UNIT.name in line and "is not executable" not in line]
    assert faults == []


def test_the_unit_is_hardened(require) -> None:
    """systemd's own judgement of the unit's exposure stays below 2.0."""
    require("systemd-analyze")

    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--threshold=20", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-300:]


def test_the_unit_starts_this_worker() -> None:
    """The unit's command is the worker's module, its mode is EDGE, and a wrong setting is not tried again."""
    unit = _unit(UNIT)["Service"]

    command = shlex.split(unit["ExecStart"])

    assert command[1:] == ["-m", "edge_worker"]
    assert "MODE=EDGE" in UNIT.read_text()
    assert unit["RestartPreventExitStatus"] == "78"


@pytest.mark.parametrize("name", ["deploy/worker.env.example", "deploy/systemd/pharos-worker.service"])
def test_every_variable_is_a_setting_of_the_worker(name: str) -> None:
    """No file names a variable that the worker does not read."""
    text = (ROOT / name).read_text()

    used = set(re.findall(r"\b(PHAROS_[A-Z_]+)=", text))

    assert used <= _names(EdgeSettings)
    assert used


def test_the_example_settings_name_everything_that_is_required() -> None:
    """A worker whose example file was filled in has every setting that it cannot do without."""
    text = (ROOT / "deploy/worker.env.example").read_text()
    required = {f"PHAROS_{name.upper()}" for name, field in EdgeSettings.model_fields.items() if field.is_required()}

    used = set(re.findall(r"^(PHAROS_[A-Z_]+)=", text, re.MULTILINE))

    assert required - {"PHAROS_MODE"} <= used


@pytest.mark.skipif(os.name != "posix", reason="a shell script")
@pytest.mark.parametrize(
    ("words", "active", "told"),
    [
        (("pre", "suspend"), True, ["is-active --quiet pharos-worker", _TOLD]),
        (("pre", "suspend"), False, ["is-active --quiet pharos-worker"]),
        (("post", "suspend"), True, []),
        ((), True, []),
    ],
    ids=["sleep", "no worker", "wake", "nothing"],
)
def test_the_sleep_hook_tells_the_supervisor(
    tmp_path: Path, words: tuple[str, ...], active: bool, told: list[str]
) -> None:
    """Before a sleep, and only then, the main process of a worker that runs hears of it; its children do not."""
    log = tmp_path / "log"
    (tmp_path / "systemctl").write_text(f'#!/bin/sh\necho "$*" >> {log}\n[ "$1" = kill ] || {str(active).lower()}\n')
    (tmp_path / "sleep").write_text("#!/bin/sh\n")
    for program in ("systemctl", "sleep"):
        (tmp_path / program).chmod(0o755)

    done = subprocess.run(
        [ROOT / "deploy/systemd/pharos-worker-sleep", *words],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert (log.read_text().splitlines() if log.exists() else []) == told


def test_nssm_runs_the_worker_and_stops_it_gently() -> None:
    """The Windows service runs the worker, gives it time to hand its job back, and rests on a wrong setting."""
    text = (ROOT / "deploy/nssm/install-worker.ps1").read_text()

    assert re.search(r'^nssm install \$Name \$python "-m edge_worker"$', text, re.MULTILINE)
    assert "MODE=EDGE" in text
    assert re.search(r"^nssm set \$Name AppStopMethodConsole 120000$", text, re.MULTILINE)
    assert re.search(r"^nssm set \$Name AppExit 78 Exit$", text, re.MULTILINE)


def test_the_worker_says_which_setting_is_missing() -> None:
    """Started as a service without its settings, the worker names the first one and exits 78."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PHAROS_")}

    done = subprocess.run(
        [sys.executable, "-m", "edge_worker"],
        env=environment | {"MODE": "EDGE"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 78
    assert done.stderr.startswith("PHAROS_WORKER_TOKEN is not set")


def test_render_is_told_what_it_needs() -> None:
    """render.yaml asks for the free plan, a health check, and every setting that the plane cannot do without."""
    (service,) = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    variables = {entry["key"]: entry for entry in service["envVars"]}
    required = {f"PHAROS_{name.upper()}" for name, field in CloudSettings.model_fields.items() if field.is_required()}

    assert (service["type"], service["runtime"], service["plan"]) == ("web", "python", "free")
    assert service["healthCheckPath"] == "/health"
    assert 1 <= service["maxShutdownDelaySeconds"] <= 300
    assert required - {"PHAROS_MODE"} <= set(variables)
    assert set(variables) - {"PYTHON_VERSION"} <= _names(CloudSettings)
    assert not any("value" in entry for key, entry in variables.items() if key.endswith(("_TOKEN", "_URL")))


def test_render_starts_the_control_plane(tmp_path: Path) -> None:
    """The start command with the listed variables serves /health, with no database in reach."""
    (service,) = yaml.safe_load((ROOT / "render.yaml").read_text())["services"]
    port = free_port()
    stand_ins = {
        "PHAROS_DATABASE_URL": "postgresql://pharos_app:x@127.0.0.1:1/pharos",
        "PHAROS_KEEPER_DATABASE_URL": "postgresql://pharos_keeper:x@127.0.0.1:1/pharos",
        "PHAROS_REDIS_URL": "redis://127.0.0.1:1",
    }
    given = {
        entry["key"]: entry.get("value", stand_ins.get(entry["key"], entry["key"] * 2)) for entry in service["envVars"]
    }

    command = shlex.split(service["startCommand"])
    with start_python(command[2], log=tmp_path / "cloud.log", env=given | {"PORT": str(port)}) as child:
        wait_for_http(f"http://127.0.0.1:{port}/health", child)
        answer = httpx2.get(f"http://127.0.0.1:{port}/health")

    assert command[:2] == ["python", "-m"]
    assert answer.status_code == 200
    assert answer.json()["data"]["parts"]["redis"]["state"] in {"down", "unknown"}
