-- name: submit
-- Record jobs in the order given, or say of each why not.
select s.outcome, s.waiting, (s.job).*, s.place as position
  from unnest(%(id)s::text[], %(tenant)s::uuid[], %(kind)s::text[], %(repository)s::text[], %(repository_id)s::text[],
              %(payload)s::jsonb[], %(dedupe_key)s::text[], %(priority)s::smallint[], %(needs)s::jsonb[],
              %(ttl_ms)s::bigint[], %(cap)s::integer[], %(key)s::bytea[], %(fingerprint)s::bytea[])
       with ordinality as a(id, tenant, kind, repository, repository_id, payload, dedupe_key, priority, needs, ttl_ms,
                            cap, key, fingerprint, number)
 cross join lateral pharos.submit_job(a.id, a.tenant, a.kind, a.repository, a.repository_id, a.payload, a.dedupe_key,
                                      a.priority, a.needs, a.ttl_ms, a.cap, a.key, a.fingerprint) s
 order by a.number
-- name: start
-- Hand a job to a worker, or say why not.
select s.outcome, (s.job).* from pharos.start_job(%(id)s, %(worker)s, %(capabilities)s, %(keeps_vectors)s, %(schema)s,
                                                  %(lease_ms)s) s
-- name: turn
-- End attempts that have nothing to publish and start other jobs, all in one commit.
select t.ended, t.outcome, t.visible, (t.job).*
  from pharos.turn_jobs(%(tenant)s, %(ended)s, %(attempts)s, %(results)s, %(ids)s, %(worker)s, %(capabilities)s,
                        %(keeps_vectors)s, %(schema)s, %(lease_ms)s) t
-- name: renew
-- Keep an attempt alive.
select held, cancel_requested from pharos.renew_job(%(id)s, %(attempt)s, %(worker)s, %(lease_ms)s)
-- name: release
-- Give an attempt back to the queue.
select pharos.release_job(%(id)s, %(attempt)s, %(how)s, %(most)s, %(reason)s, %(detail)s, %(delay_ms)s) as state
-- name: give_back
-- Give attempts back that were not begun.
select g.id, g.state from pharos.return_jobs(%(ids)s, %(attempts)s, %(reason)s, %(detail)s) g
-- name: end
-- End an attempt without publishing.
select pharos.end_job(%(id)s, %(attempt)s, %(state)s, %(reason)s, %(detail)s) as ended
-- name: cancel
-- Ask for a job to be cancelled.
select * from pharos.cancel_job(%(id)s, %(tenant)s)
-- name: cancel_ingests
-- Ask for every open ingest of a repository to be cancelled.
select c.* from pharos.jobs j cross join lateral pharos.cancel_job(j.id, j.tenant_id) c
 where j.tenant_id = %(tenant)s and j.repository_id = %(repository_id)s and j.kind = 'ingest'
   and j.state in ('queued', 'running')
-- name: open
-- Every job that runs and so many that are queued, most urgent and oldest first.
select j.*, j.run_after <= clock_timestamp() as due,
       greatest(0, extract(epoch from j.run_after - clock_timestamp()))::float8 as due_in,
       extract(epoch from j.deadline_at - clock_timestamp())::float8 as deadline_in,
       extract(epoch from j.lease_until - clock_timestamp())::float8 as lease_in,
       extract(epoch from clock_timestamp() - j.started_at)::float8 as running_for,
       extract(epoch from clock_timestamp() - greatest(j.created_at, j.run_after))::float8 as age
  from (select * from pharos.jobs where state = 'running'
        union all
        (select * from pharos.jobs where state = 'queued' order by priority, created_at, id limit %(limit)s)) j
 order by j.priority, j.created_at, j.id
-- name: end_hopeless
-- Skip what is past its deadline, cancel what was cancelled and is not held.
select pharos.end_hopeless() as ended
-- name: promote
-- Treat LOW jobs that have waited long as NORMAL.
update pharos.jobs set priority = 2
 where state = 'queued' and priority = 3 and created_at < clock_timestamp() - %(age_ms)s * interval '1 millisecond'
returning id
-- name: forget
-- Delete ended jobs past their retention.
select pharos.forget_jobs(%(retention_ms)s) as forgotten
-- name: next_epoch
-- Take over as the one control plane.
update pharos.planes set epoch = epoch + 1 returning epoch
-- name: show
-- One job of this tenant.
select j.*, pharos.queue_position(j.id) as position from pharos.jobs j where j.id = %(id)s
-- name: list
-- A page of this tenant's jobs, newest first.
select * from pharos.jobs
 where (%(state)s::text is null or state = %(state)s) and (%(kind)s::text is null or kind = %(kind)s)
   and (%(before)s::text is null or id < %(before)s)
 order by id desc limit %(limit)s
-- name: ended
-- This tenant's jobs that ended last.
select * from pharos.jobs where finished_at is not null order by finished_at desc limit %(limit)s
-- name: use
-- Keep the totals of a month, unless larger ones are known, and return what is known then.
insert into pharos.usage (month, meter, amount)
select %(month)s::date, u.meter, u.amount
  from unnest(%(meters)s::text[], %(amounts)s::float8[]) as u(meter, amount)
on conflict (month, meter) do update set amount = greatest(usage.amount, excluded.amount)
returning meter, amount
