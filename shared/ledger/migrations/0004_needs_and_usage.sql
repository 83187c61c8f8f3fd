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
