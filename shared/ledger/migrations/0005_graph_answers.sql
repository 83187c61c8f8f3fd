-- What a graph answers beyond "who imports whom": how sure an edge is, each file's standing, cycles, communities, what
-- was not understood; and the questions that take more than one look: the ways between two files, and what a change
-- may touch. All of it is worked out by the worker at its ingest and read here by index.

alter table pharos.edges add column confidence real not null default 1;

alter table pharos.files
    add column flags text[] not null default '{}',
    -- What the file is about, by its name (shared.paths.subject_of): its tests are about the same.
    add column subject text not null default '',
    add column folder bytea not null default '',
    -- Whether it is a test, or serves tests alone (shared.paths.is_test).
    add column test boolean not null default false,
    -- PageRank along imports, in multiples of the mean file's.
    add column rank real not null default 1,
    add column importers integer not null default 0,
    add column imports integer not null default 0,
    add column community integer,
    add column orphan boolean not null default false;
create index files_subject on pharos.files (repository_id, subject);
create index files_folder on pharos.files (repository_id, folder);
create index files_rank on pharos.files (repository_id, rank desc, number);
create index files_importers on pharos.files (repository_id, importers desc, number);
create index files_community on pharos.files (repository_id, community, number);
create index files_orphan on pharos.files (repository_id, number) where orphan;

-- Files of which each reaches each other, the largest set first; the edges of the cut are those to give up.
create table pharos.cycles (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    number integer not null,
    files integer[] not null,
    cut_from integer[] not null,
    cut_to integer[] not null,
    at_least integer not null,
    primary key (repository_id, number)
);

create table pharos.communities (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    number integer not null,
    size integer not null,
    inside integer not null,
    across integer not null,
    leaders integer[] not null,
    primary key (repository_id, number)
);

-- Imports that mean something of the repository which is not there.
create table pharos.unresolved (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    number integer not null,
    source integer not null,
    line integer not null,
    module text not null,
    primary key (repository_id, number)
);

do $$
declare name text;
begin
    foreach name in array array['cycles', 'communities', 'unresolved'] loop
        execute format('alter table pharos.%I enable row level security', name);
        execute format('alter table pharos.%I force row level security', name);
        execute format('create policy %I on pharos.%I to pharos_app using (tenant_id = pharos.current_tenant()) '
                       'with check (tenant_id = pharos.current_tenant())', name || '_app', name);
        execute format('grant select, insert, update, delete on pharos.%I to pharos_app', name);
    end loop;
end $$;

-- As before, but no file beyond those that are asked for is looked at, and what was seen is taken off as a set. Few rows
-- are promised, so that whoever joins them looks each up instead of reading the whole repository; and the fences
-- (offset 0) keep a step of the search a look-up for each file, also before the tables were analysed.
create or replace function pharos.reachable(
    p_repository text, p_start integer, p_backwards boolean, p_depth integer, p_limit integer
) returns table (number integer, depth integer)
language plpgsql stable rows 30
as $$
declare
    seen integer[] := array[p_start];
    frontier integer[] := array[p_start];
    step integer := 0;
begin
    while step < p_depth and cardinality(frontier) > 0 and cardinality(seen) <= p_limit loop
        step := step + 1;
        if p_backwards then
            select coalesce(array_agg(n.found), '{}') into frontier from (
                select e.found from unnest(frontier) f(number) cross join lateral (
                       select i.source as found from pharos.edges i
                        where i.repository_id = p_repository and i.target = f.number offset 0) e
                except select unnest(seen) order by 1 limit p_limit + 1 - cardinality(seen)) n;
        else
            select coalesce(array_agg(n.found), '{}') into frontier from (
                select e.found from unnest(frontier) f(number) cross join lateral (
                       select i.target as found from pharos.edges i
                        where i.repository_id = p_repository and i.source = f.number offset 0) e
                except select unnest(seen) order by 1 limit p_limit + 1 - cardinality(seen)) n;
        end if;
        seen := seen || frontier;
        return query select unnest(frontier), step;
    end loop;
end $$;

