"""The fixtures of a fetch: a repository, a server, and the worker's side."""

from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from git_world import HOST, Repo, Server, handler

from edge_worker.handlers.base import Reporter
from edge_worker.source.fetch import FetchLimits
from edge_worker.source.git import Access


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """An empty repository below the local root."""
    path = tmp_path / "root" / "repo"
    path.mkdir(parents=True)
    made = Repo(path)
    made.git("init", "--quiet", "--initial-branch=main")
    return made


@pytest.fixture
def job(tmp_path: Path) -> Path:
    """The job's scratch folder."""
    return tmp_path / "job"


@pytest.fixture
def local(tmp_path: Path) -> Access:
    """What a worker with one local root may read."""
    return Access(local_roots=(tmp_path / "root",))


@pytest.fixture
def limits() -> FetchLimits:
    """Limits that no small repository reaches."""
    return FetchLimits(seconds=30, max_bytes=200 << 20, max_files=50_000, max_file_bytes=1 << 20, free_bytes=1 << 20)


@pytest.fixture
def reporter() -> Reporter:
    """A reporter that nobody listens to."""
    return Reporter(lambda name, done, total: None, lambda: False)


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for the test server, which is its own authority, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-days", "2", "-subj", f"/CN={HOST}", "-addext", f"subjectAltName=DNS:{HOST}"),
            *("-keyout", str(key), "-out", str(cert)),
        ],
        check=True,
        capture_output=True,
    )
    return cert, key


@pytest.fixture
def server(repo: Repo, certificate: tuple[Path, Path], tmp_path: Path) -> Iterator[Server]:
    """A server that offers ``repo`` as owner/name over smart HTTP."""
    backend = Path(repo.git("--exec-path")) / "git-http-backend"
    if not backend.exists():
        pytest.skip("git http-backend is not installed")
    served = tmp_path / "served"
    (served / "owner").mkdir(parents=True)
    (served / "owner" / "name").symlink_to(repo.path / ".git")
    repo.git("config", "uploadpack.allowFilter", "true")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    offered = Server(port=0, ca_file=certificate[0], root=served)
    http = ThreadingHTTPServer(("127.0.0.1", 0), handler(offered, backend))
    http.socket = context.wrap_socket(http.socket, server_side=True)
    offered.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield offered
    http.shutdown()
    http.server_close()
