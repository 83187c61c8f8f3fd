"""A file's text as pieces that can be found: one a symbol, one a section, or lines."""
