"""What the control plane refuses, as the errors of our tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from shared.errors import InvalidRequest, JobSignal, NotFound, PharosError, Unauthorized, Unavailable

_BY_STATUS: Mapping[int, type[PharosError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    404: NotFound,
    422: InvalidRequest,
    503: Unavailable,
}


class Unreachable(Unavailable):
    """The control plane does not answer."""

    code = "UNREACHABLE"


def failure_of(status: int, error: Mapping[str, object]) -> PharosError:
    """Return the error that an answer with this status tells of in its ``error``."""
    details = error.get("details")
    first = details[0] if isinstance(details, list) and details and isinstance(details[0], dict) else {}
    kind = _BY_CODE.get(str(error.get("code"))) or _BY_STATUS.get(status, PharosError)
    return kind(" ".join([str(error.get("message")), *_named(first)]))


def _named(details: Mapping[str, object]) -> list[str]:
    """Which value a validation error is about, since its message does not say."""
    place, what = details.get("where"), details.get("what")
    return [f"({place}: {what})"] if place and what else []


def _tree(top: type[PharosError]) -> Iterator[type[PharosError]]:
    yield top
    for below in top.__subclasses__():
        yield from _tree(below)


# How an attempt ends never crosses HTTP.
_BY_CODE = {kind.code: kind for kind in _tree(PharosError) if not issubclass(kind, JobSignal)}
