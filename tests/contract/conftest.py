"""Each adapter of the stores, over an empty folder."""

from __future__ import annotations

import http.server
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from openers import KINDS, opened
from vector_world import COLLECTION

from shared.stores.base import VectorStore

_MEMORY = Path("/dev/shm")


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder, in memory where there is such a place: Qdrant's local engine syncs each point by itself."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as made:
        yield Path(made)


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, folder: Path) -> Iterator[VectorStore]:
    """Each adapter over an empty folder, those of passages taken for stores of vectors."""
    made = opened(request.param, folder)
    yield made
    made.close()


@pytest.fixture
def prepared(store: VectorStore) -> VectorStore:
    """Each adapter with an empty collection of four dimensions."""
    store.prepare(COLLECTION, dimension=4)
    return store


class _Refusing(http.server.BaseHTTPRequestHandler):
    status = 503

    def _refuse(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_PUT = do_POST = do_DELETE = _refuse  # noqa: N815  # names that http.server looks for

    def log_message(self, *_: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """A server that answers everything with 503."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
