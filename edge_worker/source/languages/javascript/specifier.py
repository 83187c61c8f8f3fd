"""The parts of a specifier, and those that never mean a file of the repository (J2, J10)."""

from __future__ import annotations

import re

_EXTERNAL = re.compile(r"(?:node|bun|deno|npm|jsr|data|https?|file|virtual|blob|astro|cloudflare):")
_NAME = re.compile(r"(@[^/]+/[^/]+|[^@/.][^/]*)(?:/(.*))?")

_NODE = """
    assert async_hooks buffer child_process cluster console constants crypto dgram diagnostics_channel dns domain
    events fs http http2 https inspector module net os path perf_hooks process punycode querystring readline repl
    stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib
"""
BUILTINS = frozenset(_NODE.split())


def clean(specifier: str) -> str:
    """Return a specifier without bundler loaders and query."""
    return specifier.rpartition("!")[2].partition("?")[0]


def is_address(specifier: str) -> bool:
    """Return whether it names a scheme: a builtin, a URL, a virtual module."""
    return _EXTERNAL.match(specifier) is not None


def is_relative(specifier: str) -> bool:
    """Return whether it is a path from the importing file."""
    return specifier in {".", ".."} or specifier.startswith(("./", "../"))


def split_name(specifier: str) -> tuple[str, str] | None:
    """Return the package's name and the path within it, or None if no package can have that name."""
    match = _NAME.fullmatch(specifier)
    return (match[1], match[2] or "") if match else None
