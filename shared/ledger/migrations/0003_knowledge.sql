-- What was learned: repositories, files and edges. Names and structure only, so that they answer while every worker
-- sleeps; source text and vectors stay where the vectors are.

create table pharos.repositories (
    id text primary key,
    tenant_id uuid not null references pharos.tenants,
    name text not null,
    url text not null,
    ref text,
    commit text,
    -- The generation that everybody sees; what was started before it may not publish any more.
    generation bigint not null,
    parameters jsonb not null default '{}',
    stats jsonb not null default '{}',
    files integer not null default 0,
    edges integer not null default 0,
    node text,
    vector_store text,
    indexed_at timestamptz,
    -- Set while the vectors of a removed repository still wait to be deleted.
    removed_at timestamptz,
    unique (tenant_id, name)
);

create table pharos.files (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    number integer not null,
    -- Bytes, not text: git allows names that are not UTF-8.
    path bytea not null,
    language text not null,
    size integer not null,
    blob text not null,
    status text not null,
    isolated boolean not null,
    similar_to integer[] not null default '{}',
    similarity real[] not null default '{}',
    primary key (repository_id, number)
);
create unique index files_path on pharos.files (repository_id, path);

create table pharos.edges (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    source integer not null,
    target integer not null,
    kinds text[] not null,
    line integer not null,
    primary key (repository_id, source, target)
);
create index edges_target on pharos.edges (repository_id, target, source);

do $$
declare name text;
begin
    foreach name in array array['repositories', 'files', 'edges'] loop
        execute format('alter table pharos.%I enable row level security', name);
        execute format('alter table pharos.%I force row level security', name);
        execute format('create policy %I on pharos.%I to pharos_app using (tenant_id = pharos.current_tenant()) '
                       'with check (tenant_id = pharos.current_tenant())', name || '_app', name);
        execute format('grant select, insert, update, delete on pharos.%I to pharos_app', name);
    end loop;
end $$;

-- Files that depend on one file (or that it depends on), nearest first. Breadth first, each file once, so that cycles
-- end and depth is the shortest.
create function pharos.reachable(p_repository text, p_start integer, p_backwards boolean, p_depth integer, p_limit integer)
returns table (number integer, depth integer)
language plpgsql stable
as $$
declare
    seen integer[] := array[p_start];
    frontier integer[] := array[p_start];
    step integer := 0;
    given integer := 0;
begin
    while step < p_depth and cardinality(frontier) > 0 and given < p_limit loop
        step := step + 1;
        if p_backwards then
            select coalesce(array_agg(distinct e.source order by e.source), '{}') into frontier
              from pharos.edges e where e.repository_id = p_repository and e.target = any(frontier)
               and not e.source = any(seen);
        else
            select coalesce(array_agg(distinct e.target order by e.target), '{}') into frontier
              from pharos.edges e where e.repository_id = p_repository and e.source = any(frontier)
               and not e.target = any(seen);
        end if;
        seen := seen || frontier;
        return query select unnest(frontier[1:p_limit - given]), step;
        given := given + cardinality(frontier);
    end loop;
end $$;

grant execute on function pharos.reachable(text, integer, boolean, integer, integer) to pharos_app;
