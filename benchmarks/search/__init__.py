"""How well search finds what is meant, and what it costs."""
