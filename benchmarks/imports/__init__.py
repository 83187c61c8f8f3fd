"""How right and how fast the import graph is: truth lists, peers in the same run, equality of the two readings."""
