"""What could keep Pharos from working here: checks, side by side, each with one command that mends it."""
