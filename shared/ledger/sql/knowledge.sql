-- name: hold
-- Lock the attempt that wants to publish; no row when it is not its own any more.
select state, attempt, cancel_requested_at is not null as cancel_requested, generation
  from pharos.jobs where id = %(id)s for update
-- name: published
-- What everybody sees of a repository now, also when that is "removed".
select pharos.visible_of(%(repository_id)s) as visible
-- name: published_for_update
-- The same, held until this transaction ends.
select generation, text_generation from pharos.repositories where id = %(repository_id)s for update
-- name: publish
-- Point a repository at a new generation.
insert into pharos.repositories (id, tenant_id, name, url, ref, commit, generation, parameters, stats, files, edges, node,
                                 vector_store, indexed_at, removed_at)
values (%(repository_id)s, %(tenant)s, %(name)s, %(url)s, %(ref)s, %(commit)s, %(generation)s, %(parameters)s, %(stats)s,
        %(files)s, %(edges)s, %(node)s, %(vector_store)s, clock_timestamp(), null)
on conflict (id) do update set
    url = excluded.url, ref = excluded.ref, commit = excluded.commit, generation = excluded.generation,
    parameters = excluded.parameters, stats = excluded.stats, files = excluded.files, edges = excluded.edges,
    node = excluded.node, vector_store = excluded.vector_store, indexed_at = excluded.indexed_at, removed_at = null,
    -- Where the text of a removed repository lay is for its removal alone to know.
    text_node = case when repositories.removed_at is null then repositories.text_node end,
    text_vector_store = case when repositories.removed_at is null then repositories.text_vector_store end
-- name: publish_text
-- Point a repository at a new generation of its text; of a graph that is not there, none is the generation.
insert into pharos.repositories (id, tenant_id, name, url, ref, generation, text_commit, text_generation, text_collection,
                                 text_model, text_dimension, text_passages, text_parameters, text_stats, text_node,
                                 text_vector_store, text_indexed_at, removed_at)
values (%(repository_id)s, %(tenant)s, %(name)s, %(url)s, %(ref)s, 0, %(commit)s, %(generation)s, %(collection)s,
        %(model)s, %(dimension)s, %(passages)s, %(parameters)s, %(stats)s, %(node)s, %(vector_store)s,
        clock_timestamp(), null)
on conflict (id) do update set
    url = excluded.url, ref = case when repositories.commit is null then excluded.ref else repositories.ref end,
    text_commit = excluded.text_commit, text_generation = excluded.text_generation,
    text_collection = excluded.text_collection, text_model = excluded.text_model,
    text_dimension = excluded.text_dimension, text_passages = excluded.text_passages,
    text_parameters = excluded.text_parameters, text_stats = excluded.text_stats, text_node = excluded.text_node,
    text_vector_store = excluded.text_vector_store, text_indexed_at = excluded.text_indexed_at, removed_at = null,
    node = case when repositories.removed_at is null then repositories.node end,
    vector_store = case when repositories.removed_at is null then repositories.vector_store end
-- name: clear_files
-- Take the files of the generation before.
delete from pharos.files where repository_id = %(repository_id)s
-- name: clear_edges
-- Take the edges of the generation before.
delete from pharos.edges where repository_id = %(repository_id)s
-- name: clear_cycles
-- Take the cycles of the generation before.
delete from pharos.cycles where repository_id = %(repository_id)s
-- name: clear_communities
-- Take the communities of the generation before.
delete from pharos.communities where repository_id = %(repository_id)s
-- name: clear_unresolved
-- Take what was not understood of the generation before.
delete from pharos.unresolved where repository_id = %(repository_id)s
-- name: add_files
-- Files of the new generation, by the thousand, since COPY refuses row-level security. Lists within a row come as text.
insert into pharos.files (tenant_id, repository_id, number, path, language, size, blob, status, isolated, similar_to,
                          similarity, flags, subject, folder, test, rank, importers, imports, community,
                          orphan)
select %(tenant)s, %(repository_id)s, number, path, language, size, blob, status, isolated, similar_to::integer[],
       similarity::real[], string_to_array(flags, ' '), subject, folder, test, rank, importers, imports, community, orphan
  from unnest(%(number)s::integer[], %(path)s::bytea[], %(language)s::text[], %(size)s::integer[], %(blob)s::text[],
              %(status)s::text[], %(isolated)s::boolean[], %(similar_to)s::text[], %(similarity)s::text[],
              %(flags)s::text[], %(subject)s::text[], %(folder)s::bytea[], %(test)s::boolean[], %(rank)s::real[],
              %(importers)s::integer[], %(imports)s::integer[], %(community)s::integer[], %(orphan)s::boolean[])
    as f(number, path, language, size, blob, status, isolated, similar_to, similarity, flags, subject, folder, test,
         rank, importers, imports, community, orphan)
