"""A network that misbehaves when told to: a proxy before a real server, over TCP or a unix socket, without root."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit, urlunsplit

T = TypeVar("T")

#: Where a server listens: a host and a port, or a unix socket.
Address = tuple[str, int] | Path

_CHUNK = 1 << 16
#: Close with a reset instead of a goodbye.
_LINGER = struct.pack("ii", 1, 0)


@dataclass
class Trap:
    """Takes one reply away: that to the first request that holds ``pattern``. The request itself arrives."""

    pattern: bytes
    sprung: threading.Event = field(default_factory=threading.Event)


@dataclass(eq=False)
class _Link:
    """One client's connection and the one made for it."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    #: Bytes vanish without a word, for good: a stream with a hole in it is of no more use.
    dead: bool = False
    trap: Trap | None = None
    #: The end of what was asked last: a pattern may be cut in two.
    tail: bytes = b""

    def reset(self) -> None:
        """End both sides as if a cable had been pulled out."""
        for side in (self.near, self.far):
            wire = side.get_extra_info("socket")
            if wire is not None and wire.family != socket.AF_UNIX:
                with contextlib.suppress(OSError):
                    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
            side.transport.abort()


class FaultProxy:
    """Passes bytes on, or does not. Every fault is set from any thread and holds until it is taken back."""

    def __init__(self, upstream: Address, *, path: Path | None = None, seed: int = 0) -> None:
        """``path`` listens on a unix socket; else on a free loopback port."""
        self._upstream = upstream
        self._path = path
        self._random = random.Random(seed)
        self._links: set[_Link] = set()
        self._traps: list[Trap] = []
        #: Seconds that each piece travels, each way, and so much more or less.
        self.latency = 0.0
        self.jitter = 0.0
        #: Bytes a second, each way.
        self.rate: float | None = None
        #: Seconds that a new connection waits for its server, as for one that has to wake up first.
        self.hold_new = 0.0
        #: Nothing arrives and nothing is refused, on old connections and new ones.
        self.blackhole = False
        #: A reset once so many bytes of replies have passed.
        self.cut_after: int | None = None
        self.accepted = 0
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._server: asyncio.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def through(self, url: str) -> str:
        """Return the server's address with this proxy in its place."""
        parts = urlsplit(url)
        return urlunsplit(parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{self.port}")))

    def reset(self) -> int:
        """Break every connection; return how many there were."""
        return self._do(self._each(_Link.reset))

    def deaden(self) -> int:
        """Let every present connection go silent for good, as a router does that forgets it; new ones work."""
        return self._do(self._each(lambda link: setattr(link, "dead", True)))

    def refuse(self) -> None:
        """Listen no more, and break what there is: the server is gone."""
        self._do(self._hush())
        self.reset()

    def accept(self) -> None:
        """Listen again, where it was before."""
        self._do(self._listen())

    def drop_reply(self, pattern: bytes) -> Trap:
        """Break the connection instead of the reply to the next request that holds ``pattern``."""
        trap = Trap(pattern=pattern)
        self._traps.append(trap)
        return trap

    def forget_traps(self) -> None:
        """Take back every trap that has not sprung."""
        self._traps.clear()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _each(self, act: Callable[[_Link], None]) -> int:
        links = list(self._links)
        for link in links:
            act(link)
        return len(links)

    async def _listen(self) -> None:
        if self._path is not None:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_CHUNK)
            return
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, limit=_CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _hush(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _close(self) -> None:
        await self._hush()
        await self._each(_Link.reset)
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        # Cancelled only by ``_close``; the library that made the task would log that as a fault of its own.
        with contextlib.suppress(asyncio.CancelledError):
            await self._link(reader, near)

    async def _link(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.hold_new:
            await asyncio.sleep(self.hold_new)
        try:
            far_reader, far = await self._connect()
        except OSError:
            near.transport.abort()
            return
        link = _Link(near, far)
        self._links.add(link)
        try:
            up = self._pass(reader, far, lambda data: self._asked(link, data))
            down = self._pass(far_reader, near, lambda data: self._answered(link, data))
            await asyncio.gather(up, down)
        except (OSError, asyncio.IncompleteReadError):
            link.reset()
        finally:
            self._links.discard(link)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._upstream, Path):
            return await asyncio.open_unix_connection(self._upstream, limit=_CHUNK)
        return await asyncio.open_connection(*self._upstream, limit=_CHUNK)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, let: Callable[[bytes], bool]
    ) -> None:
        """Carry one direction. What is on its way does not hold up what comes after it."""
        way: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        delivery = asyncio.ensure_future(self._deliver(way, writer))
        due = 0.0
        try:
            while data := await reader.read(_CHUNK):
                if let(data):
                    late = max(0.0, self.latency + self._random.uniform(-self.jitter, self.jitter))
                    due = max(due, self._loop.time() + late)
                    way.put_nowait((due, data))
            way.put_nowait(None)
            await delivery
        finally:
            delivery.cancel()

    async def _deliver(self, way: asyncio.Queue[tuple[float, bytes] | None], writer: asyncio.StreamWriter) -> None:
        while (piece := await way.get()) is not None:
            due, data = piece
            if due > self._loop.time():
                await asyncio.sleep(due - self._loop.time())
            await self._drip(data, writer)
        if writer.can_write_eof():
            writer.write_eof()

    async def _drip(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        """Write it, in twenty drops a second where there is a rate."""
        drop = len(data) if self.rate is None else max(1, int(self.rate / 20))
        for start in range(0, len(data), drop):
            piece = data[start : start + drop]
            writer.write(piece)
            await writer.drain()
            if self.rate is not None:
                await asyncio.sleep(len(piece) / self.rate)

    def _asked(self, link: _Link, data: bytes) -> bool:
        heard = link.tail + data
        trap = next((trap for trap in self._traps if trap.pattern in heard), None)
        if trap is not None:
            self._traps.remove(trap)
            link.trap = trap
        link.tail = heard[-64:] if trap is None else b""
        return self._alive(link)

    def _answered(self, link: _Link, data: bytes) -> bool:
        if link.trap is not None:
            link.trap.sprung.set()
            link.reset()
            return False
        if self.cut_after is not None:
            self.cut_after -= len(data)
            if self.cut_after < 0:
                self.cut_after = None
                link.reset()
                return False
        return self._alive(link)

    def _alive(self, link: _Link) -> bool:
        link.dead = link.dead or self.blackhole
        return not link.dead


def before(url: str) -> FaultProxy:
    """Return a proxy before the server on this machine that a URL names."""
    port = urlsplit(url).port
    assert port is not None
    return FaultProxy(("127.0.0.1", port))
