"""Models: which one embeds text here, loading it, and what it made of each text before."""
