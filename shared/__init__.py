"""The ground that both houses stand on: words, ledger, mailbox and stores."""
