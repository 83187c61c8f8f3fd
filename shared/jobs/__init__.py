"""Words about jobs: pure, no I/O."""
