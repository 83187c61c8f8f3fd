"""Real git repositories, and a real TLS server in front of them."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from edge_worker.source.git import Access
from shared.repositories import RepositoryAddress

HOST = "git.test"


@dataclass
class Repo:
    """A repository to fetch from, driven by plain git."""

    path: Path

    def git(self, *arguments: str, data: bytes | None = None) -> str:
        """Run git there and return what it wrote."""
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.path),
            "GIT_CONFIG_NOSYSTEM": "1",
            **{f"GIT_{who}_{what}": "x@y.z" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(["git", *arguments], cwd=self.path, env=env, input=data, capture_output=True, check=True)
        return done.stdout.decode().strip()

    def commit(self, files: dict[str, bytes]) -> str:
        """Write ``files``, commit everything, and return the commit."""
        for name, data in files.items():
            (self.path / name).parent.mkdir(parents=True, exist_ok=True)
            (self.path / name).write_bytes(data)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message=x")
        return self.git("rev-parse", "HEAD")

    def commit_tree(self, listing: bytes) -> str:
        """Commit a tree made from ``ls-tree -z`` lines, and return the commit."""
        tree = self.git("mktree", "-z", "--missing", data=listing)
        commit = self.git("commit-tree", "-m", "x", tree)
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    @property
    def address(self) -> RepositoryAddress:
        """Its address as a local repository."""
        return RepositoryAddress(name=f"local:{self.path}", url=str(self.path), host=None)


@dataclass
class Server:
    """An https git server on this machine."""

    port: int
    ca_file: Path
    root: Path
    token: str | None = None
    redirect: str | None = None
    #: Called while a request is being answered.
    during: Callable[[], None] | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)

    def address(self, name: str = "owner/name") -> RepositoryAddress:
        """Return the address of one of its repositories."""
        return RepositoryAddress(name=f"{HOST}/{name}", url=f"https://{HOST}:{self.port}/{name}", host=HOST)

    def access(self, **more: object) -> Access:
        """Return what a worker needs to ask this server."""
        resolve = lambda host, port, **_: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]  # noqa: E731
        return Access(private_hosts=(HOST,), ca_file=self.ca_file, resolve=resolve, **more)  # type: ignore[arg-type]


def handler(server: Server, backend: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """git http-backend behind a token and a redirect."""

        # GnuTLS takes the end of a connection for an attack where an answer has no length.
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            server.requests.append((self.path, self.headers.get("Authorization")))
            if server.during:
                server.during()
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if server.redirect:
                self._answer(301, {"Location": server.redirect + self.path})
            elif server.token and self.headers.get("Authorization") != server.token:
                self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'})
            else:
                self._backend(body)

        def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _backend(self, body: bytes) -> None:
            path, _, query = self.path.partition("?")
            env = {
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "HTTP_GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            done = subprocess.run([backend], env=env, input=body, capture_output=True, check=False)
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
            self._answer(int(headers.pop("Status", "200").split()[0]), headers, rest)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            """Say nothing."""

    return Handler
