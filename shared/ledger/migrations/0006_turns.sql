-- A turn: the end of one job and the start of the next in one commit, and with it what that one has to know. It is made
-- by the app, within one tenant: of another tenant's job it says "gone", as of every row that it does not see.

-- Ends an attempt that has nothing to publish and hands the same worker another job. ended is false, and nothing has
-- happened, when the attempt is not its own any more or cancel was asked. outcome is start_job's, or null when somebody
-- held the other job for longer than a moment: it was left alone, and the end stands. visible is what everybody sees of
-- the repository of a job that was started.
create function pharos.turn_job(
    p_tenant uuid, p_ended text, p_attempt integer, p_result jsonb,
    p_id text, p_worker text, p_capabilities jsonb, p_keeps_vectors boolean, p_schema integer, p_lease_ms bigint
) returns table (ended boolean, outcome text, job pharos.jobs, visible jsonb)
language plpgsql
as $$
declare
    started record;
    seen jsonb;
begin
    perform set_config('app.tenant_id', p_tenant::text, true);
    update pharos.jobs j set state = 'succeeded', finished_at = clock_timestamp(), result = p_result, reason = null,
           detail = null, worker_id = null, lease_until = null
     where j.id = p_ended and j.attempt = p_attempt and j.state = 'running' and j.cancel_requested_at is null;
    if not found then
        return query select false, null::text, null::pharos.jobs, null::jsonb;
        return;
    end if;
    begin
        -- One lock is held while another is asked for: two turns, or a turn and a cancel, may want each other's.
        perform set_config('lock_timeout', '100ms', true);
        select * into started
          from pharos.start_job(p_id, p_worker, p_capabilities, p_keeps_vectors, p_schema, p_lease_ms);
    exception when lock_not_available or deadlock_detected then
        return query select true, null::text, null::pharos.jobs, null::jsonb;
        return;
    end;
    if started.outcome = 'started' then
        select jsonb_build_object('commit', r.commit, 'generation', r.generation, 'parameters', r.parameters,
                                  'removed', r.removed_at is not null, 'vector_store', r.vector_store, 'node', r.node)
          into seen from pharos.repositories r where r.id = (started.job).repository_id;
    end if;
    return query select true, started.outcome, started.job, seen;
end $$;

grant execute on function pharos.turn_job(uuid, text, integer, jsonb, text, text, jsonb, boolean, integer, bigint)
   to pharos_app;
