"""Logs: one JSON object a line on stderr, events in the past tense with fields, and no secret in any of them."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterable, Mapping
from functools import lru_cache

import structlog
from structlog.typing import EventDict, WrappedLogger

_SECRET_KEYS = re.compile(r"(?i)authorization|token|password|secret|cookie|dsn|api_key")
_USERINFO = re.compile(r"(?i)([a-z][a-z0-9+.-]*://)[^/\s]+@")
_MASK = "[redacted]"


def configure_logs(level: str, secrets: Iterable[str] = ()) -> None:
    """Set up logging for this process; ``secrets`` are values that must never appear, whatever field they are in."""
    hidden = tuple(secret for secret in secrets if len(secret) >= 8)

    def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        return {key: _field(key, value, hidden) for key, value in event.items()}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # What libraries say goes the same way: a driver's warning may well hold an address with its password.
    logging.basicConfig(level=logging.WARNING, handlers=[_Bridge()], force=True)


class _Bridge(logging.Handler):
    """Passes on what a library logged."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log one record as an event of ours."""
        said = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None:
            said = f"{said}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        get_logger(record.name).log(record.levelno, "library_said", said=said)


def _field(key: str, value: object, hidden: tuple[str, ...]) -> object:
    return _MASK if _is_secret(key) else _clean(value, hidden)


@lru_cache(maxsize=512)
def _is_secret(key: str) -> bool:
    return _SECRET_KEYS.search(key) is not None


def _clean(value: object, hidden: tuple[str, ...]) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {_text(key, hidden): _field(str(key), inner, hidden) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_clean(inner, hidden) for inner in value]
    return _text(value, hidden)


def _text(value: object, hidden: tuple[str, ...]) -> str:
    # What is no text, such as an error, is written as text: it may well hold an address with a password.
    text = str(value)
    for secret in hidden:
        text = text.replace(secret, _MASK)
    return _USERINFO.sub(rf"\1{_MASK}@", text)


def get_logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """Return the logger of one room."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger(room=name)
    return logger
