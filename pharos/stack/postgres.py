"""The embedded PostgreSQL: one data folder, one server, a password for everybody."""

from __future__ import annotations

import contextlib
import secrets
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from pharos.stack.ports import LOOPBACK, start_on_free_port
from pharos.stack.postmaster import clear_stale_lock
from pharos.stack.private import kept_secrets, write_private
from pharos.stack.processes import Account, Child, environment, start_child
from pharos.stack.ready import wait_until
from pharos.stack.unprivileged import give, postgres_programs, server_account, server_home
from shared.errors import LedgerUnavailable, Unavailable

OWNER = "pharos_owner"
DATABASE = "pharos"
_SUPERUSER = "postgres"
_SQL = Path(__file__).with_name("sql")

#: Seconds; a crash recovery comes before the first answer.
START_WITHIN = 60.0
#: Seconds that a fast shutdown (a checkpoint, mostly) may take before the server is killed.
STOP_WITHIN = 20.0

#: Light on a laptop: little memory, little disk, no helper processes that a small ledger does not need.
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "max_wal_size": "256MB",
    "io_method": "sync",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class EmbeddedPostgres:
    """A PostgreSQL server on a loopback port of its own, with its data in ``folder``.

    Every connection needs a password (SCRAM). The caller holds ``folder`` for itself: one handle a folder.
    ``durable=False`` gives up safety against power loss for speed; for tests.
    """

    def __init__(self, folder: Path, *, durable: bool = True) -> None:
        self._folder = folder
        self._settings = _SETTINGS if durable else {**_SETTINGS, **_NOT_DURABLE}
        self._durable = durable
        self._passwords: dict[str, str] = {}
        self._port = 0
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The server's process id, or None when it was not started."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the server and return when it takes connections and the database ``pharos`` stands.

        Makes the data folder at the first start, and recovers it after a crash, be it of this program, of the server
        or of the machine.

        Raises:
            LedgerUnavailable: the server did not start; the message ends with its last words.
            ConfigurationError: this machine lacks what the server needs.
        """
        account = server_account()
        programs = postgres_programs(account)
        try:
            home = server_home(self._folder, account)
            self._passwords = kept_secrets(home / "passwords.json", _new_passwords)
            self._make_data_folder(programs, home, account)
            clear_stale_lock(home / "data")
            self._port, self._child = start_on_free_port(
                lambda port: self._launch(port, programs, home, account), self._wait
            )
            self._ensure_owner()
        except (Unavailable, psycopg.Error, OSError) as error:
            self.stop()
            raise LedgerUnavailable(str(error)) from error

    def stop(self) -> None:
        """Stop the server by a fast shutdown; clients are disconnected, what was committed is kept."""
        child, self._child = self._child, None
        if child is None:
            return
        if sys.platform == "win32":  # no signals there; PostgreSQL listens on a named pipe instead
            subprocess.run([postgres_programs(None) / "pg_ctl", "kill", "INT", str(child.pid)], check=False)
            child.end(patience=STOP_WITHIN)
        else:
            child.stop(ask=signal.SIGINT, patience=STOP_WITHIN)

    def owner_url(self, database: str = DATABASE) -> str:
        """Return the URL of the role that owns ``database``: it creates roles and databases, and is no superuser."""
        return self.role_url(OWNER, self._passwords[OWNER], database)

    def role_url(self, role: str, password: str, database: str = DATABASE) -> str:
        """Return the URL under which ``role`` reaches ``database`` until the server is stopped."""
        who = f"{quote(role, safe='')}:{quote(password, safe='')}"
        return f"postgresql://{who}@{LOOPBACK}:{self._port}/{quote(database, safe='')}?sslmode=disable"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _make_data_folder(self, programs: Path, home: Path, account: Account | None) -> None:
        """Run initdb under another name and rename at the end: a half-made folder is never taken for a whole one."""
        data, draft, password_file = home / "data", home / "data.new", home / "initdb.password"
        if data.exists():
            return
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        give(draft, account)
        write_private(password_file, self._passwords[_SUPERUSER])
        give(password_file, account)
        command = [
            *(programs / "initdb", "-D", draft, "-U", _SUPERUSER, "--auth=scram-sha-256", "--no-instructions"),
            *(f"--pwfile={password_file}", "--locale=C", "--encoding=UTF8"),
            *(() if self._durable else ("--no-sync",)),
        ]
        try:
            child = start_child(
                command, name="initdb", log=home / "initdb.log", env=_environment(), cwd=home, account=account
            )
            child.end(patience=START_WITHIN)
        finally:
            password_file.unlink()
        if child.exit_code != 0:
            raise LedgerUnavailable(
                f"The data folder for PostgreSQL could not be made in {home}. There were no data yet. "
                f"initdb said: {child.last_words()}"
            )
        draft.rename(data)

    def _launch(self, port: int, programs: Path, home: Path, account: Account | None) -> Child:
        settings = [f"--{name}={value}" for name, value in {**self._settings, "port": str(port)}.items()]
        return start_child(
            [programs / "postgres", "-D", home / "data", *settings],
            name="PostgreSQL",
            log=home / "postgres.log",
            env=_environment(),
            cwd=home,
            account=account,
            dies_by=signal.SIGINT,
        )

    def _wait(self, port: int, child: Child) -> None:
        self._port = port
        wait_until(self._answers, child, within=START_WITHIN)

    def _answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise LedgerUnavailable(
                    f"The kept password does not open the PostgreSQL data in {self._folder}. The data are untouched. "
                    "Put passwords.json back, or move the folder away to begin anew."
                ) from error
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        url = self.role_url(_SUPERUSER, self._passwords[_SUPERUSER], "postgres")
        return psycopg.connect(url, autocommit=True, connect_timeout=5)

    def _ensure_owner(self) -> None:
        with contextlib.closing(self._connect()) as connection:
            if connection.execute(_read("find_database")).fetchone():
                return
            # Only the verifier travels, so that the password stands in no server log.
            verifier = connection.pgconn.encrypt_password(
                self._passwords[OWNER].encode(), OWNER.encode(), b"scram-sha-256"
            )
            connection.execute(_read("keep_verifier"), {"verifier": verifier.decode()})
            connection.execute(_read("create_owner"))
            connection.execute(_read("create_database"))


def _new_passwords() -> dict[str, str]:
    return {_SUPERUSER: secrets.token_urlsafe(32), OWNER: secrets.token_urlsafe(32)}


def _environment() -> dict[str, str]:
    return environment({"LC_ALL": "C"}, without=("PG", "LC_", "LANG"))


def _read(name: str) -> bytes:
    return (_SQL / f"{name}.sql").read_bytes()
