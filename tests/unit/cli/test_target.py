"""Which control plane is talked to, and which token goes where."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import psutil
import pytest

from pharos.connection import CONNECTION, running_stack, write_connection
from pharos.target import find_target
from shared.errors import ConfigurationError, Unauthorized
from tests.unit.cli.conftest import TOKEN, Pharos
from tests.unit.cli.recorded_plane import RecordedPlane, play_status

POSIX = pytest.mark.skipif(sys.platform == "win32", reason="modes are POSIX")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment with a place for a configuration file and for a stack."""
    return {"XDG_CONFIG_HOME": str(tmp_path), "PHAROS_FOLDER": str(tmp_path / "stack")}


def configure(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "pharos" / "config.toml"
    path.parent.mkdir()
    path.write_text(text)
    path.chmod(0o600)
    return path


def run_stack(tmp_path: Path, name: str = "stack", url: str = "http://127.0.0.1:1") -> Path:
    folder = tmp_path / name
    folder.mkdir()
    return write_connection(folder, url=url, token="stack-token")


def test_order(environment: dict[str, str], tmp_path: Path) -> None:
    """A flag goes before a variable, that before the configuration file, that before the running stack."""
    run_stack(tmp_path)
    chosen = [find_target(environment).url]
    configure(tmp_path, 'url = "https://config.example"\ntoken = "config-token"')
    chosen.append(find_target(environment).url)
    variables = environment | {"PHAROS_CONTROL_URL": "https://variable.example/", "PHAROS_ADMIN_TOKEN": "variable"}
    chosen.append(find_target(variables).url)
    chosen.append(find_target(variables, url="https://flag.example").url)

    assert chosen == [
        "http://127.0.0.1:1",
        "https://config.example",
        "https://variable.example",
        "https://flag.example",
    ]


def test_kept_token_stays_with_its_address(environment: dict[str, str], tmp_path: Path) -> None:
    """The configuration file's token is not sent to another address."""
    configure(tmp_path, 'url = "https://config.example"\ntoken = "config-token"')

    with pytest.raises(Unauthorized):
        find_target(environment, url="https://elsewhere.example")


def test_address_alone_uses_kept_token(environment: dict[str, str], tmp_path: Path) -> None:
    """The same address by another way uses the token that is kept for it."""
    configure(tmp_path, 'url = "https://config.example/"\ntoken = "config-token"')

    assert find_target(environment, url="https://config.example").token == "config-token"


def test_running_stack_brings_its_own_token(environment: dict[str, str], tmp_path: Path) -> None:
    """A token in the environment is some other plane's; the running stack is asked with its own."""
    run_stack(tmp_path)

    assert find_target(environment | {"PHAROS_ADMIN_TOKEN": "other"}).token == "stack-token"


def test_token_file(environment: dict[str, str], tmp_path: Path) -> None:
    """A token file goes before the variable."""
    file = tmp_path / "token"
    file.write_text("from-file\n")

    found = find_target(environment | {"PHAROS_ADMIN_TOKEN": "variable"}, url="https://flag.example", token_file=file)

    assert found.token == "from-file"


def test_token_from_standard_input(alone: Pharos, recorded: RecordedPlane) -> None:
    """A token can be piped in, so that it stands in no argument and no file."""
    play_status(recorded)

    result = alone("status", "--url", recorded.url, "--token-file", "-", stdin=f"{TOKEN}\n")

    assert result.exit_code == 0
    assert recorded.asked[0].headers["authorization"] == f"Bearer {TOKEN}"


@POSIX
def test_readable_configuration_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    """A configuration file with a token that others can read is not used; the message names the command."""
    configure(tmp_path, 'url = "https://config.example"\ntoken = "config-token"').chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        find_target(environment)


@pytest.mark.parametrize("text", ["url = ", "url = 3"])
def test_broken_configuration(environment: dict[str, str], tmp_path: Path, text: str) -> None:
    """A configuration file that cannot be used is named."""
    path = configure(tmp_path, text)

    with pytest.raises(ConfigurationError, match=path.name):
        find_target(environment)


def test_wrong_scheme(environment: dict[str, str]) -> None:
    """An address that is not HTTP is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="https://"):
        find_target(environment, url="ftp://plane.example")


@POSIX
def test_connection_file_is_private(tmp_path: Path) -> None:
    """Only its owner reads a connection file."""
    assert run_stack(tmp_path).stat().st_mode & 0o777 == 0o600


def test_first_of_several_stacks(tmp_path: Path) -> None:
    """Among stacks side by side the first is found, and the tenth does not come before the second."""
    run_stack(tmp_path, "stack-10", "http://127.0.0.1:10")
    run_stack(tmp_path, "stack-2", "http://127.0.0.1:2")

    found = running_stack(tmp_path / "stack")

    assert found is not None
    assert found.url == "http://127.0.0.1:2"


@pytest.mark.parametrize("change", [{"pid": 2**22 + 1}, {"born": 1.0}])
def test_stale_connection(tmp_path: Path, change: dict[str, float]) -> None:
    """A connection file whose stack was killed leads nowhere, also when its process id is another's by now."""
    path = run_stack(tmp_path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    assert running_stack(tmp_path / "stack") is None


def test_unreadable_connection(tmp_path: Path) -> None:
    """A connection file of another version leads nowhere."""
    path = run_stack(tmp_path)
    path.write_text(json.dumps({"pid": psutil.Process().pid}))

    assert path.name == CONNECTION
    assert running_stack(tmp_path / "stack") is None
