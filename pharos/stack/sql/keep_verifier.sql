-- Hand the owner's SCRAM verifier to create_owner, for this session alone.
select set_config('pharos.verifier', %(verifier)s, false);