-- name: add_edges
-- Edges of the new generation, by the thousand.
insert into pharos.edges (tenant_id, repository_id, source, target, kinds, line, confidence)
select %(tenant)s, %(repository_id)s, source, target, string_to_array(kinds, ' '), line, confidence
  from unnest(%(source)s::integer[], %(target)s::integer[], %(kinds)s::text[], %(line)s::integer[],
              %(confidence)s::real[]) as e(source, target, kinds, line, confidence)
-- name: add_cycles
-- Cycles of the new generation.
insert into pharos.cycles (tenant_id, repository_id, number, files, cut_from, cut_to, at_least)
select %(tenant)s, %(repository_id)s, number, files::integer[], cut_from::integer[], cut_to::integer[], at_least
  from unnest(%(number)s::integer[], %(files)s::text[], %(cut_from)s::text[], %(cut_to)s::text[],
              %(at_least)s::integer[]) as c(number, files, cut_from, cut_to, at_least)
-- name: add_communities
-- Communities of the new generation.
insert into pharos.communities (tenant_id, repository_id, number, size, inside, across, leaders)
select %(tenant)s, %(repository_id)s, number, size, inside, across, leaders::integer[]
  from unnest(%(number)s::integer[], %(size)s::integer[], %(inside)s::integer[], %(across)s::integer[],
              %(leaders)s::text[]) as c(number, size, inside, across, leaders)
-- name: add_unresolved
-- Imports of the new generation that were not understood.
insert into pharos.unresolved (tenant_id, repository_id, number, source, line, module)
select %(tenant)s, %(repository_id)s, number, source, line, module
  from unnest(%(number)s::integer[], %(source)s::integer[], %(line)s::integer[], %(module)s::text[])
    as u(number, source, line, module)
-- name: succeed
-- End the attempt as succeeded.
update pharos.jobs set state = 'succeeded', finished_at = clock_timestamp(), result = %(result)s, reason = null,
       detail = null, worker_id = null, lease_until = null
 where id = %(id)s and attempt = %(attempt)s and state = 'running'
-- name: finish
-- End an attempt that has nothing to publish, unless cancel was asked; no row when there is no such attempt.
update pharos.jobs set state = 'succeeded', finished_at = clock_timestamp(), result = %(result)s, reason = null,
       detail = null, worker_id = null, lease_until = null
 where id = %(id)s and attempt = %(attempt)s and state = 'running' and cancel_requested_at is null
returning id
-- name: tombstone
-- Make a repository invisible at once; its generation keeps what is running from publishing it again.
with g as materialized (select nextval('pharos.generations') as number)
update pharos.repositories set removed_at = clock_timestamp(), generation = g.number, files = 0, edges = 0, commit = null,
       text_generation = g.number, text_passages = 0, text_commit = null
  from g where id = %(repository_id)s and removed_at is null returning generation
-- name: bury
-- Forget a removed repository whose vectors are gone.
delete from pharos.repositories where id = %(repository_id)s and removed_at is not null and generation < %(generation)s
-- name: set_home
-- Name the node that has the published vectors on its own disk.
insert into pharos.homes (tenant_id, repository_id, node) values (%(tenant)s, %(repository_id)s, %(node)s)
on conflict (tenant_id, repository_id) do update set node = excluded.node, since = clock_timestamp()
-- name: forget_home
-- Let any node take the repository, once nothing that is visible of it lies on one node's own disk.
delete from pharos.homes h
 where h.repository_id = %(repository_id)s and not exists (
       select from pharos.repositories r
        where r.id = h.repository_id
          and (r.commit is not null and r.vector_store = 'lancedb'
               or r.text_commit is not null and r.text_vector_store = 'lancedb'))
-- name: repositories
-- A page of this tenant's repositories by name.
select * from pharos.repositories where removed_at is null and (%(after)s::text is null or name > %(after)s)
 order by name limit %(limit)s
-- name: repository
-- One repository of this tenant.
select * from pharos.repositories where id = %(repository_id)s and removed_at is null
-- name: removed
-- Whether a repository is removed and still waits for its vectors to go.
select name, coalesce(case when vector_store = 'lancedb' then node end,
                      case when text_vector_store = 'lancedb' then text_node end) as home
  from pharos.repositories where id = %(repository_id)s and removed_at is not null
