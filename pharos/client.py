"""The control plane's HTTP API, as the command line uses it: patient with a plane that sleeps, errors as ours."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import httpx2

from pharos.answers import (
    MOST,
    Accepted,
    DutyAnswer,
    Echo,
    File,
    Health,
    Job,
    Reached,
    Repository,
    SignIn,
    Similar,
    Usage,
    Worker,
    WorkerDetail,
    WorkerStatus,
)
from pharos.failures import Unreachable, failure_of
from pharos.graph_answers import Impact, Way
from pharos.loopback import is_loopback
from pharos.search_answers import Search
from pharos.sendable import check_text, segment
from shared.errors import PharosError

#: Seconds that a sleeping host may take to wake; a free plan takes about 30.
PATIENCE = 90.0
#: Seconds of silence after which a person is told why.
QUIET = 3.0
#: Milliseconds that a person waits, whose worker may have to start its search first.
SEARCH_MS = "8000"
WAKING = "Waking the control plane. This takes about 30 s on the free plan."
#: What a host answers in place of a plane that is not up yet.
_ASLEEP = frozenset({502, 503, 504})


class PlaneClient:
    """A connection to one control plane. Every call raises ``Unreachable``, or the error that the plane answers.

    The plane's host may sleep: a call waits ``patience`` seconds for it, and ``tell`` says why after ``quiet`` seconds.
    """

    def __init__(
        self, url: str, token: str, *, tell: Callable[[str], None], patience: float = PATIENCE, quiet: float = QUIET
    ) -> None:
        here = is_loopback(url)
        self.url, self._tell, self._patience = url, tell, patience
        # Nothing on this machine sleeps.
        self._quiet = None if here else quiet
        self._http = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(patience),
            trust_env=not here,  # a proxy cannot reach this machine's loopback
        )

    def health(self) -> Health:
        """Return how the plane and what it stands on are."""
        answer: Health = self._ask("GET", "/health")
        return answer

    def date(self) -> str | None:
        """Return the plane's clock, as its ``Date`` header (RFC 9110) tells it."""
        with self._explained():
            response = self._send(self._http.build_request("GET", "/health"))
        return response.headers.get("Date")

    def worker_status(self) -> WorkerStatus:
        """Return the one line about the busiest worker."""
        answer: WorkerStatus = self._ask("GET", "/api/v1/ingestion/worker/status")
        return answer

    def workers(self) -> list[Worker]:
        """Return every worker that was heard in the last day."""
        answer: list[Worker] = self._ask("GET", "/api/v1/workers")
        return answer

    def worker(self, name: str) -> WorkerDetail:
        """Return one worker, by its node's name or its own id."""
        answer: WorkerDetail = self._ask("GET", f"/api/v1/workers/{segment(name)}")
        return answer

    def order(self, name: str, verb: str, body: Mapping[str, object]) -> DutyAnswer:
        """Have a worker ``pause``, ``drain`` or ``resume``; return who is there to follow."""
        answer: DutyAnswer = self._ask("POST", f"/api/v1/workers/{segment(name)}/{verb}", json=body)
        return answer

    def echo(self, *, seconds: float) -> Echo:
        """Have the least loaded worker say a text again over its line within so many seconds."""
        answer: Echo = self._ask("POST", "/api/v1/workers/echo", json={"seconds": seconds})
        return answer

    def usage(self) -> Usage:
        """Return what this month has taken of the plans."""
        answer: Usage = self._ask("GET", "/api/v1/usage")
        return answer

    def sign_in(self) -> SignIn:
        """Return a link that signs a browser in, once."""
        answer: SignIn = self._ask("POST", "/api/v1/sign-in-codes")
        return answer

    def submit(self, body: Mapping[str, object]) -> Accepted:
        """Queue an ingest; asked again after a lost answer, the plane finds it by its key."""
        answer: Accepted = self._ask("POST", "/api/v1/ingestion/ingest", json=body, headers=_once())
        return answer

    def jobs(self, *, state: str | None = None, kind: str | None = None, limit: int = 50) -> list[Job]:
        """Return the newest jobs, newest first; at most 200."""
        answer: list[Job] = self._ask("GET", "/api/v1/jobs", params={"state": state, "kind": kind, "limit": limit})
        return answer

    def job(self, job_id: str) -> Job:
        """Return one job."""
        answer: Job = self._ask("GET", f"/api/v1/jobs/{segment(job_id)}")
        return answer

    def cancel(self, job_id: str) -> Job:
        """Ask for a job to be cancelled; return it as it is then."""
        answer: Job = self._ask("DELETE", f"/api/v1/jobs/{segment(job_id)}")
        return answer

    def retry(self, job_id: str) -> Accepted:
        """Run an ended job again; asked again after a lost answer, the plane finds the new job by its key."""
        answer: Accepted = self._ask("POST", f"/api/v1/jobs/{segment(job_id)}/retry", headers=_once())
        return answer

    def repositories(self) -> Iterator[Repository]:
        """Yield every indexed repository by name."""
        yield from self._pages("/api/v1/repositories")

    def repository(self, repository_id: str) -> Repository:
        """Return one repository."""
        answer: Repository = self._ask("GET", _repository(repository_id))
        return answer

    def remove(self, repository_id: str) -> Accepted:
        """Remove a repository; return the job that takes its vectors."""
        answer: Accepted = self._ask("DELETE", _repository(repository_id))
        return answer

    def files(self, repository_id: str) -> Iterator[File]:
        """Yield the source files of a repository."""
        yield from self.listed(repository_id, "files")

    def similar(self, repository_id: str, path: str, *, limit: int) -> Similar:
        """Return the files most like one."""
        where = f"{_repository(repository_id)}/similar"
        answer: Similar = self._ask("GET", where, params={"path": path, "limit": limit})
        return answer

    def reached(self, repository_id: str, path: str, *, which: str, depth: int, limit: int = MOST) -> list[Reached]:
        """Return the ``dependents`` or the ``dependencies`` of a file, nearest first."""
        where = f"{_repository(repository_id)}/{which}"
        answer: list[Reached] = self._ask("GET", where, params={"path": path, "depth": depth, "limit": limit})
        return answer

    def paths(self, repository_id: str, source: str, target: str, *, limit: int) -> list[Way]:
        """Return the shortest import paths from one file to another."""
        where, asked = f"{_repository(repository_id)}/paths", {"source": source, "target": target, "limit": limit}
        answer: list[Way] = self._ask("GET", where, params=asked)
        return answer

    def central(self, repository_id: str, *, by: str, limit: int) -> list[File]:
        """Return the files on which most rests."""
        where = f"{_repository(repository_id)}/central"
        answer: list[File] = self._ask("GET", where, params={"by": by, "limit": limit})
        return answer

    def impact(self, repository_id: str, asked: Mapping[str, object]) -> Impact:
        """Return what a change touches, given by its files or by two commits."""
        answer: Impact = self._ask("POST", f"{_repository(repository_id)}/impact", json=asked)
        return answer

    def search(self, asked: Mapping[str, object]) -> Search:
        """Return what a question finds in the text of repositories."""
        answer: Search = self._ask("POST", "/api/v1/search", json=asked, headers={"X-Deadline-Ms": SEARCH_MS})
        return answer

    def listed(self, repository_id: str, what: str, *, page: int = 200) -> Iterator[Any]:
        """Yield every row of a list about a repository, such as its ``orphans``, ``page`` of them at a time."""
        yield from self._pages(f"{_repository(repository_id)}/{what}", limit=page)

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _pages(self, path: str, *, limit: int = 200) -> Iterator[Any]:
        cursor = None
        while True:
            body = self._envelope("GET", path, params={"limit": limit, "cursor": cursor})
            yield from body["data"]
            cursor = body["meta"].get("next_cursor")
            if cursor is None:
                return

    def _ask(self, method: str, path: str, **given: Any) -> Any:
        return self._envelope(method, path, **given)["data"]

    def _envelope(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        json: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        query = {name: str(value) for name, value in (params or {}).items() if value is not None}
        check_text([query, json])
        request = self._http.build_request(method, path, params=query, json=json, headers=headers)
        with self._explained():
            response = self._send(request)
        body = _object(response)
        if response.is_success and body.get("success") is True:
            return body
        raise self._failure(response, body)

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        deadline = time.monotonic() + self._patience
        while True:
            try:
                response = self._http.send(request)
            except httpx2.TransportError as error:
                raise self._unreachable(type(error).__name__, sent=_may_have_arrived(request, error)) from error
            asleep = response.status_code in _ASLEEP and "success" not in _object(response)
            if not asleep or self._quiet is None or time.monotonic() > deadline:
                return response
            time.sleep(min(2.0, self._quiet))  # it was the host that answered: the plane has seen nothing yet

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Say why nothing happens, once it has been quiet for a while."""
        if self._quiet is None:
            yield
            return
        timer = threading.Timer(self._quiet, self._tell, (WAKING,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _failure(self, response: httpx2.Response, body: Mapping[str, Any]) -> PharosError:
        error = body.get("error")
        if not isinstance(error, dict):
            return self._unreachable(f"HTTP {response.status_code}, and not from Pharos", sent=False)
        return failure_of(response.status_code, error)

    def _unreachable(self, cause: str, *, sent: bool) -> Unreachable:
        state = "Whether it did what was asked is not known: pharos jobs." if sent else "Nothing was changed."
        return Unreachable(f"The control plane at {self.url} does not answer ({cause}). {state} Look: pharos doctor")


def _may_have_arrived(request: httpx2.Request, error: httpx2.TransportError) -> bool:
    return request.method != "GET" and not isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout)


def _once() -> dict[str, str]:
    return {"Idempotency-Key": f'"{uuid.uuid4()}"'}


def _repository(repository_id: str) -> str:
    return f"/api/v1/repositories/{segment(repository_id)}"


def _object(response: httpx2.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
