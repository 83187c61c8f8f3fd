"""Everything that the routes may call."""

from __future__ import annotations

from dataclasses import dataclass

from cloud_api.board import Board
from cloud_api.presence import Presence
from cloud_api.services.comparing import Comparing
from cloud_api.services.graph import Graph
from cloud_api.services.health import Health
from cloud_api.services.heartbeats import Heartbeats
from cloud_api.services.history import History
from cloud_api.services.impact import Impacts
from cloud_api.services.jobs import Jobs
from cloud_api.services.line import Line
from cloud_api.services.repositories import Repositories
from cloud_api.services.search.service import Search
from cloud_api.services.submit import Submit
from cloud_api.services.waiting import Reasons
from cloud_api.services.workers import Workers
from cloud_api.usage import Usage


@dataclass(frozen=True, kw_only=True)
class Services:
    """The services of one control plane. ``presence``, ``board``, ``usage`` and ``health.now`` read memory alone."""

    submit: Submit
    jobs: Jobs
    reasons: Reasons
    history: History
    repositories: Repositories
    graph: Graph
    impacts: Impacts
    comparing: Comparing
    search: Search
    presence: Presence
    workers: Workers
    heartbeats: Heartbeats
    line: Line
    board: Board
    health: Health
    usage: Usage
