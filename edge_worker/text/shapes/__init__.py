"""One file a language: its table of nodes. A language without one is cut by lines."""
