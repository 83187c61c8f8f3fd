"""The checker accepts a history in which every promise was kept, and sees each way to break one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import check
from tests.chaos.history import Ask, Change, History, Publication, Visible

REPO, OTHER = "repo_a", "repo_b"


def _ask(job_id: str = "job_1", **changes: Any) -> Ask:
    return Ask(**{"key": f"key of {job_id}", "job_id": job_id, "repository": "a", "fate": "succeed", **changes})


def _change(at: int, state: str, **changes: Any) -> Change:
    given: dict[str, Any] = {
        "at": at,
        "transaction": 100 + at,
        "job_id": "job_1",
        "repository_id": REPO,
        "state": state,
        "attempt": 1,
        "generation": 1,
        "failures": 0,
        "rescues": 0,
        "worker": None,
        "reason": None,
        "seconds": float(at),
    }
    return Change(**{**given, **changes})


BORN = _change(1, "queued", attempt=0, generation=None)
RUNS = _change(2, "running")
LOST = _change(3, "queued", rescues=1)
AGAIN = _change(4, "running", attempt=2, generation=2, rescues=1)
DONE = _change(5, "succeeded", attempt=2, generation=2, rescues=1, transaction=500)
OUT = Publication(at=6, transaction=500, repository_id=REPO, generation=2, commit="job_1.2")
SEEN = Visible(repository_id=REPO, generation=2, commit="job_1.2", paths=("job_1.2/0.py", "job_1.2/1.py"))

GOOD = History(asks=(_ask(), _ask()), changes=(BORN, RUNS, LOST, AGAIN, DONE), publications=(OUT,), visible=(SEEN,))
FAILED = replace(
    GOOD,
    asks=(_ask(fate="fail"),),
    changes=(BORN, RUNS, _change(3, "failed", failures=1)),
    publications=(),
    visible=(),
)


@pytest.mark.parametrize("history", [GOOD, FAILED], ids=["rescued-and-succeeded", "failed-as-planted"])
def test_a_history_without_a_fault_passes(history: History) -> None:
    """A job that was rescued once and succeeded, and one that failed as it was meant to, are what they should be."""
    verdict = check(history)

    assert (verdict.lost, verdict.doubled, verdict.problems) == (0, 0, ())


_SECOND = [
    replace(change, at=change.at + 10, transaction=change.transaction + 1000, job_id="job_2") for change in GOOD.changes
]

BROKEN: dict[str, tuple[History, str, str]] = {
    "not-in-the-ledger": (replace(GOOD, asks=(*GOOD.asks, _ask("job_9"))), "lost", "not in the ledger"),
    "still-queued": (
        replace(GOOD, changes=(BORN, RUNS, LOST), publications=(), visible=()),
        "lost",
        "did not end: it is queued",
    ),
    "still-running": (replace(FAILED, changes=(BORN, RUNS)), "lost", "did not end: it is running"),
    "failed-unplanted": (replace(FAILED, asks=GOOD.asks), "lost", "succeed meant"),
    "succeeded-though-planted": (replace(GOOD, asks=(_ask(fate="fail"),)), "lost", "fail meant"),
    "success-without-effect": (replace(GOOD, publications=(), visible=()), "doubled", "with the effects []"),
    "effect-of-another-generation": (
        replace(GOOD, publications=(replace(OUT, generation=1),), visible=(replace(SEEN, generation=1),)),
        "doubled",
        "succeeded with the effects",
    ),
    "effect-of-a-stale-attempt": (
        replace(GOOD, publications=(replace(OUT, commit="job_1.1"),), visible=(replace(SEEN, commit="job_1.1"),)),
        "doubled",
        "succeeded with the effects",
    ),
    "effect-in-another-transaction": (
        replace(GOOD, publications=(replace(OUT, transaction=501),)),
        "doubled",
        "no job succeeded with it",
    ),
    "two-effects": (
        replace(GOOD, publications=(replace(OUT, at=5, transaction=499, generation=1, commit="job_1.1"), OUT)),
        "doubled",
        "no job succeeded with it",
    ),
    "effect-of-a-failure": (
        replace(FAILED, publications=(replace(OUT, generation=1, commit="job_1.1"),)),
        "doubled",
        "no job succeeded with it",
    ),
    "older-generation-visible": (
        replace(GOOD, visible=(replace(SEEN, generation=1),)),
        "doubled",
        "not published last",
    ),
    "generation-goes-back": (
        replace(GOOD, publications=(replace(OUT, at=0, transaction=7, generation=9, commit="job_0.1"), OUT)),
        "doubled",
        "went from generation 9 to 2",
    ),
    "files-of-two-attempts": (
        replace(GOOD, visible=(replace(SEEN, paths=("job_1.1/0.py", "job_1.2/0.py")),)),
        "doubled",
        "shows files that are not those",
    ),
    "no-files": (replace(GOOD, visible=(replace(SEEN, paths=()),)), "doubled", "shows files that are not those"),
    "published-and-invisible": (replace(GOOD, visible=()), "doubled", "is not visible"),
    "recorded-twice": (
        replace(
            GOOD,
            changes=(*GOOD.changes, *(replace(change, repository_id=OTHER) for change in _SECOND)),
            publications=(
                OUT,
                replace(OUT, at=16, transaction=1500, repository_id=OTHER, commit="job_2.2"),
            ),
            visible=(SEEN, replace(SEEN, repository_id=OTHER, commit="job_2.2", paths=("job_2.2/0.py",))),
        ),
        "",
        "was given to nobody",
    ),
    "key-of-two-jobs": (
        replace(GOOD, asks=(_ask(), _ask("job_1", key="k"), _ask("job_2", key="k"))),
        "lost",
        "the key k",
    ),
    "ended-twice": (
        replace(GOOD, changes=(*GOOD.changes, replace(DONE, at=9, transaction=900, state="failed"))),
        "lost",
        "went from succeeded to failed",
    ),
    "revived-after-its-end": (
        replace(GOOD, changes=(*GOOD.changes, replace(AGAIN, at=9, attempt=3, generation=3))),
        "lost",
        "went from succeeded to running",
    ),
    "attempt-not-raised": (
        replace(GOOD, changes=(BORN, RUNS, LOST, replace(AGAIN, attempt=1), replace(DONE, attempt=1))),
        "doubled",
        "went from attempt 1 to 1",
    ),
    "generation-used-twice": (
        replace(GOOD, changes=(BORN, RUNS, LOST, replace(AGAIN, generation=1), DONE)),
        "",
        "got generation 1 after 1",
    ),
    "born-running": (replace(GOOD, changes=(RUNS, LOST, AGAIN, DONE)), "", "began as running"),
    "too-many-rescues": (
        replace(GOOD, changes=(*GOOD.changes[:-1], replace(DONE, rescues=12))),
        "",
        "12 rescues",
    ),
    "too-many-failures": (replace(FAILED, changes=(BORN, RUNS, _change(3, "failed", failures=4))), "", "4 failures"),
    "two-at-once": (
        replace(
            FAILED,
            asks=(_ask(fate="fail"), _ask("job_2", fate="fail")),
            changes=(
                BORN,
                RUNS,
                replace(BORN, at=3, job_id="job_2"),
                replace(RUNS, at=4, job_id="job_2", generation=2),
                _change(5, "failed"),
                _change(6, "failed", job_id="job_2", generation=2),
            ),
        ),
        "",
        "at once",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_promise_is_seen(name: str) -> None:
    """A history in which one promise is broken is refused, with words that say which."""
    history, figure, words = BROKEN[name]

    verdict = check(history)

    assert any(words in problem for problem in verdict.problems), verdict.problems
    assert not figure or getattr(verdict, figure) > 0