-- Shortest ways from one file to another along imports, as the edges that lie on them, each with its step from 1. Searched
-- from both ends, always on where fewer files wait, so that a hub is met and not passed through. Of many ways some are
-- told: up to three edges on from each file, p_limit edges a step, and every edge told leads all the way.
create function pharos.ways(p_repository text, p_from integer, p_to integer, p_depth integer, p_limit integer)
returns table (step integer, source integer, target integer, kinds text[], line integer, confidence real)
language plpgsql stable rows 30
as $$
declare
    -- The files of each step from either end, one step after the other, and where each step begins.
    ahead integer[] := array[p_from];
    behind integer[] := array[p_to];
    ahead_at integer[] := array[1, 2];
    behind_at integer[] := array[1, 2];
    frontier integer[] := array[p_from];
    backtier integer[] := array[p_to];
    far integer := 0;
    near integer := 0;
    met integer[];
    layer integer[];
begin
    if p_from = p_to then
        return;
    end if;
    while met is null loop
        if far + near >= p_depth or cardinality(frontier) = 0 or cardinality(backtier) = 0 then
            return;
        end if;
        if cardinality(frontier) <= cardinality(backtier) then
            select coalesce(array_agg(n.found), '{}') into frontier from (
                select e.found from unnest(frontier) f(number) cross join lateral (
                       select i.target as found from pharos.edges i
                        where i.repository_id = p_repository and i.source = f.number offset 0) e
                except select unnest(ahead)) n;
            far := far + 1;
            ahead := ahead || frontier;
            ahead_at := ahead_at || (cardinality(ahead) + 1);
        else
            select coalesce(array_agg(n.found), '{}') into backtier from (
                select e.found from unnest(backtier) f(number) cross join lateral (
                       select i.source as found from pharos.edges i
                        where i.repository_id = p_repository and i.target = f.number offset 0) e
                except select unnest(behind)) n;
            near := near + 1;
            behind := behind || backtier;
            behind_at := behind_at || (cardinality(behind) + 1);
        end if;
        select array_agg(i.found order by i.found) into met
          from (select unnest(frontier) intersect select unnest(backtier)) i(found);
    end loop;
    met := met[1:p_limit];
    layer := met;
    for back in reverse far..1 loop
        return query
            select back, c.source, c.target, c.kinds, c.line, c.confidence
              from pharos.edges_into(p_repository, layer, ahead[ahead_at[back]:ahead_at[back + 1] - 1], p_limit) c;
        select array_agg(distinct c.source) into layer
          from pharos.edges_into(p_repository, layer, ahead[ahead_at[back]:ahead_at[back + 1] - 1], p_limit) c;
    end loop;
    layer := met;
    for back in reverse near..1 loop
        return query
            select far + near - back + 1, c.source, c.target, c.kinds, c.line, c.confidence
              from pharos.edges_out(p_repository, layer, behind[behind_at[back]:behind_at[back + 1] - 1], p_limit) c;
        select array_agg(distinct c.target) into layer
          from pharos.edges_out(p_repository, layer, behind[behind_at[back]:behind_at[back + 1] - 1], p_limit) c;
    end loop;
end $$;

-- Up to three edges into each of these files from those others: one of each before the second of any.
create function pharos.edges_into(p_repository text, p_into integer[], p_from integer[], p_limit integer)
returns setof pharos.edges
language sql stable rows 30
as $$
    select (n.e).* from (
        select e, row_number() over (partition by e.target order by e.confidence desc, e.source) as place
          from pharos.edges e
         where e.repository_id = p_repository and e.target = any(p_into) and e.source = any(p_from)) n
     where n.place <= 3 order by n.place, (n.e).target, (n.e).source limit p_limit
$$;

-- The same the other way round.
create function pharos.edges_out(p_repository text, p_from integer[], p_into integer[], p_limit integer)
returns setof pharos.edges
language sql stable rows 30
as $$
    select (n.e).* from (
        select e, row_number() over (partition by e.source order by e.confidence desc, e.target) as place
          from pharos.edges e
         where e.repository_id = p_repository and e.source = any(p_from) and e.target = any(p_into)) n
     where n.place <= 3 order by n.place, (n.e).source, (n.e).target limit p_limit
$$;

-- The files that a change of some files may touch, each with the steps to it along imports backwards (it depends on what
-- was changed) and forwards (that stands on it), and the likeness to the changed file that is most like it. The changed
-- files themselves come with 0 steps. p_limit bounds each sort of candidates, tests and others apart, so that a hub does
-- not lose its tests in the crowd of its importers: kept is what the asker will think most of, files of a like name or
-- of the same folder, then those that import most. "more" stands in every row: whether any sort had more than that.
create function pharos.touched(
    p_repository text, p_changed integer[], p_subjects text[], p_folders bytea[], p_depth integer, p_limit integer
) returns table (number integer, backwards integer, forwards integer, likeness real, more boolean)
language plpgsql stable rows 30
as $$
declare
    back integer[] := p_changed;
    back_steps integer[] := array_fill(0, array[cardinality(p_changed)]);
    fore integer[] := p_changed;
    fore_steps integer[] := back_steps;
    frontier integer[] := p_changed;
    tests integer := p_limit;
    others integer := p_limit;
    new_tests integer;
    new_others integer;
    left_out boolean := false;
    over_again boolean;
    step integer := 0;
