"""The command line and the embedded local stack: the one place that knows both houses."""
