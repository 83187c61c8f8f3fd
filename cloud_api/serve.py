"""Serving: the control plane from its settings to its exit code."""

from __future__ import annotations

import gc
import signal
import socket
import sys
from collections.abc import Callable

import uvicorn

from cloud_api.services.bundle import Services
from cloud_api.wiring import build_app
from shared.errors import ConfigurationError
from shared.faults import arm
from shared.logs import configure_logs
from shared.settings import EXIT_CONFIG, CloudSettings, load

#: Seconds that open requests are given when the host asks us to stop.
_GRACE = 10
#: Seconds that an idle connection is kept: longer than workers keep theirs, so that nobody sends into a closed one.
_KEEP = 45

#: Objects that come to be between two looks for garbage: an answer makes hundreds, and hardly any of them in circles.
_GARBAGE = 20_000
#: Seconds that a thread keeps the interpreter while another one wants it: requests must get in while a pass computes.
_SWITCH = 0.0005


class Server(uvicorn.Server):
    """A server that ends what is held for ever before it waits for what is open."""

    def __init__(self, config: uvicorn.Config, *, release: Callable[[], None]) -> None:
        super().__init__(config)
        self._release = release

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening, end the lines, wait for the open requests."""
        self._release()
        await super().shutdown(sockets)


def serve() -> int:
    """Run until asked to stop; return the exit code: 0 stopped on request, 1 no listening, 78 a setting is wrong."""
    problems: list[Exception] = []
    try:
        settings = load(CloudSettings)
        configure_logs(settings.log_level, settings.secrets())
        arm(settings.fault_at)
        sys.setswitchinterval(_SWITCH)

        def give_up(error: Exception) -> None:
            problems.append(error)
            server.should_exit = True

        app = build_app(settings, give_up=give_up)
        services: Services = app.state.services
        server = Server(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=_GRACE,
                timeout_keep_alive=_KEEP,
            ),
            release=services.line.close,
        )
        # The server handles signals itself and raises them again when it has shut down: that is no news then.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: None)
        # What was loaded by now stays until the end, and need not be walked through again and again.
        gc.freeze()
        gc.set_threshold(_GARBAGE)
        gc.enable()
        server.run()
    except ConfigurationError as error:
        problems.append(error)
    for problem in problems:
        sys.stderr.write(f"{problem}\n")
        return EXIT_CONFIG if isinstance(problem, ConfigurationError) else 1
    return 0 if server.started else 1
