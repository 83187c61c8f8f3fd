-- Whether the database stands; it is made last, so that with it everything stands.
select 1 from pg_database where datname = 'pharos';
