"""How a graph of imports is built: ranks, cycles, communities, files that nothing imports. Pure functions."""
