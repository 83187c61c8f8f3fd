"""The tasks for taskiq."""

from __future__ import annotations

import jobs
from taskiq_redis import ListQueueBroker, RedisAsyncResultBackend

broker = ListQueueBroker(url=jobs.REDIS).with_result_backend(RedisAsyncResultBackend(redis_url=jobs.REDIS))
nothing = broker.task(task_name="nothing")(jobs.nothing)
mark = broker.task(task_name="mark")(jobs.mark)
