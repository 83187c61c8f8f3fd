"""The tasks for Dramatiq."""

from __future__ import annotations

import dramatiq
import jobs
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=jobs.REDIS))
nothing = dramatiq.actor(jobs.nothing, actor_name="nothing")
mark = dramatiq.actor(jobs.mark, actor_name="mark")
