-- Text: which generation of a repository's passages everybody sees, beside that of its graph, and the names in them, so
-- that a search is answered while every worker sleeps. The text itself and its vectors stay where the passages are.

alter table pharos.repositories
    -- What was started before it may not publish text any more; text_commit is null where no text is visible.
    add column text_generation bigint,
    add column text_commit text,
    add column text_collection text,
    add column text_model text,
    add column text_dimension integer,
    add column text_passages integer,
    add column text_parameters jsonb not null default '{}',
    add column text_stats jsonb not null default '{}',
    add column text_node text,
    add column text_vector_store text,
    add column text_indexed_at timestamptz;

-- A row for each file that has passages.
create table pharos.names (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    -- Given anew whenever the file is cut anew.
    number integer not null,
    -- Bytes, not text: git allows names that are not UTF-8.
    path bytea not null,
    language text not null,
    -- A list for each name: symbol, kind, first line, last line.
    names jsonb not null,
    -- How many words of our own (shared.words) name and path have.
    size integer not null,
    primary key (repository_id, number)
);
create unique index names_path on pharos.names (repository_id, path);

-- For each of those words the files that have it, in a name or in the path. An index of a tsvector would be asked for
-- nothing: under row-level security Postgres lets no operator look at a row before the policy did, unless it is known
-- never to tell what it saw. Of text that is the plain "=", and so the words are looked up as what they are.
create table pharos.words (
    tenant_id uuid not null references pharos.tenants,
    repository_id text not null references pharos.repositories on delete cascade,
    word text collate "C" not null,
    symbols integer[] not null,
    paths integer[] not null,
    primary key (repository_id, word)
);

do $$
declare name text;
begin
    foreach name in array array['names', 'words'] loop
        execute format('alter table pharos.%I enable row level security', name);
        execute format('alter table pharos.%I force row level security', name);
        execute format('create policy %I on pharos.%I to pharos_app using (tenant_id = pharos.current_tenant()) '
                       'with check (tenant_id = pharos.current_tenant())', name || '_app', name);
        execute format('grant select, insert, update, delete on pharos.%I to pharos_app', name);
    end loop;
end $$;

-- As before, with the text that everybody sees; that is null where there is none.
create or replace function pharos.visible_of(p_repository_id text) returns jsonb
language sql stable
as $$
    select jsonb_build_object(
               'commit', r.commit, 'generation', r.generation, 'parameters', r.parameters,
               'removed', r.removed_at is not null, 'vector_store', r.vector_store, 'node', r.node,
               'text', case when r.text_commit is not null then jsonb_build_object(
                   'commit', r.text_commit, 'generation', r.text_generation, 'collection', r.text_collection,
                   'parameters', r.text_parameters, 'vector_store', r.text_vector_store, 'node', r.text_node) end)
      from pharos.repositories r where r.id = p_repository_id
$$;