begin
    while step < p_depth and cardinality(frontier) > 0 and tests + others > 0 loop
        step := step + 1;
        select coalesce(array_agg(n.found order by n.place, n.found) filter (where n.kept), '{}'),
               count(*) filter (where n.kept and n.test), count(*) filter (where n.kept and not n.test),
               coalesce(bool_or(not n.kept), false)
          into frontier, new_tests, new_others, over_again
          from (select p.found, p.test, p.place, p.place <= case when p.test then tests else others end as kept
                  from (select d.found, f.test, row_number() over (
                                   partition by f.test
                                   order by f.subject = any(p_subjects) desc, f.folder = any(p_folders) desc,
                                            f.imports desc, d.found) as place
                          from (select e.found from unnest(frontier) a(number) cross join lateral (
                                       select i.source as found from pharos.edges i
                                        where i.repository_id = p_repository and i.target = a.number offset 0) e
                                except select unnest(back)) d
                         cross join lateral (
                               select i.test, i.subject, i.folder, i.imports from pharos.files i
                                where i.repository_id = p_repository and i.number = d.found limit 1) f) p) n;
        tests := tests - new_tests;
        others := others - new_others;
        left_out := left_out or over_again;
        back := back || frontier;
        back_steps := back_steps || array_fill(step, array[cardinality(frontier)]);
    end loop;
    frontier := p_changed;
    others := p_limit;
    step := 0;
    while step < 2 and cardinality(frontier) > 0 and others > 0 loop
        step := step + 1;
        -- What few import tells more of a change than what everybody does.
        select coalesce(array_agg(n.found order by n.place) filter (where n.place <= others), '{}'),
               coalesce(bool_or(n.place > others), false)
          into frontier, over_again
          from (select d.found, row_number() over (order by f.importers, d.found) as place
                  from (select e.found from unnest(frontier) a(number) cross join lateral (
                               select i.target as found from pharos.edges i
                                where i.repository_id = p_repository and i.source = a.number offset 0) e
                        except select unnest(fore)) d
                 cross join lateral (
                       select i.importers from pharos.files i
                        where i.repository_id = p_repository and i.number = d.found limit 1) f) n;
        others := others - cardinality(frontier);
        left_out := left_out or over_again;
        fore := fore || frontier;
        fore_steps := fore_steps || array_fill(step, array[cardinality(frontier)]);
    end loop;
    return query
        with s as materialized (
            select b.number, b.steps as back, null::integer as fore, null::real as alike, 0::bigint as place
              from unnest(back, back_steps) b(number, steps)
            union all
            select f.number, null, f.steps, null, 0 from unnest(fore, fore_steps) f(number, steps)
            union all
            select l.number, null, null, max(l.score), row_number() over (order by max(l.score) desc, l.number)
              from pharos.files f
             cross join lateral unnest(f.similar_to, f.similarity) l(number, score)
             where f.repository_id = p_repository and f.number = any(p_changed) group by l.number
            union all
            select f.number, null, null, null,
                   row_number() over (partition by f.test order by f.imports desc, f.number) from pharos.files f
             where f.repository_id = p_repository and f.subject = any(p_subjects)
            union all
            select f.number, null, null, null,
                   row_number() over (partition by f.test order by f.imports desc, f.number) from pharos.files f
             where f.repository_id = p_repository and f.folder = any(p_folders)
        )
        select s.number, min(s.back)::integer, min(s.fore)::integer, max(s.alike)::real,
               left_out or exists (select from s a where a.place > p_limit)
          from s where s.place <= p_limit group by s.number;
end $$;

grant execute on function pharos.edges_into(text, integer[], integer[], integer) to pharos_app;
grant execute on function pharos.edges_out(text, integer[], integer[], integer) to pharos_app;
grant execute on function pharos.ways(text, integer, integer, integer, integer) to pharos_app;
grant execute on function pharos.touched(text, integer[], text[], bytea[], integer, integer) to pharos_app;
