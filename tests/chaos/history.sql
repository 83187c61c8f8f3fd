-- What the ledger of a chaos run writes down about itself. A trigger runs while the row is locked, so the numbers of one
-- job's changes, and of one repository's running attempts, stand in the order in which they became true.

create schema chaos;
create sequence chaos.moments;

create table chaos.changes (
    at bigint primary key default nextval('chaos.moments'),
    transaction bigint not null default pg_current_xact_id()::text::bigint,
    job_id text not null,
    repository_id text not null,
    state text not null,
    attempt integer not null,
    generation bigint,
    failures integer not null,
    rescues integer not null,
    worker text,
    reason text,
    seconds float8 not null default extract(epoch from clock_timestamp())
);

create table chaos.publications (
    at bigint primary key default nextval('chaos.moments'),
    transaction bigint not null default pg_current_xact_id()::text::bigint,
    repository_id text not null,
    generation bigint not null,
    commit text not null
);

create function chaos.write_change() returns trigger language plpgsql security definer as $$
begin
    insert into chaos.changes (job_id, repository_id, state, attempt, generation, failures, rescues, worker, reason)
    values (new.id, new.repository_id, new.state, new.attempt, new.generation, new.failures, new.rescues,
            new.worker_id, new.reason);
    return null;
end $$;

create function chaos.write_publication() returns trigger language plpgsql security definer as $$
begin
    insert into chaos.publications (repository_id, generation, commit) values (new.id, new.generation, new.commit);
    return null;
end $$;

create trigger write_birth after insert on pharos.jobs for each row execute function chaos.write_change();
create trigger write_change after update on pharos.jobs for each row
  when (old.state is distinct from new.state or old.attempt is distinct from new.attempt)
  execute function chaos.write_change();
create trigger write_first after insert on pharos.repositories for each row execute function chaos.write_publication();
create trigger write_publication after update on pharos.repositories for each row
  when (old.generation is distinct from new.generation or old.commit is distinct from new.commit)
  execute function chaos.write_publication();