-- name: files
-- A page of the files of a repository.
select f.number, f.path, f.language, f.size, f.status, f.isolated, f.flags, f.rank, f.importers, f.imports, f.community
  from pharos.files f
 where f.repository_id = %(repository_id)s and f.number > %(after)s order by f.number limit %(limit)s
-- name: file
-- One file by its path.
select number, path, language, size, status, isolated, flags, rank, importers, imports, community from pharos.files
 where repository_id = %(repository_id)s and path = %(path)s
-- name: similar
-- The nearest few of one file, best first.
select f.path, f.language, round(s.score::numeric, 6)::float8 as score
  from pharos.files o
  cross join lateral unnest(o.similar_to, o.similarity) with ordinality as s(number, score, place)
 cross join lateral (
      select i.path, i.language from pharos.files i where i.repository_id = %(repository_id)s and i.number = s.number limit 1) f
 where o.repository_id = %(repository_id)s and o.path = %(path)s order by s.place limit %(limit)s
-- name: reachable
-- Files that lie behind (or before) one file on the import graph, nearest first; in one statement, since numbers are
-- another generation's a moment later. Those one step away say how they are imported. Here and below the limits of one
-- row keep each look-up a look-up: until a table was analysed the planner may take a large repository for a small one.
with o as materialized (
    select number from pharos.files where repository_id = %(repository_id)s and path = %(path)s
), r as materialized (
    select o.number as start, r.number, r.depth
      from o cross join lateral pharos.reachable(%(repository_id)s, o.number, %(backwards)s, %(depth)s, %(limit)s) r
)
select f.path, f.language, r.depth, e.kinds, e.line, e.confidence
  from r
 cross join lateral (
      select i.path, i.language from pharos.files i where i.repository_id = %(repository_id)s and i.number = r.number limit 1) f
  left join lateral (
      select i.kinds, i.line, i.confidence from pharos.edges i
       where r.depth = 1 and i.repository_id = %(repository_id)s
         and i.source = case when %(backwards)s then r.number else r.start end
         and i.target = case when %(backwards)s then r.start else r.number end limit 1) e on true
 order by r.depth, f.path
-- name: ways
-- Every edge on a shortest way from one file to another that is told, by step.
with ends as materialized (
    select a.number as source, b.number as target from pharos.files a cross join pharos.files b
     where a.repository_id = %(repository_id)s and a.path = %(source)s
       and b.repository_id = %(repository_id)s and b.path = %(target)s
), w as materialized (
    select w.* from ends
     cross join lateral pharos.ways(%(repository_id)s, ends.source, ends.target, %(depth)s, %(limit)s) w
)
select w.step, s.path as source, t.path as target, w.kinds, w.line, w.confidence
  from w
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = w.source limit 1) s
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = w.target limit 1) t
 order by w.step, s.path, t.path
-- name: circle
-- Every edge that is told of the shortest ways from one file back to itself, by step: through those of its imports from
-- which it is nearest. A file that is in no cycle, which the table of cycles knows, is not searched from.
with o as materialized (
    select number from pharos.files where repository_id = %(repository_id)s and path = %(path)s
), d as materialized (
    select i.* from o
     cross join lateral (
          select e.source, e.target, e.kinds, e.line, e.confidence from pharos.edges e
           where e.repository_id = %(repository_id)s and e.source = o.number offset 0) i
     where exists (select from pharos.cycles c where c.repository_id = %(repository_id)s and o.number = any(c.files))
), b as materialized (
    select d.*, r.depth from o
     cross join lateral pharos.reachable(%(repository_id)s, o.number, true, %(depth)s - 1, %(most)s) r
      join d on d.target = r.number
), x as materialized (
    select * from b where depth = (select min(depth) from b) order by confidence desc, target limit 3
), w as materialized (
    select 1 as step, x.source, x.target, x.kinds, x.line, x.confidence from x
     union
    select w.step + 1, w.source, w.target, w.kinds, w.line, w.confidence from x
     cross join lateral pharos.ways(%(repository_id)s, x.target, x.source, %(depth)s - 1, %(limit)s) w
)
select w.step, s.path as source, t.path as target, w.kinds, w.line, w.confidence
  from w
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = w.source limit 1) s
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = w.target limit 1) t
 order by w.step, s.path, t.path
-- name: touched
-- What a change of these files may touch, and the changed files themselves (0 steps), with what there is to rank them by.
with t as materialized (
    select * from pharos.touched(
        %(repository_id)s,
        array(select c.number from pharos.files c
               where c.repository_id = %(repository_id)s and c.path = any(%(paths)s::bytea[])),
        %(subjects)s, %(folders)s::bytea[], %(depth)s, %(limit)s)
)
select f.path, f.language, f.importers, f.imports, t.backwards, t.forwards, t.likeness, t.more
  from t
 cross join lateral (
      select i.path, i.language, i.importers, i.imports from pharos.files i where i.repository_id = %(repository_id)s and i.number = t.number limit 1) f
