-- name: clear
-- Take all names.
delete from pharos.names where repository_id = %(repository_id)s
-- name: clear_words
-- Take all of their words.
delete from pharos.words where repository_id = %(repository_id)s
-- name: drop
-- Take the names of files that changed or went.
delete from pharos.names where repository_id = %(repository_id)s and path = any(%(paths)s::bytea[])
returning number, path, names
-- name: drop_words
-- Take those files from words that they had, each looked up by its key: what others have is not read.
update pharos.words
   set symbols = array(select f from unnest(symbols) f where f <> all(%(numbers)s::integer[])),
       paths = array(select f from unnest(paths) f where f <> all(%(numbers)s::integer[]))
 where repository_id = %(repository_id)s and word = any(%(words)s::text[])
-- name: drop_unused
-- Take those of them that no file has any more.
delete from pharos.words
 where repository_id = %(repository_id)s and word = any(%(words)s::text[]) and symbols = '{}' and paths = '{}'
-- name: next
-- The first number that no file has.
select coalesce(max(number) + 1, 0) as number from pharos.names where repository_id = %(repository_id)s
-- name: add
-- Names of the new generation, by the thousand.
insert into pharos.names (tenant_id, repository_id, number, path, language, names, size)
select %(tenant)s, %(repository_id)s, number, path, language, names::jsonb, size
  from unnest(%(number)s::integer[], %(path)s::bytea[], %(language)s::text[], %(names)s::text[], %(size)s::integer[])
    as n(number, path, language, names, size)
-- name: add_words
-- Their words, by the thousand, beside those of the files that stayed. Lists within a row come as text.
insert into pharos.words (tenant_id, repository_id, word, symbols, paths)
select %(tenant)s, %(repository_id)s, word, symbols::integer[], paths::integer[]
  from unnest(%(word)s::text[], %(symbols)s::text[], %(paths)s::text[]) as w(word, symbols, paths)
on conflict (repository_id, word) do update set
    symbols = words.symbols || excluded.symbols, paths = words.paths || excluded.paths
-- name: search
-- Files by the words of their names and paths, best first. A word that few files have says more than one of many, a name
-- more than a path, and a file of few words more than one of all. What leads by words alone is looked at.
with w as materialized (
    select r.id as repository_id, r.name as repository, w.word, w.symbols, w.paths
      from pharos.repositories r
     cross join lateral (
          select i.* from pharos.words i where i.repository_id = r.id and i.word = any(%(words)s::text[]) offset 0) w
     where %(repositories)s::text[] is null or r.id = any(%(repositories)s::text[])
), d as materialized (
    select word, sum(cardinality(symbols) + cardinality(paths))::float8 as files from w group by word
), s as materialized (
    select word, ln(1 + (select max(files) from d) / files) as worth from d
), h as materialized (
    select w.repository_id, w.repository, f.number, sum(f.weight * s.worth) as score
      from w
      join s on s.word = w.word
     cross join lateral (
          select unnest(w.symbols) as number, 1.0 as weight union all select unnest(w.paths), 0.5) f
     where %(path)s::bytea = '' or exists (
           select from pharos.names n
            where n.repository_id = w.repository_id and n.number = f.number
              and substr(n.path, 1, length(%(path)s::bytea)) = %(path)s::bytea)
     group by w.repository_id, w.repository, f.number
     order by score desc, w.repository_id, f.number limit %(most)s
)
select h.repository_id, h.repository, n.path, n.language, n.names, (h.score / (3 + ln(1 + n.size)))::float8 as score
  from h
 cross join lateral (
      select i.path, i.language, i.names, i.size from pharos.names i
       where i.repository_id = h.repository_id and i.number = h.number limit 1) n
 order by 6 desc, h.repository_id, n.path limit %(limit)s
