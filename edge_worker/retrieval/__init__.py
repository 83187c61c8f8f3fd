"""Finding passages: everything that a repository's text is searched by, in memory, and how what is found is ranked."""
