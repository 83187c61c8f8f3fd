-- Turns of several jobs: the ends of those that a slot has done since its last turn, and the start of those that it does
-- next, in one commit. One job in hand is a turn as before.

drop function pharos.turn_job(uuid, text, integer, jsonb, text, text, jsonb, boolean, integer, bigint);

-- What everybody sees of a repository, as a job that starts has to know it; null where nothing was published.
create function pharos.visible_of(p_repository_id text) returns jsonb
language sql stable
as $$
    select jsonb_build_object('commit', r.commit, 'generation', r.generation, 'parameters', r.parameters,
                              'removed', r.removed_at is not null, 'vector_store', r.vector_store, 'node', r.node)
      from pharos.repositories r where r.id = p_repository_id
$$;

-- Starts what nothing speaks against of those jobs, none of which was ever begun; the others are left as they are. Nobody
-- is waited for longer than turn_jobs waits: when two are of one repository, or one of a repository is started elsewhere at
-- this moment, none is.
create function pharos.start_ahead(p_ids text[], p_worker text, p_capabilities jsonb, p_keeps_vectors boolean,
                                   p_lease_ms bigint) returns pharos.jobs[]
language plpgsql
as $$
declare
    moment timestamptz := clock_timestamp();
    able text[];
    started pharos.jobs[];
begin
    select array_agg(o.id) into able from (
        select j.id from pharos.jobs j
         where j.id = any(p_ids) and j.state = 'queued' and j.first_started_at is null and j.cancel_requested_at is null
           and (j.deadline_at is null or j.deadline_at > moment) and j.run_after <= moment
           and pharos.needs_met(j.kind, j.needs, p_capabilities)
           and not (p_keeps_vectors and j.kind = 'ingest' and exists (
                   select from pharos.homes h
                    where h.tenant_id = j.tenant_id and h.repository_id = j.repository_id
                      and (j.needs ->> 'node') is distinct from h.node))
           and not exists (select from pharos.jobs r
                            where r.tenant_id = j.tenant_id and r.repository_id = j.repository_id
                              and r.state = 'running')
           for update of j skip locked) o;
    with begun as (
        update pharos.jobs j
           set state = 'running', attempt = j.attempt + 1, generation = nextval('pharos.generations'), worker_id = p_worker,
               node = p_capabilities ->> 'node', lease_until = moment + p_lease_ms * interval '1 millisecond',
               first_started_at = moment, started_at = moment, reason = null, detail = null
         where j.id = any(able) returning j)
    select array_agg(b.j) into started from begun b;
    return started;
-- The index of running jobs waits for whoever starts another job of the repository and has not committed.
exception when unique_violation or lock_not_available or deadlock_detected then
    return null;
end $$;

-- Gives attempts back that were not begun, uncounted. A job that was started for the first time was never started: it
-- waits again, under its deadline, the cap and dedupe. The number of its attempt stays: it fences, and may name one alone.
-- A row for each that was still held, with the state that follows.
create function pharos.return_jobs(p_ids text[], p_attempts integer[], p_reason text, p_detail text)
returns table (id text, state text)
language sql
as $$
    with held as (
        select j.id from pharos.jobs j
         where j.id = any(p_ids) and j.attempt = p_attempts[array_position(p_ids, j.id)] and j.state = 'running'
         order by j.id for update of j)
    update pharos.jobs j
       set state = case when j.cancel_requested_at is not null then 'cancelled' else 'queued' end,
           reason = case when j.cancel_requested_at is not null then 'cancel_requested' else p_reason end,
           detail = p_detail, run_after = clock_timestamp(),
           finished_at = case when j.cancel_requested_at is not null then clock_timestamp() end,
           first_started_at = nullif(j.first_started_at, j.started_at),
           started_at = case when j.first_started_at is distinct from j.started_at then j.started_at end,
           worker_id = null, lease_until = null
      from held where j.id = held.id
    returning j.id, j.state
$$;

-- Ends attempts that have nothing to publish and hands the same worker the next jobs. ended are those that did; the
-- others are not their own any more, or cancel was asked, and then nothing is started. outcome is start_job's for the
-- first that is to follow, or null when somebody held it for longer than a moment: it was left alone, and the ends
-- stand. Others are started with it only while none of them was ever begun: a job that took a worker down
-- takes no others along twice. A row for each that was started, or one that says why none was.
create function pharos.turn_jobs(
    p_tenant uuid, p_ended text[], p_attempts integer[], p_results jsonb[],
    p_ids text[], p_worker text, p_capabilities jsonb, p_keeps_vectors boolean, p_schema integer, p_lease_ms bigint
) returns table (ended text[], outcome text, job pharos.jobs, visible jsonb)
language plpgsql
as $$
declare
    done text[];
    first record;
begin
    perform set_config('app.tenant_id', p_tenant::text, true);
    with gone as (
        update pharos.jobs j
           set state = 'succeeded', finished_at = clock_timestamp(),
               result = p_results[array_position(p_ended, j.id)], reason = null, detail = null, worker_id = null,
               lease_until = null
         where j.id = any(p_ended) and j.attempt = p_attempts[array_position(p_ended, j.id)]
           and j.state = 'running' and j.cancel_requested_at is null
        returning j.id)
    select coalesce(array_agg(g.id), '{}') into done from gone g;
    if cardinality(done) < cardinality(p_ended) or cardinality(p_ids) = 0 then
        return query select done, null::text, null::pharos.jobs, null::jsonb;
        return;
    end if;
    begin
        -- One lock is held while another is asked for: two turns, or a turn and a cancel, may want each other's.
        perform set_config('lock_timeout', '100ms', true);
        select * into first
          from pharos.start_job(p_ids[1], p_worker, p_capabilities, p_keeps_vectors, p_schema, p_lease_ms);
    exception when lock_not_available or deadlock_detected then
        return query select done, null::text, null::pharos.jobs, null::jsonb;
        return;
    end;
    return query select done, first.outcome, first.job,
                        case when first.outcome = 'started' then pharos.visible_of((first.job).repository_id) end;
    if first.outcome = 'started' and (first.job).first_started_at = (first.job).started_at and cardinality(p_ids) > 1 then
        return query
        select done, 'started', s, pharos.visible_of(s.repository_id)
          from unnest(pharos.start_ahead(p_ids[2:], p_worker, p_capabilities, p_keeps_vectors, p_lease_ms)) s;
    end if;
end $$;

grant execute on function
    pharos.visible_of(text),
    pharos.start_ahead(text[], text, jsonb, boolean, bigint),
    pharos.turn_jobs(uuid, text[], integer[], jsonb[], text[], text, jsonb, boolean, integer, bigint)
   to pharos_app;
grant execute on function pharos.return_jobs(text[], integer[], text, text) to pharos_keeper;
