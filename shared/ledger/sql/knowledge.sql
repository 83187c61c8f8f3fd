-- name: hold
-- Lock the attempt that wants to publish; no row when it is not its own any more.
select state, attempt, cancel_requested_at is not null as cancel_requested, generation
  from pharos.jobs where id = %(id)s for update
-- name: published
-- What everybody sees of a repository now, also when that is "removed".
select commit, generation, parameters, removed_at is not null as removed, node, vector_store
  from pharos.repositories where id = %(repository_id)s
-- name: published_for_update
-- The same, held until this transaction ends.
select generation from pharos.repositories where id = %(repository_id)s for update
-- name: publish
-- Point a repository at a new generation.
insert into pharos.repositories (id, tenant_id, name, url, ref, commit, generation, parameters, stats, files, edges, node,
                                 vector_store, indexed_at, removed_at)
values (%(repository_id)s, %(tenant)s, %(name)s, %(url)s, %(ref)s, %(commit)s, %(generation)s, %(parameters)s, %(stats)s,
        %(files)s, %(edges)s, %(node)s, %(vector_store)s, clock_timestamp(), null)
on conflict (id) do update set
    url = excluded.url, ref = excluded.ref, commit = excluded.commit, generation = excluded.generation,
    parameters = excluded.parameters, stats = excluded.stats, files = excluded.files, edges = excluded.edges,
    node = excluded.node, vector_store = excluded.vector_store, indexed_at = excluded.indexed_at, removed_at = null
-- name: clear_files
-- Take the files of the generation before.
delete from pharos.files where repository_id = %(repository_id)s
-- name: clear_edges
-- Take the edges of the generation before.
delete from pharos.edges where repository_id = %(repository_id)s
-- name: add_file
-- One file of the new generation; sent by the thousand in one pipeline, since COPY refuses row-level security.
insert into pharos.files (tenant_id, repository_id, number, path, language, size, blob, status, isolated, similar_to,
                          similarity)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
-- name: add_edge
-- One edge of the new generation.
insert into pharos.edges (tenant_id, repository_id, source, target, kinds, line) values (%s, %s, %s, %s, %s, %s)
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
update pharos.repositories set removed_at = clock_timestamp(), generation = nextval('pharos.generations'),
       files = 0, edges = 0, commit = null
 where id = %(repository_id)s and removed_at is null returning generation
-- name: bury
-- Forget a removed repository whose vectors are gone.
delete from pharos.repositories where id = %(repository_id)s and removed_at is not null and generation < %(generation)s
-- name: set_home
-- Name the node that has the published vectors on its own disk.
insert into pharos.homes (tenant_id, repository_id, node) values (%(tenant)s, %(repository_id)s, %(node)s)
on conflict (tenant_id, repository_id) do update set node = excluded.node, since = clock_timestamp()
-- name: forget_home
-- Let any node take the repository: its vectors are where all can read them, or it is removed.
delete from pharos.homes where repository_id = %(repository_id)s
-- name: repositories
-- A page of this tenant's repositories by name.
select * from pharos.repositories where removed_at is null and (%(after)s::text is null or name > %(after)s)
 order by name limit %(limit)s
-- name: repository
-- One repository of this tenant.
select * from pharos.repositories where id = %(repository_id)s and removed_at is null
-- name: removed
-- Whether a repository is removed and still waits for its vectors to go.
select name, case when vector_store = 'lancedb' then node end as home from pharos.repositories where id = %(repository_id)s and removed_at is not null
-- name: files
-- A page of the files of a repository.
select f.number, f.path, f.language, f.size, f.status, f.isolated from pharos.files f
 where f.repository_id = %(repository_id)s and f.number > %(after)s order by f.number limit %(limit)s
-- name: file
-- One file by its path.
select number, path, language, size, status, isolated from pharos.files
 where repository_id = %(repository_id)s and path = %(path)s
-- name: similar
-- The nearest few of one file, best first.
select f.path, f.language, round(s.score::numeric, 6)::float8 as score
  from pharos.files o
  cross join lateral unnest(o.similar_to, o.similarity) with ordinality as s(number, score, place)
  join pharos.files f on f.repository_id = o.repository_id and f.number = s.number
 where o.repository_id = %(repository_id)s and o.path = %(path)s order by s.place limit %(limit)s
-- name: reachable
-- Files that lie behind (or before) one file on the import graph, nearest first; in one statement, since numbers are
-- another generation's a moment later.
select f.path, f.language, r.depth
  from pharos.files o
  cross join lateral pharos.reachable(o.repository_id, o.number, %(backwards)s, %(depth)s, %(limit)s) r
  join pharos.files f on f.repository_id = o.repository_id and f.number = r.number
 where o.repository_id = %(repository_id)s and o.path = %(path)s order by r.depth, f.path
