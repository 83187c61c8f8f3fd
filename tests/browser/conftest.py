"""A control plane on a loopback port and a real browser in front of it."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from plane_twins import House
from playwright.sync_api import Browser, Page, sync_playwright
from served import Served

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def browser(require: Callable[[str], None]) -> Iterator[Browser]:
    """A Chromium without a window."""
    require("chromium")
    program = next(filter(None, map(shutil.which, _PROGRAMS)))
    flags = ["--disable-gpu", "--disable-dev-shm-usage"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        flags.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def served() -> Iterator[Served]:
    """A fresh control plane that listens."""
    house = House()
    server = uvicorn.Server(uvicorn.Config(house.app, port=0, log_config=None, access_log=False))
    ready = threading.Event()
    startup = server.startup

    async def started(sockets: list[object] | None = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = started  # uvicorn has no other sign that it listens
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(20)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(house=house, url=f"http://127.0.0.1:{port}")
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A fresh browser window; errors of the page's scripts and refusals of its policy fail the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(f"dialog {dialog.message}"), dialog.dismiss()))
    yield page
    context.close()
    assert said == []
