"""Every error of Pharos, in one tree.

PharosError
├── ConfigurationError          a setting is missing or wrong; the process ends with exit code 78
│   └── SchemaMismatch          the ledger was made for another version
├── RequestError                the caller must change something (4xx)
│   ├── InvalidRequest
│   │   └── InvalidRepository
│   ├── Unauthorized
│   ├── Forbidden
│   ├── NotFound
│   ├── QueueFull
│   ├── IdempotencyConflict
│   ├── LivesElsewhere          a repository's vectors lie on another node than the one that was asked for
│   ├── NotEnded                a job that has not ended cannot be run again
│   ├── TooLate                 nobody waits for this answer any more
│   └── LedgerRefused           Postgres cannot hold such a value
├── Unavailable                 something that Pharos stands on does not answer (503)
│   ├── LedgerUnavailable
│   ├── MailboxUnavailable
│   ├── StoreUnavailable
│   ├── NoWorker                no worker that could answer holds a line
│   └── NotAnswered             the time is over, and nobody answered
└── JobSignal                   how an attempt ends when it does not return a result
    ├── Transient               try again later, counted
    ├── Permanent               it can never work
    ├── Snooze                  not now, nothing counted
    └── Cancelled               somebody asked for it

``code`` is the stable contract; the message is what a person reads: what happened, what it means for the data, one
thing to do. Drivers' errors are turned into these once, at the adapter.
"""

from __future__ import annotations

from typing import ClassVar


class PharosError(Exception):
    """Something went wrong in Pharos."""

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, message: str | None = None, **details: str | int | float | bool | None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        self.details = details
        super().__init__(self.message)


class ConfigurationError(PharosError):
    """A setting is missing or wrong."""

    code = "CONFIGURATION"


class SchemaMismatch(ConfigurationError):
    """The ledger has another schema than this version was written for."""


class RequestError(PharosError):
    """The request cannot be accepted as it is."""

    code = "BAD_REQUEST"


class InvalidRequest(RequestError):
    """The request does not have the expected form. Nothing was changed."""

    code = "INVALID_REQUEST"


class InvalidRepository(InvalidRequest):
    """That is not the address of a repository that Pharos may read. Nothing was queued."""

    code = "INVALID_REPOSITORY"


class Unauthorized(RequestError):
    """A valid token is needed. Send it as 'Authorization: Bearer …'."""

    code = "UNAUTHORIZED"


class Forbidden(RequestError):
    """This token may not do that."""

    code = "FORBIDDEN"


class NotFound(RequestError):
    """There is no such thing here."""

    code = "NOT_FOUND"


class QueueFull(RequestError):
    """The queue is full. Nothing was added."""

    code = "QUEUE_FULL"


class IdempotencyConflict(RequestError):
    """This Idempotency-Key was used for a different request. Use a new key."""

    code = "IDEMPOTENCY_CONFLICT"


class LivesElsewhere(RequestError):
    """The vectors of this repository lie on another node, and its jobs go there. Nothing was queued."""

    code = "LIVES_ELSEWHERE"


class NotEnded(RequestError):
    """This job has not ended, so there is nothing to run again. Nothing was changed."""

    code = "NOT_ENDED"


class TooLate(RequestError):
    """Nobody waits for this answer any more: its time is over, or somebody else gave it."""

    code = "TOO_LATE"


class LedgerRefused(RequestError):
    """The ledger cannot hold a value like that, for example a text with a NUL in it. Nothing was recorded."""

    code = "LEDGER_REFUSED"


class Unavailable(PharosError):
    """Something that Pharos stands on does not answer. Try again in a moment."""

    code = "UNAVAILABLE"


class LedgerUnavailable(Unavailable):
    """The ledger (Postgres) does not answer. Nothing was recorded; try again in a moment."""

    code = "LEDGER_UNAVAILABLE"


class MailboxUnavailable(Unavailable):
    """The queue (Redis) does not answer. Jobs are still accepted and run, a little later than usual."""

    code = "MAILBOX_UNAVAILABLE"

    @property
    def refused(self) -> bool:
        """Whether Redis is there and said no: asking again at once spends commands for nothing."""
        return bool(self.details.get("refused"))


class StoreUnavailable(Unavailable):
    """The vector store does not answer. Nothing that was published is lost."""

    code = "STORE_UNAVAILABLE"


class NoWorker(Unavailable):
    """No worker that could answer is there. Start one, or try again when one is back."""

    code = "NO_WORKER"


class NotAnswered(Unavailable):
    """A worker was asked and did not answer in time. Nothing was changed; try again."""

    code = "NOT_ANSWERED"


class JobSignal(PharosError):
    """An attempt ended without a result."""

    code = "JOB_SIGNAL"

    def __init__(self, reason: str, message: str, **details: str | int | float | bool | None) -> None:
        self.reason = reason
        super().__init__(message, **details)


class Transient(JobSignal):
    """It may work later: the attempt is counted and tried again with back-off."""

    code = "TRANSIENT"


class Permanent(JobSignal):
    """It can never work as asked: the job ends as failed."""

    code = "PERMANENT"


class Snooze(JobSignal):
    """Not now: the job goes back to the queue and nothing is counted."""

    code = "SNOOZE"


class Cancelled(JobSignal):
    """Somebody asked for the job to be cancelled."""

    code = "CANCELLED"
