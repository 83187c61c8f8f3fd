"""The ledger: what was asked and how it ended, in Postgres."""
