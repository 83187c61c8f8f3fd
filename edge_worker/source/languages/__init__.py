"""One folder a language: what its files import, and which files that means. Folders are found, not listed."""