-- name: importers
-- Who imports the files that a change takes away, and how, but for what is part of the change itself: so many of each,
-- and how many there are of either.
with t as materialized (
    select f.number, f.path from pharos.files f
     where f.repository_id = %(repository_id)s and f.path = any(%(gone)s::bytea[])
), e as materialized (
    -- Whether an importer is part of the change is asked of its path: lists given are looked up, not searched.
    select t.path as target, s.path as source, i.kinds, i.line, i.confidence,
           not s.path = any(%(paths)s::bytea[]) as outside, s.path = any(%(gone)s::bytea[]) as gone
      from t
     cross join lateral (
          select i.source, i.kinds, i.line, i.confidence from pharos.edges i
           where i.repository_id = %(repository_id)s and i.target = t.number offset 0) i
     cross join lateral (
          select f.path from pharos.files f where f.repository_id = %(repository_id)s and f.number = i.source limit 1) s
), n as (
    select e.*, row_number() over (partition by e.target, e.outside order by e.source) as place,
           count(*) filter (where e.outside) over of_it as importers,
           count(*) filter (where not e.outside and not e.gone) over of_it as changed_importers
      from e window of_it as (partition by e.target)
)
select n.target, n.source, n.kinds, n.line, n.confidence, n.importers, n.changed_importers
  from n where n.outside and n.place <= %(most)s order by n.target, n.source
-- name: central
-- The files on which most rests, by PageRank.
select number, path, language, size, status, isolated, flags, rank, importers, imports, community from pharos.files
 where repository_id = %(repository_id)s order by rank desc, number limit %(limit)s
-- name: most_imported
-- The files that most others import.
select number, path, language, size, status, isolated, flags, rank, importers, imports, community from pharos.files
 where repository_id = %(repository_id)s order by importers desc, number limit %(limit)s
-- name: orphans
-- A page of the files that nothing imports and nothing else seems to start.
select number, path, language, size, status, isolated, flags, rank, importers, imports, community from pharos.files
 where repository_id = %(repository_id)s and orphan and number > %(after)s order by number limit %(limit)s
-- name: members
-- A page of the files of one community.
select number, path, language, size, status, isolated, flags, rank, importers, imports, community from pharos.files
 where repository_id = %(repository_id)s and community = %(community)s and number > %(after)s
 order by number limit %(limit)s
-- name: communities
-- A page of communities, the largest first, each with the paths of its leaders, the first in rank first.
select c.number, c.size, c.inside, c.across,
       array(select f.path from unnest(c.leaders) with ordinality l(number, place)
               join pharos.files f on f.repository_id = c.repository_id and f.number = l.number
              order by l.place) as leaders
  from pharos.communities c
 where c.repository_id = %(repository_id)s and c.number > %(after)s order by c.number limit %(limit)s
-- name: cycles
-- A page of cycles, the largest first, each with as many of its files as are asked for.
select c.number, cardinality(c.files) as size, cardinality(c.cut_from) as cut_size, c.at_least,
       array(select f.path from pharos.files f
              where f.repository_id = c.repository_id and f.number = any(c.files[1:%(most)s]) order by f.path) as files
  from pharos.cycles c
 where c.repository_id = %(repository_id)s and c.number > %(after)s order by c.number limit %(limit)s
-- name: cuts
-- The edges to give up so that the cycles of a page end: as many of each as are asked for.
select c.number, s.path as source, t.path as target, e.kinds, e.line, e.confidence
  from (select * from pharos.cycles p
         where p.repository_id = %(repository_id)s and p.number > %(after)s order by p.number limit %(limit)s) c
  cross join lateral unnest(c.cut_from[1:%(most)s], c.cut_to[1:%(most)s]) u(source, target)
  cross join lateral (
      select i.kinds, i.line, i.confidence from pharos.edges i
       where i.repository_id = %(repository_id)s and i.source = u.source and i.target = u.target limit 1) e
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = u.source limit 1) s
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = u.target limit 1) t
 order by c.number, s.path, t.path
-- name: unresolved
-- A page of imports that were not understood.
select u.number, f.path, u.line, u.module
  from (select * from pharos.unresolved p
         where p.repository_id = %(repository_id)s and p.number > %(after)s order by p.number limit %(limit)s) u
 cross join lateral (
      select i.path from pharos.files i where i.repository_id = %(repository_id)s and i.number = u.source limit 1) f
 order by u.number
