"""From an import as written to the files of the repository that it means."""
