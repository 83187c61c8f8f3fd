"""The warm compute process: how a supervisor hands it an attempt, and how it answers."""
