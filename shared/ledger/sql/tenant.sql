-- name: enter
-- Name the tenant of this transaction; bound and local, so that it can neither be injected nor outlive the transaction.
select set_config('app.tenant_id', %(tenant)s, true)
-- name: snapshot
-- Begin what sees everything as it was at one moment, and changes nothing.
begin transaction isolation level repeatable read, read only
-- name: leave
-- End it.
commit
-- name: role
-- Who we are: a process refuses to run as one who could see past row-level security.
select r.rolsuper or r.rolbypassrls as bypasses,
       exists (select from pg_class c join pg_namespace n on n.oid = c.relnamespace
                where n.nspname = 'pharos' and pg_has_role(current_user, c.relowner, 'member')) as owns,
       current_user as name
  from pg_roles r where r.rolname = current_user
-- name: version
-- The schema that is there.
select max(version) as version from pharos.migrations
