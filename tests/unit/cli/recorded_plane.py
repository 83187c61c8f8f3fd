"""A control plane that plays recorded answers over real HTTP, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

META = {"request_id": "0011223344556677", "timestamp": "2026-11-21T15:00:00Z", "next_cursor": None}
JOB_ID = "job_01m7z9h9neeqxvz6r3ewv5g6nc"
REPOSITORY_ID = "repo_12rm1gvdytwfchgq2q41h2vmxq"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class RecordedPlane:
    """Answers each ``(method, path)`` with what was recorded for it, the last recording for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        #: The ``Date`` header of every answer; the true one when there is none.
        self.date: str | None = None
        self._answers: dict[tuple[str, str], list[tuple[int, dict[str, str], bytes]]] = {}
        plane = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                plane.answer(self)

            do_GET = do_POST = do_DELETE = _answer  # noqa: N815

            def date_time_string(self, timestamp: float | None = None) -> str:
                return plane.date or super().date_time_string(timestamp)

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    @property
    def port(self) -> int:
        return self._server.server_port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def play(self, method: str, path: str, data: Any, *, status: int = 200, cursor: str | None = None) -> None:
        """Record a success."""
        body = {"success": True, "data": data, "meta": META | {"next_cursor": cursor}, "error": None}
        self.play_raw(method, path, status, json.dumps(body).encode(), "application/json")

    def refuse(self, method: str, path: str, status: int, code: str, message: str, **details: Any) -> None:
        """Record a problem."""
        error = {"code": code, "message": message, "details": [details] if details else []}
        body = {"type": "/errors/x", "title": "x", "status": status, "detail": message, "instance": path}
        body |= {"success": False, "data": None, "meta": META, "error": error}
        self.play_raw(method, path, status, json.dumps(body).encode(), "application/problem+json")

    def play_raw(self, method: str, path: str, status: int, body: bytes, content_type: str, **headers: str) -> None:
        """Record any answer at all."""
        answer = (status, {"Content-Type": content_type, **headers}, body)
        self._answers.setdefault((method, path), []).append(answer)

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        self.asked.append(
            Asked(
                method=handler.command,
                path=parts.path,
                query=parse_qs(parts.query),
                headers={name.lower(): value for name, value in handler.headers.items()},
                body=json.loads(body) if body else None,
            )
        )
        recorded = self._answers[(handler.command, parts.path)]
        status, headers, content = recorded.pop(0) if len(recorded) > 1 else recorded[0]
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def job(**changes: Any) -> dict[str, Any]:
    """A job as the API shows it."""
    return {
        "id": JOB_ID,
        "kind": "ingest",
        "state": "succeeded",
        "repository": "github.com/acme/api",
        "repository_id": REPOSITORY_ID,
        "ref": None,
        "priority": "normal",
        "needs": {"gpu": False, "gpu_memory": 0, "node": None},
        "position": None,
        "attempt": 1,
        "reason": None,
        "detail": None,
        "node": "local",
        "created_at": "2026-11-21T14:52:59.442048Z",
        "started_at": "2026-11-21T14:53:02.407787Z",
        "finished_at": "2026-11-21T14:53:03.160147Z",
        "deadline_at": "2026-11-22T14:52:59.442048Z",
        "cancel_requested_at": None,
        "seconds": 0.75,
        "progress": None,
        "waiting": None,
        "result": {"files": 77, "edges": 278, "commit": "10d0be30d61351938392ba46984b326b54664904"},
        "status_url": f"/api/v1/jobs/{JOB_ID}",
    } | changes


def accepted(**changes: Any) -> dict[str, Any]:
    """The answer to a submission."""
    return {
        "job_id": JOB_ID,
        "status_url": f"/api/v1/jobs/{JOB_ID}",
        "state": "queued",
        "repository": "github.com/acme/api",
        "repository_id": REPOSITORY_ID,
        "position": 2,
        "deduplicated": False,
        "replayed": False,
        "retry_of": None,
        "waiting": None,
    } | changes


def waiting(**changes: Any) -> dict[str, Any]:
    """Why a job waits, as the API shows it."""
    action = {"code": "wake_worker", "text": "Wake alienware", "command": None, "node": None}
    return {
        "code": "capable_offline",
        "text": "alienware went to sleep 40 min ago. The job starts by itself when alienware is back.",
        "capable": ["alienware"],
        "position": 2,
        "eta_seconds": None,
        "action": action,
    } | changes


def repository(name: str = "github.com/acme/api", **changes: Any) -> dict[str, Any]:
    """A repository as the API shows it."""
    return {
        "id": REPOSITORY_ID,
        "name": name,
        "url": f"https://{name}",
        "ref": None,
        "commit": "10d0be30d61351938392ba46984b326b54664904",
        "generation": 4,
        "files": 77,
        "edges": 278,
        "node": "local",
        "vector_store": "lancedb",
        "indexed_at": "2026-11-21T14:53:03.132679Z",
        "stats": {},
    } | changes


def file(path: str, **changes: Any) -> dict[str, Any]:
    """A file as the API shows it."""
    return {"number": 0, "path": path, "language": "python", "size": 1, "status": "parsed", "isolated": False} | changes


def health(status: str = "ok") -> dict[str, Any]:
    """The answer of /health."""
    part = {"state": "connected", "transport": None, "age_seconds": 0.1, "latency_ms": None}
    return {"status": status, "parts": {"postgres": part, "redis": part, "qdrant": part | {"state": "off"}}}


def usage(**changes: Any) -> dict[str, Any]:
    """The answer of /api/v1/usage; ``changes`` are to the meter of Redis commands."""
    well = {"share": 0.3647, "forecast": 260_000.0, "reached_on": None, "warning": None}
    redis = {"meter": "redis_commands", "used": 182_340.0, "limit": 500_000.0, **well}
    hours = [
        {"meter": meter, "used": 31.4, "limit": limit, **well, "forecast": None}
        for meter, limit in (("postgres_hours", 400.0), ("host_hours", 750.0))
    ]
    return {"month": "2026-11-01", "since": "2026-11-01T00:00:00Z", "meters": [redis | changes, *hours]}


def worker(node: str = "local", **changes: Any) -> dict[str, Any]:
    """A worker as the API shows it."""
    return {
        "worker": f"{node}.1",
        "node": node,
        "version": "1",
        "state": "ready",
        "seen_seconds_ago": 1.0,
        "slots": 1,
        "memory_mib": 494,
        "attempts": [],
        "last_error": None,
        "capabilities": {"gpu_name": None},
        "line": "open",
        "transport": "tcp",
    } | changes


def echo(node: str = "local", **changes: Any) -> dict[str, Any]:
    """The answer to an echo."""
    return {"worker": f"{node}.1", "node": node, "hops": 0, "round_trip_ms": 21.4, "text": "ping"} | changes


def play_status(plane: RecordedPlane, *, status: str = "ok") -> None:
    """Record everything that ``pharos status`` asks for."""
    plane.play("GET", "/health", health(status))
    doing = {"status": "Idle", "node": "local", "worker": "local.1", "repository": None, "stage": None}
    plane.play("GET", "/api/v1/ingestion/worker/status", doing | {"done": 0, "total": 0, "seen_seconds_ago": 1.0})
    plane.play("GET", "/api/v1/workers", [worker()])
    plane.play("POST", "/api/v1/workers/echo", echo())
    plane.play("GET", "/api/v1/jobs", [job()])
    plane.play("GET", "/api/v1/usage", usage())
