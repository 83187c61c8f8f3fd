-- Jobs: what was asked, who holds it, how it ended. Every move is one function, so that it is one statement, one
-- transaction and one round trip, and holds no lock while a network is crossed. Only the database's clock is asked.

create sequence pharos.generations;
grant usage on sequence pharos.generations to pharos_keeper, pharos_app;

create table pharos.jobs (
    id text primary key check (id ~ '^job_[0-9a-hjkmnp-tv-z]{26}$'),
    tenant_id uuid not null references pharos.tenants,
    -- A new kind comes with a migration, and so with a new schema version: no older worker is ever given one.
    kind text not null check (kind in ('ingest', 'remove')),
    repository text not null,
    repository_id text not null,
    payload jsonb not null,
    dedupe_key text not null,
    priority smallint not null check (priority between 0 and 3),
    needs jsonb not null default '{}',
    state text not null default 'queued'
        check (state in ('queued', 'running', 'succeeded', 'failed', 'cancelled', 'skipped')),
    -- Why it ended, or why it is queued again: a stable word, and a sentence for a person.
    reason text,
    detail text,
    -- The fencing token: raised by each start, asked by every later write.
    attempt integer not null default 0,
    failures integer not null default 0,
    rescues integer not null default 0,
    -- The generation that the running attempt writes under.
    generation bigint,
    worker_id text,
    node text,
    lease_until timestamptz,
    run_after timestamptz not null default now(),
    -- Governs the first start only; null waits for as long as it takes.
    deadline_at timestamptz,
    cancel_requested_at timestamptz,
    created_at timestamptz not null default now(),
    first_started_at timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    result jsonb
);

create unique index jobs_one_running_per_repository on pharos.jobs (tenant_id, repository_id) where state = 'running';
create index jobs_open on pharos.jobs (state, kind, priority, created_at) where state in ('queued', 'running');
create index jobs_waiting_same on pharos.jobs (tenant_id, dedupe_key) where state = 'queued' and first_started_at is null;
create index jobs_newest on pharos.jobs (tenant_id, id desc);
create index jobs_ended on pharos.jobs (finished_at desc) where finished_at is not null;

create table pharos.idempotency_keys (
    key bytea primary key,
    tenant_id uuid not null references pharos.tenants,
    fingerprint bytea not null,
    job_id text not null references pharos.jobs on delete cascade,
    created_at timestamptz not null default now()
);
create index idempotency_keys_old on pharos.idempotency_keys (created_at);
create index idempotency_keys_job on pharos.idempotency_keys (job_id);

-- The node that holds the published vectors of a repository, where they lie on a node's own disk. Its next ingests go
-- there. Set by the publish: a first attempt that fails, or whose worker is gone, binds nobody.
create table pharos.homes (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null,
    node text not null,
    since timestamptz not null default now(),
    primary key (tenant_id, repository_id)
);

do $$
declare name text;
begin
    foreach name in array array['jobs', 'idempotency_keys', 'homes'] loop
        execute format('alter table pharos.%I enable row level security', name);
        execute format('alter table pharos.%I force row level security', name);
        execute format('create policy %I on pharos.%I to pharos_keeper using (true) with check (true)',
                       name || '_keeper', name);
        execute format('create policy %I on pharos.%I to pharos_app using (tenant_id = pharos.current_tenant()) '
                       'with check (tenant_id = pharos.current_tenant())', name || '_app', name);
        execute format('grant select, insert, update, delete on pharos.%I to pharos_keeper', name);
    end loop;
end $$;
grant select, update on pharos.jobs to pharos_app;
grant select, insert, update, delete on pharos.homes to pharos_app;

-- Waiting: queued, never started, not cancelled, its deadline ahead. Cap, dedupe, deadline and skipping concern it alone.
create function pharos.is_waiting(job pharos.jobs) returns boolean
language sql stable
as $$ select job.state = 'queued' and job.first_started_at is null and job.cancel_requested_at is null
             and (job.deadline_at is null or job.deadline_at > clock_timestamp()) $$;

-- How many waiting jobs of the same kind go before this one, plus one; 0 when it is not waiting.
create function pharos.queue_position(p_id text) returns integer
language sql stable
as $$
    select case when pharos.is_waiting(job) then 1 + (
        select count(*) from pharos.jobs other
         where other.state = 'queued' and other.kind = job.kind and pharos.is_waiting(other)
           and (other.priority, other.created_at, other.id) < (job.priority, job.created_at, job.id)
    ) else 0 end::integer
      from pharos.jobs job where job.id = p_id
$$;

