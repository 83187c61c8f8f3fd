"""Fetching from a server that answers, a byte at a time."""

from __future__ import annotations

import time
from dataclasses import replace

import psutil
import pytest

from edge_worker.source.fetch import fetch
from shared.errors import Transient
from tests.faults.proxy import FaultProxy


def test_a_server_that_drips_is_left_at_the_deadline(repo, server, job, limits, reporter) -> None:
    """Fifty bytes a second never end before the deadline: the fetch does, within a second, and leaves no process."""
    repo.commit({"a.py": b"import b\n"})
    with FaultProxy(("127.0.0.1", server.port)) as proxy:
        proxy.rate = 50
        slow = replace(server, port=proxy.port)
        started = time.monotonic()

        with pytest.raises(Transient) as refused:
            fetch(
                slow.address(),
                ref=None,
                into=job,
                limits=replace(limits, seconds=2.0),
                access=server.access(),
                reporter=reporter,
            )

    assert refused.value.reason == "clone_timeout"
    assert time.monotonic() - started < 3.5
    children = psutil.Process().children(recursive=True)
    assert [child for child in children if "git" in " ".join(child.cmdline())] == []
