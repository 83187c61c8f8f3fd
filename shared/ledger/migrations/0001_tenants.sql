-- Tenants, the way a transaction names one, and who may come in at all.
-- Roles are made before the first migration runs (roles.sql); everything here belongs to the owner.

create table pharos.tenants (
    id uuid primary key,
    name text not null unique check (length(name) between 1 and 200),
    created_at timestamptz not null default now()
);

insert into pharos.tenants (id, name) values ('00000000-0000-7000-8000-000000000001', 'default');

-- The tenant of this transaction, as `select set_config('app.tenant_id', …, true)` named it. The setting reads as ''
-- after its first use in a session, hence nullif: no tenant means no rows, never an error and never all rows.
create function pharos.current_tenant() returns uuid
language sql stable
as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

alter table pharos.tenants enable row level security;
alter table pharos.tenants force row level security;
create policy tenants_app on pharos.tenants to pharos_app using (id = pharos.current_tenant());

grant select on pharos.tenants to pharos_app;

-- One control plane at a time: each start takes the next epoch, and workers follow the newest.
create table pharos.planes (
    id boolean primary key default true check (id),
    epoch bigint not null default 0
);
insert into pharos.planes default values;
grant select, update on pharos.planes to pharos_keeper;
