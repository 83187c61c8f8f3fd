-- The owner as Neon makes it: it may create roles and databases, and is no superuser.
do $$
begin
    if not exists (select from pg_roles where rolname = 'pharos_owner') then
        execute format(
            'create role pharos_owner login createrole createdb password %L', current_setting('pharos.verifier')
        );
    end if;
end
$$;
