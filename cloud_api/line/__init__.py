"""The parts of the line: one that a worker holds, and one request that is in workers' hands."""
