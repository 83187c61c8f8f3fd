"""The mailbox: which job is for whom now, as RQ queues of ids in Redis. All of it can be rebuilt from the ledger."""
