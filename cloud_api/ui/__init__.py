"""The page's words, its templates and its static files."""
