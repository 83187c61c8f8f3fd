"""Words about machines: what a worker can do, and which lane a job belongs on. Pure, no I/O."""
