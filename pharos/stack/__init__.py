"""The embedded stack: real servers and processes, started, health-checked and stopped by handle."""
