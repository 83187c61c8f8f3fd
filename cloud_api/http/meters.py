"""The figures of this process for Prometheus: requests and refused credentials here, jobs and workers at each look."""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from cloud_api.board import Board
from cloud_api.budget import Meter
from cloud_api.presence import Presence
from cloud_api.services.search.figures import Figures
from cloud_api.usage import Usage
from shared.jobs.states import State

#: Exposition format 0.0.4.
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0)
_METHODS = frozenset({"GET", "POST", "DELETE", "HEAD", "OPTIONS", "PUT", "PATCH"})


class Meters:
    """What is counted while the process lives. Labels are route templates, never paths."""

    def __init__(self, *, board: Board, presence: Presence, usage: Usage, searches: Figures) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._registry.register(_Live(board=board, presence=presence, searches=searches))
        self._registry.register(_Month(usage))
        self._requests = Counter(
            "pharos_http_requests",
            "Requests answered, by method, route template and status.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "pharos_http_request_seconds",
            "Seconds from a request's head to its last byte, by route template.",
            ("route",),
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._refused = Counter(
            "pharos_credentials_refused",
            "Credentials that were wrong, by their kind.",
            ("kind",),
            registry=self._registry,
        )
        self._searches = Counter(
            "pharos_searches",
            "Searches answered, by source; the share of 'cache' is that of hits.",
            ("source",),
            registry=self._registry,
        )
        self._degraded = Counter(
            "pharos_searches_degraded",
            "Searches whose answer was less than it could be, by the reason.",
            ("reason",),
            registry=self._registry,
        )
        self._search_seconds = Histogram(
            "pharos_search_seconds",
            "Seconds of a search, by stage.",
            ("stage",),
            buckets=_BUCKETS,
            registry=self._registry,
        )

    def request(self, *, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def refused(self, kind: str) -> None:
        """Count a wrong credential: ``bearer``, ``cookie``, ``form`` or ``code``."""
        self._refused.labels(kind).inc()

    def search(self, *, source: str, degraded: str | None, timings: Mapping[str, float]) -> None:
        """Count an answered search; ``timings`` are milliseconds by stage, of few stages."""
        self._searches.labels(source).inc()
        if degraded is not None:
            self._degraded.labels(degraded).inc()
        for stage, length in timings.items():
            self._search_seconds.labels(stage).observe(length / 1000)

    def text(self) -> bytes:
        """Return all figures in the exposition format."""
        return generate_latest(self._registry)


class _Live(Collector):
    """Reads jobs, workers and the answers that are remembered from memory when somebody looks."""

    def __init__(self, *, board: Board, presence: Presence, searches: Figures) -> None:
        self._board = board
        self._presence = presence
        self._searches = searches

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        jobs = GaugeMetricFamily("pharos_jobs", "Jobs that have not ended, by state.", labels=("state",))
        counted = Count(job.state for job in self._board.snapshot().open_jobs)
        for state in (State.QUEUED, State.RUNNING):
            jobs.add_metric((state.value,), counted[state])
        yield jobs
        workers = GaugeMetricFamily("pharos_workers", "Workers known to this process, by state.", labels=("state",))
        for word, number in sorted(Count(worker.state for worker in self._presence.workers()).items()):
            workers.add_metric((word,), number)
        yield workers
        remembered = self._searches.remembered()
        yield GaugeMetricFamily("pharos_search_cache_bytes", "Bytes of remembered answers.", value=remembered)


#: Each meter's name and unit here, and how many of those units are one of the meter's own.
_MONTH: dict[Meter, tuple[str, str, float]] = {
    "redis_commands": ("pharos_month_redis_commands", "Redis commands", 1.0),
    "postgres_hours": ("pharos_month_postgres_awake_seconds", "Seconds that Postgres is awake", 3600.0),
    "host_hours": ("pharos_month_host_awake_seconds", "Seconds that this host is awake", 3600.0),
}


class _Month(Collector):
    """Reads the month's usage from memory when somebody looks."""

    def __init__(self, usage: Usage) -> None:
        self._usage = usage

    def describe(self) -> Iterable[Metric]:
        return ()

    def collect(self) -> Iterable[Metric]:
        for meter in self._usage.view().meters:
            name, what, scale = _MONTH[meter.meter]
            yield GaugeMetricFamily(name, f"{what} since this month began (UTC).", value=meter.used * scale)
            yield GaugeMetricFamily(f"{name}_limit", f"{what}: what the plan allows.", value=meter.limit * scale)
            if meter.forecast is not None:
                come_to = f"{what}: what this month comes to at its pace so far."
                yield GaugeMetricFamily(f"{name}_forecast", come_to, value=meter.forecast * scale)
