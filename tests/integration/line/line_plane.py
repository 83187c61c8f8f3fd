"""A control plane that holds lines over real HTTP, and one behaviour a stream: what proxies and bad days do to them."""

from __future__ import annotations

import json
import queue
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from shared.nodes.line import ACKNOWLEDGEMENTS_PATH, ANSWERS_PATH, LINE_PATH

HELLO = "0123456789abcdef"


@dataclass
class Stream:
    """One held stream: what is put on it is said; ``None`` ends it."""

    query: str
    headers: dict[str, str]
    said: queue.SimpleQueue[bytes | None] = field(default_factory=queue.SimpleQueue)
    #: Set when the worker has left.
    left: threading.Event = field(default_factory=threading.Event)

    def say(self, event: str, data: object) -> None:
        """Say one event."""
        self.said.put(f"event: {event}\ndata: {json.dumps(data)}\n\n".encode())

    def raw(self, text: bytes) -> None:
        """Say these bytes."""
        self.said.put(text)

    def hello(self, *, epoch: int = 1) -> None:
        """Say hello."""
        self.say("hello", {"id": HELLO, "epoch": epoch, "ping": 15.0})

    def end(self) -> None:
        """End it."""
        self.said.put(None)


def greeting(stream: Stream) -> None:
    """Do what a good plane does."""
    stream.hello()


def cutting(stream: Stream) -> None:
    """Say hello and end at once."""
    stream.hello()
    stream.end()


def silent(stream: Stream) -> None:
    """Send the head of an answer, and nothing else."""


class LinePlane:
    """A real HTTP server; ``streams`` are the lines that were held, in their order."""

    def __init__(self, *, port: int = 0, begin: Callable[[Stream], None] = greeting) -> None:
        self.begin = begin
        self.streams: list[Stream] = []
        self.posts: list[tuple[str, dict[str, Any], float]] = []
        #: Statuses and types that take the place of the next streams; the last one stays.
        self.refusals: list[tuple[int, str]] = []
        #: Statuses of the next posts; ``None`` hangs up.
        self.post_statuses: list[int | None] = []
        #: Whether the head of a stream's answer is held back.
        self.withholds = False
        self.asked_for_streams = 0
        self.asked_for_health = 0
        #: Seconds that every post takes.
        self.delay = 0.0
        self._closing = threading.Event()
        plane = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                # A proxy is asked with the whole address.
                path, query = urlsplit(self.path)[2:4]
                if path == "/health":
                    plane.asked_for_health += 1
                    return self.reply(200)
                assert path == LINE_PATH
                plane.asked_for_streams += 1
                if plane.refusals:
                    status, kind = plane.refusals.pop(0) if len(plane.refusals) > 1 else plane.refusals[0]
                    return self.reply(status, kind)
                return plane.hold(self, query)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if plane.delay:
                    time.sleep(plane.delay)
                plane.posts.append((urlsplit(self.path).path, body, time.monotonic()))
                status = plane.post_statuses.pop(0) if plane.post_statuses else 200
                if status is None:
                    self.close_connection = True
                    return None
                return self.reply(status)

            def reply(self, status: int, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Workers come and go."""

        self._server = Server(("127.0.0.1", port), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def hold(self, handler: BaseHTTPRequestHandler, query: str) -> None:
        """Hold one stream to its end."""
        stream = Stream(query, {name.lower(): value for name, value in handler.headers.items()})
        self.streams.append(stream)
        handler.close_connection = True
        if self.withholds:
            self._closing.wait(10)
            return
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        self.begin(stream)
        try:
            while (text := self._next(stream, handler.connection)) is not None:
                handler.wfile.write(f"{len(text):x}\r\n".encode() + text + b"\r\n")
            handler.wfile.write(b"0\r\n\r\n")
        except OSError:
            pass
        finally:
            stream.left.set()

    def acknowledged(self) -> list[str]:
        """Return the ids that were acknowledged."""
        return [body["id"] for path, body, _ in self.posts if path == ACKNOWLEDGEMENTS_PATH]

    def answers(self) -> list[dict[str, Any]]:
        """Return the answers that came."""
        return [body for path, body, _ in self.posts if path == ANSWERS_PATH]

    def close(self) -> None:
        """End every stream and serve no more, as a plane does that stops."""
        self._closing.set()
        for stream in self.streams:
            stream.end()
        self._server.shutdown()
        self._server.server_close()

    def _next(self, stream: Stream, connection: socket.socket) -> bytes | None:
        while not self._closing.is_set():
            try:
                return stream.said.get(timeout=0.01)
            except queue.Empty:
                if select.select([connection], [], [], 0)[0] and not connection.recv(1, socket.MSG_PEEK):
                    return None
        return None
