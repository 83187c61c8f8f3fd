-- name: schema
create schema if not exists pharos;
-- name: usage
grant usage on schema pharos to pharos_app, pharos_keeper;
-- name: migrations
create table if not exists pharos.migrations (
    version integer primary key, name text not null, checksum text not null,
    applied_at timestamptz not null default now()
);
-- name: read_migrations
grant select on pharos.migrations to pharos_app, pharos_keeper;