-- Records a job: idempotency key, then dedupe, then cap, then the row. outcome: created, deduplicated, replayed,
-- conflict (the key was used for another request) or full. The lock makes the cap exact; it is held by this
-- statement alone.
create function pharos.submit_job(
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
    ahead integer;
begin
    perform pg_advisory_xact_lock(hashtextextended('pharos.submit:' || p_kind, 0));
    if p_key is not null then
        delete from pharos.idempotency_keys k
         where k.key = p_key and k.created_at <= clock_timestamp() - interval '24 hours';
        select * into known from pharos.idempotency_keys k where k.key = p_key;
        if found then
            select * into made from pharos.jobs j where j.id = known.job_id;
            return query select case when known.fingerprint = p_fingerprint then 'replayed' else 'conflict' end, made, 0,
                                pharos.queue_position(made.id);
            return;
        end if;
    end if;

    select count(*) into ahead from pharos.jobs j where j.state = 'queued' and j.kind = p_kind and pharos.is_waiting(j);
    select * into made from pharos.jobs j
     where j.tenant_id = p_tenant and j.dedupe_key = p_dedupe_key and j.state = 'queued' and pharos.is_waiting(j)
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
    end if;
    insert into pharos.jobs (id, tenant_id, kind, repository, repository_id, payload, dedupe_key, priority, needs,
                             created_at, run_after, deadline_at)
    values (p_id, p_tenant, p_kind, p_repository, p_repository_id, p_payload, p_dedupe_key, p_priority,
            case when home is null then p_needs else p_needs || jsonb_build_object('node', home) end,
            clock_timestamp(), clock_timestamp(), clock_timestamp() + p_ttl_ms * interval '1 millisecond')
    returning * into made;
    if p_key is not null then
        insert into pharos.idempotency_keys (key, tenant_id, fingerprint, job_id)
        values (p_key, p_tenant, p_fingerprint, made.id);
    end if;
    return query select 'created', made, ahead + 1, pharos.queue_position(made.id);
end $$;

-- Hands a job to a worker, or says why not. outcome: started, gone, taken, cancelled, skipped, not_due, needs_unmet,
-- worker_too_old or repository_busy.
create function pharos.start_job(
    p_id text, p_worker text, p_capabilities jsonb, p_keeps_vectors boolean, p_schema integer, p_lease_ms bigint
) returns table (outcome text, job pharos.jobs)
language plpgsql
as $$
declare
    found_job pharos.jobs;
    home text;
    moment timestamptz;
    node_name text := p_capabilities ->> 'node';
begin
    select * into found_job from pharos.jobs j where j.id = p_id for update;
    moment := clock_timestamp();
    if not found then
        return query select 'gone', null::pharos.jobs; return;
    elsif found_job.state <> 'queued' then
        return query select 'taken', found_job; return;
    elsif p_schema <> (select max(version) from pharos.migrations) then
        return query select 'worker_too_old', found_job; return;
    elsif found_job.cancel_requested_at is not null then
        update pharos.jobs j set state = 'cancelled', reason = 'cancel_requested', finished_at = moment
         where j.id = p_id returning j.* into found_job;
        return query select 'cancelled', found_job; return;
    elsif found_job.first_started_at is null and found_job.deadline_at <= moment then
        update pharos.jobs j set state = 'skipped', reason = 'deadline_passed', finished_at = moment,
               detail = 'No worker could start it before its deadline. Nothing was changed; add it again.'
         where j.id = p_id returning j.* into found_job;
        return query select 'skipped', found_job; return;
    elsif found_job.run_after > moment then
        return query select 'not_due', found_job; return;
    end if;

    if p_keeps_vectors and found_job.kind = 'ingest' then
        select h.node into home from pharos.homes h
         where h.tenant_id = found_job.tenant_id and h.repository_id = found_job.repository_id;
    end if;
    if home is not null and (found_job.needs ->> 'node') is distinct from home then
        update pharos.jobs j set needs = j.needs || jsonb_build_object('node', home)
         where j.id = p_id returning j.* into found_job;
    end if;
    if not pharos.needs_met(found_job.kind, found_job.needs, p_capabilities) then
        return query select 'needs_unmet', found_job; return;
    end if;

    begin
        update pharos.jobs j
           set state = 'running', attempt = j.attempt + 1, generation = nextval('pharos.generations'),
               worker_id = p_worker, node = node_name, lease_until = moment + p_lease_ms * interval '1 millisecond',
               first_started_at = coalesce(j.first_started_at, moment), started_at = moment,
               reason = null, detail = null
         where j.id = p_id returning j.* into found_job;
    exception when unique_violation then
        return query select 'repository_busy', found_job; return;
    end;
    return query select 'started', found_job;
end $$;

-- The same rule as shared.nodes.capabilities.Needs.met_by, asked where the race is decided.
create function pharos.needs_met(p_kind text, p_needs jsonb, p_capabilities jsonb) returns boolean
language sql immutable
as $$
    select p_capabilities -> 'kinds' ? p_kind
       and ((p_needs ->> 'node') is null or p_needs ->> 'node' = p_capabilities ->> 'node')
       and (coalesce((p_capabilities ->> 'gpu')::boolean, false)
            or not coalesce((p_needs ->> 'gpu')::boolean, false) and coalesce((p_needs ->> 'gpu_memory')::numeric, 0) = 0)
       and coalesce((p_needs ->> 'gpu_memory')::numeric, 0) <= coalesce((p_capabilities ->> 'gpu_memory')::numeric, 0)
$$;

-- Keeps an attempt alive, also one whose lease is over but which nobody was given. held is false when it is not this
-- worker's any more.
create function pharos.renew_job(p_id text, p_attempt integer, p_worker text, p_lease_ms bigint)
returns table (held boolean, cancel_requested boolean)
language plpgsql
as $$
begin
    return query
    update pharos.jobs j set lease_until = clock_timestamp() + p_lease_ms * interval '1 millisecond'
     where j.id = p_id and j.attempt = p_attempt and j.worker_id = p_worker and j.state = 'running'
    returning true, j.cancel_requested_at is not null;
    if not found then
        return query select false, false;
    end if;
end $$;

-- Gives an attempt back. how: retry (counted, ends the job as failed after p_most), rescue (counted apart, the same)
-- or snooze (nothing counted). Returns the state that follows, or null when the attempt was not held any more.
create function pharos.release_job(
    p_id text, p_attempt integer, p_how text, p_most integer, p_reason text, p_detail text, p_delay_ms bigint
) returns text
language plpgsql
as $$
declare
    held pharos.jobs;
    spent boolean;
begin
    select * into held from pharos.jobs j where j.id = p_id and j.attempt = p_attempt and j.state = 'running' for update;
    if not found then return null; end if;
    spent := case p_how when 'retry' then held.failures + 1 >= p_most
                        when 'rescue' then held.rescues + 1 > p_most else false end;
    update pharos.jobs j
       set state = case when j.cancel_requested_at is not null then 'cancelled' when spent then 'failed' else 'queued' end,
           reason = case when j.cancel_requested_at is not null then 'cancel_requested' else p_reason end,
           detail = p_detail,
           failures = j.failures + (p_how = 'retry')::integer,
           rescues = j.rescues + (p_how = 'rescue')::integer,
           run_after = clock_timestamp() + p_delay_ms * interval '1 millisecond',
           finished_at = case when j.cancel_requested_at is not null or spent then clock_timestamp() end,
           worker_id = null, lease_until = null
     where j.id = p_id returning j.* into held;
    return held.state;
end $$;

-- Ends an attempt without anything to publish. Returns false when the attempt was not held any more.
create function pharos.end_job(p_id text, p_attempt integer, p_state text, p_reason text, p_detail text)
returns boolean
language plpgsql
as $$
begin
    update pharos.jobs j set state = p_state, reason = p_reason, detail = p_detail, finished_at = clock_timestamp(),
           worker_id = null, lease_until = null,
           failures = j.failures + (p_state = 'failed')::integer
     where j.id = p_id and j.attempt = p_attempt and j.state = 'running';
    return found;
end $$;

-- Asks for a job to be cancelled: at once when nobody holds it, else at its next renewal, and never succeeded after.
create function pharos.cancel_job(p_id text, p_tenant uuid) returns setof pharos.jobs
language sql
as $$
    update pharos.jobs j
       set cancel_requested_at = coalesce(j.cancel_requested_at, clock_timestamp()),
           state = case when j.state = 'queued' then 'cancelled' else j.state end,
           reason = case when j.state = 'queued' then 'cancel_requested' else j.reason end,
           finished_at = case when j.state = 'queued' then clock_timestamp() else j.finished_at end
     where j.id = p_id and j.tenant_id = p_tenant and j.state in ('queued', 'running')
    returning j.*
$$;

-- Ends what nobody will do: waiting jobs past their deadline, and running ones that were cancelled and whose lease is
-- over. Returns how many.
create function pharos.end_hopeless() returns integer
language plpgsql
as $$
declare
    moment timestamptz := clock_timestamp();
    skipped integer;
    cancelled integer;
begin
    update pharos.jobs j set state = 'skipped', reason = 'deadline_passed', finished_at = moment,
           detail = 'No worker could start it before its deadline. Nothing was changed; add it again.'
     where j.state = 'queued' and j.first_started_at is null and j.deadline_at <= moment;
    get diagnostics skipped = row_count;
    update pharos.jobs j set state = 'cancelled', reason = 'cancel_requested', finished_at = moment,
           worker_id = null, lease_until = null
     where j.state = 'running' and j.cancel_requested_at is not null and j.lease_until <= moment;
    get diagnostics cancelled = row_count;
    return skipped + cancelled;
end $$;

-- Forgets ended jobs and used idempotency keys that are older than the retention. Returns how many jobs.
create function pharos.forget_jobs(p_retention_ms bigint) returns integer
language plpgsql
as $$
declare
    gone integer;
begin
    delete from pharos.idempotency_keys k where k.created_at < clock_timestamp() - interval '24 hours';
    delete from pharos.jobs j where j.finished_at < clock_timestamp() - p_retention_ms * interval '1 millisecond';
    get diagnostics gone = row_count;
    return gone;
end $$;

grant execute on all functions in schema pharos to pharos_keeper, pharos_app;
