"""The worker at home: takes jobs, learns from repositories, publishes what it learned."""
