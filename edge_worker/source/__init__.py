"""From an address to source files: fetch without a work tree, list, select, read."""
