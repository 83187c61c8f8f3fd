-- Needs of main memory and of a model, and what a month has used of the free plans.

-- The same rule as shared.nodes.capabilities.Needs.met_by, asked where the race is decided.
create or replace function pharos.needs_met(p_kind text, p_needs jsonb, p_capabilities jsonb) returns boolean
language sql immutable
as $$
    select p_capabilities -> 'kinds' ? p_kind
       and ((p_needs ->> 'node') is null or p_needs ->> 'node' = p_capabilities ->> 'node')
       and (coalesce((p_capabilities ->> 'gpu')::boolean, false)
            or not coalesce((p_needs ->> 'gpu')::boolean, false) and coalesce((p_needs ->> 'gpu_memory')::numeric, 0) = 0)
       and coalesce((p_needs ->> 'gpu_memory')::numeric, 0) <= coalesce((p_capabilities ->> 'gpu_memory')::numeric, 0)
       and coalesce((p_needs ->> 'memory')::numeric, 0) <= coalesce((p_capabilities ->> 'memory')::numeric, 0)
       and ((p_needs ->> 'model') is null or coalesce(p_capabilities -> 'models', '[]') ? (p_needs ->> 'model'))
$$;

-- Totals of a month, which only ever grow: whoever writes an older total changes nothing.
create table pharos.usage (
    month date not null,
    meter text not null check (meter in ('redis_commands', 'postgres_seconds', 'host_seconds')),
    amount double precision not null check (amount >= 0),
    primary key (month, meter)
);
grant select, insert, update, delete on pharos.usage to pharos_keeper;

-- What waits for its first start, in the order of the queue: the cap and a job's place are counted here.
create index jobs_waiting on pharos.jobs (kind, priority, created_at, id) include (deadline_at)
 where state = 'queued' and first_started_at is null and cancel_requested_at is null;

create or replace function pharos.queue_position(p_id text) returns integer
language sql stable
as $$
    select case when pharos.is_waiting(job) then 1 + (
        select count(*) from pharos.jobs other
         where other.kind = job.kind and other.state = 'queued' and other.first_started_at is null
           and other.cancel_requested_at is null
           and (other.deadline_at is null or other.deadline_at > clock_timestamp())
           and (other.priority, other.created_at, other.id) < (job.priority, job.created_at, job.id)
    ) else 0 end::integer
      from pharos.jobs job where job.id = p_id
$$;

-- As before, but what waits is counted once, off the index: the lock of a kind is held no longer than that takes. And
-- one more outcome, elsewhere: it was asked for on another node than the one that has the repository's vectors.
create or replace function pharos.submit_job(
    p_id text, p_tenant uuid, p_kind text, p_repository text, p_repository_id text, p_payload jsonb,
    p_dedupe_key text, p_priority smallint, p_needs jsonb, p_ttl_ms bigint, p_cap integer,
    p_key bytea, p_fingerprint bytea
) returns table (outcome text, job pharos.jobs, waiting integer, place integer)
language plpgsql
as $$
declare
    known pharos.idempotency_keys;
    made pharos.jobs;
    home text;
    moment timestamptz;
    ahead integer;
    before integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('pharos.submit:' || p_kind, 0));
    moment := clock_timestamp();
    if p_key is not null then
        delete from pharos.idempotency_keys k
         where k.key = p_key and k.created_at <= moment - interval '24 hours';
        select * into known from pharos.idempotency_keys k where k.key = p_key;
        if found then
            select * into made from pharos.jobs j where j.id = known.job_id;
            return query select case when known.fingerprint = p_fingerprint then 'replayed' else 'conflict' end, made, 0,
                                pharos.queue_position(made.id);
            return;
        end if;
    end if;

    -- A new job is the last of its priority.
    select count(*), count(*) filter (where j.priority <= p_priority) into ahead, before
      from pharos.jobs j
     where j.kind = p_kind and j.state = 'queued' and j.first_started_at is null and j.cancel_requested_at is null
       and (j.deadline_at is null or j.deadline_at > moment);
    select * into made from pharos.jobs j
     where j.tenant_id = p_tenant and j.dedupe_key = p_dedupe_key and j.state = 'queued'
       and j.first_started_at is null and j.cancel_requested_at is null
       and (j.deadline_at is null or j.deadline_at > moment)
     order by j.created_at limit 1;
    if found then
        -- Whoever is in more of a hurry takes the others along.
        update pharos.jobs j set priority = least(j.priority, p_priority) where j.id = made.id returning * into made;
        if p_key is not null then
            insert into pharos.idempotency_keys (key, tenant_id, fingerprint, job_id)
            values (p_key, p_tenant, p_fingerprint, made.id);
        end if;
        return query select 'deduplicated', made, ahead, pharos.queue_position(made.id);
        return;
    end if;
    if ahead >= p_cap then
        return query select 'full', null::pharos.jobs, ahead, 0;
        return;
    end if;

    if p_kind = 'ingest' then
        select h.node into home from pharos.homes h
         where h.tenant_id = p_tenant and h.repository_id = p_repository_id;
        if home <> (p_needs ->> 'node') then
            return query select 'elsewhere', null::pharos.jobs, ahead, 0;
            return;
        end if;
    end if;
    insert into pharos.jobs (id, tenant_id, kind, repository, repository_id, payload, dedupe_key, priority, needs,
                             created_at, run_after, deadline_at)
    values (p_id, p_tenant, p_kind, p_repository, p_repository_id, p_payload, p_dedupe_key, p_priority,
            case when home is null then p_needs else p_needs || jsonb_build_object('node', home) end,
            moment, moment, moment + p_ttl_ms * interval '1 millisecond')
    returning * into made;
    if p_key is not null then
        insert into pharos.idempotency_keys (key, tenant_id, fingerprint, job_id)
        values (p_key, p_tenant, p_fingerprint, made.id);
    end if;
    return query select 'created', made, ahead + 1, before + 1;
end $$;

-- As before, but so many at a time: whatever is left goes the next time.
create or replace function pharos.forget_jobs(p_retention_ms bigint) returns integer
language plpgsql
as $$
declare
    gone integer;
begin
    delete from pharos.idempotency_keys k where k.created_at < clock_timestamp() - interval '24 hours';
    delete from pharos.jobs j where j.id in (
        select o.id from pharos.jobs o
         where o.finished_at < clock_timestamp() - p_retention_ms * interval '1 millisecond'
         order by o.finished_at limit 5000);
    get diagnostics gone = row_count;
    return gone;
end $$;

-- As before; but nobody is told that a job was cancelled for which nobody asked: such an attempt was lost to another one
-- of its own worker, and the job goes on.
create or replace function pharos.end_job(p_id text, p_attempt integer, p_state text, p_reason text, p_detail text)
returns boolean
language plpgsql
as $$
begin
    update pharos.jobs j set state = p_state, reason = p_reason, detail = p_detail, finished_at = clock_timestamp(),
           worker_id = null, lease_until = null,
           failures = j.failures + (p_state = 'failed')::integer
     where j.id = p_id and j.attempt = p_attempt and j.state = 'running'
       and (p_state <> 'cancelled' or p_reason <> 'cancel_requested' or j.cancel_requested_at is not null);
    return found;
end $$;
