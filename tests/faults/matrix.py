"""The fault matrix: which test shows what, row by row. ``test_matrix.py`` sees to it that none is missing."""

from __future__ import annotations

from dataclasses import dataclass

_WORKER = "tests/faults/test_matrix_worker.py"
_MAILBOX = "tests/faults/test_matrix_mailbox.py"
_LEDGER = "tests/faults/test_matrix_ledger.py"
_CLOCK = "tests/faults/test_matrix_clock.py"
_COMPUTE = "tests/faults/test_matrix_compute.py"
_RECOVERY = "tests/acceptance/test_recovery.py"
_SOURCE = "tests/integration/source"
_LEDGERS = "tests/integration/ledger"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A fault at a moment, and the tests that inject it."""

    fault: str
    tests: tuple[str, ...]


MATRIX: dict[int, Row] = {
    1: Row(
        fault="worker killed between taking an id and starting its job",
        tests=(f"{_WORKER}::test_a_killed_workers_job_runs_elsewhere_in_75_seconds",),
    ),
    2: Row(
        fault="worker killed in mid-job",
        tests=(
            f"{_WORKER}::test_a_compute_process_dies_with_its_worker",
            f"{_RECOVERY}::test_a_job_outlives_its_worker",
            f"{_LEDGERS}/test_ledger_moves.py::test_stale_attempt_writes_nothing",
            "tests/unit/edge/test_child.py::test_a_child_ends_with_a_supervisor_that_is_killed",
        ),
    ),
    3: Row(
        fault="worker killed after its effect, before it is told",
        tests=(
            f"{_WORKER}::test_a_worker_killed_after_the_commit_leaves_one_effect",
            f"{_WORKER}::test_a_worker_killed_between_two_jobs_loses_neither",
            f"{_WORKER}::test_a_worker_killed_with_its_hands_full_loses_nothing",
            f"{_LEDGERS}/test_ledger_publish.py::test_publishing_twice_is_publishing_once",
        ),
    ),
    4: Row(
        fault="worker killed at fetch, parse, training, storing, embedding text, publishing",
        tests=(
            f"{_COMPUTE}::test_a_worker_killed_at_every_stage_publishes_once",
            "tests/faults/test_matrix_text.py::test_a_compute_process_killed_while_it_embeds_embeds_little_twice",
            f"{_WORKER}::test_a_killed_workers_job_runs_elsewhere_in_75_seconds",
            f"{_LEDGERS}/test_ledger_publish.py::test_reader_never_sees_a_mix",
        ),
    ),
    5: Row(
        fault="Redis restarted in mid-job",
        tests=(f"{_MAILBOX}::test_a_redis_that_restarts_in_mid_job_costs_nothing",),
    ),
    6: Row(
        fault="FLUSHALL",
        tests=(
            f"{_MAILBOX}::test_an_emptied_redis_has_every_job_on_its_lane_again",
            f"{_RECOVERY}::test_an_emptied_redis_loses_no_job",
        ),
    ),
    7: Row(fault="dead link to Redis", tests=(f"{_MAILBOX}::test_a_dead_link_is_found_out",)),
    8: Row(
        fault="latency and jitter",
        tests=(
            f"{_MAILBOX}::test_a_slow_network_makes_submits_slow_and_nothing_else",
            f"{_LEDGER}::test_the_cap_is_exact_for_200_submitters_far_away",
        ),
    ),
    9: Row(
        fault="reply to a push lost",
        tests=(f"{_MAILBOX}::test_a_lost_reply_of_redis_neither_loses_nor_doubles",),
    ),
    10: Row(fault="Redis full", tests=(f"{_MAILBOX}::test_a_full_redis_refuses_nobody",)),
    11: Row(fault="Postgres takes five seconds to wake", tests=(f"{_LEDGER}::test_a_sleeping_postgres_is_waited_for",)),
    12: Row(
        fault="Postgres hangs up in mid-transaction, on idle connections, or swallows an answer",
        tests=(
            f"{_LEDGER}::test_a_postgres_that_hangs_up_makes_one_job_of_one_key",
            f"{_LEDGER}::test_dead_idle_connections_fail_nobody",
            f"{_LEDGER}::test_a_postgres_that_says_nothing_is_given_up",
        ),
    ),
    13: Row(fault="reply to a commit lost", tests=(f"{_LEDGER}::test_a_lost_confirmation_is_one_job",)),
    14: Row(
        fault="200 concurrent submitters at the cap",
        tests=(
            f"{_LEDGER}::test_the_cap_is_exact_for_200_submitters_far_away",
            f"{_LEDGERS}/test_ledger_submit.py::test_cap_is_exact_under_200_submitters",
        ),
    ),
    15: Row(
        fault="Qdrant answers 503, hangs, or takes half a batch",
        tests=(
            "tests/contract/test_vector_store.py::test_qdrant_that_answers_503_is_unavailable",
            "tests/contract/test_vector_store.py::test_qdrant_that_hangs_is_unavailable",
            "tests/contract/test_vector_store.py::test_writing_twice_keeps_one",
        ),
    ),
    16: Row(
        fault="disk of the worker full",
        tests=(
            "tests/acceptance/test_bad_input.py::test_a_disk_without_room",
            f"{_SOURCE}/test_fetch_local.py::test_a_disk_that_is_nearly_full_is_left_alone",
            f"{_SOURCE}/test_fetch_local.py::test_a_disk_that_fills_up_on_the_way_is_tried_again",
        ),
    ),
    17: Row(
        fault="git server hangs or drips",
        tests=(
            f"{_SOURCE}/test_fetch_https.py::test_a_server_that_hangs_is_left_at_the_deadline",
            f"{_SOURCE}/test_fetch_drip.py::test_a_server_that_drips_is_left_at_the_deadline",
            f"{_SOURCE}/test_git_process.py::test_the_deadline_kills_the_whole_group",
        ),
    ),
    19: Row(fault="clocks wrong by minutes or a day", tests=(f"{_CLOCK}::test_no_clock_but_the_databases_decides",)),
    20: Row(
        fault="one id delivered twice, two workers for one job",
        tests=(
            f"{_WORKER}::test_two_workers_never_run_one_job",
            f"{_LEDGERS}/test_ledger_start.py::test_one_of_20_starters_gets_the_job",
            "tests/contract/test_vector_store.py::test_writing_twice_keeps_one",
        ),
    ),
    21: Row(
        fault="poisonous job",
        tests=(
            f"{_WORKER}::test_a_poisonous_job_ends_after_three_attempts",
            f"{_WORKER}::test_a_job_that_kills_its_machine_ends_after_ten_rescues",
        ),
    ),
    22: Row(
        fault="plane killed in mid-submit or in mid-repair",
        tests=(
            f"{_LEDGER}::test_a_plane_killed_in_mid_submit_has_recorded_one_job",
            f"{_LEDGER}::test_a_plane_killed_in_mid_repair_is_taken_over_from",
            f"{_RECOVERY}::test_a_plane_that_restarts_loses_no_job",
        ),
    ),
    26: Row(
        fault="worker frozen past its lease",
        tests=(
            f"{_WORKER}::test_a_lid_that_was_closed_resumes_its_attempt",
            f"{_WORKER}::test_a_frozen_workers_job_is_handed_over",
        ),
    ),
}

#: Rows about parts that Pharos does not have yet: GPU memory of models, backups.
LATER = frozenset({18, 23, 24, 25})
