"""Measurements: figures of the running product, beside its best peers in the same run."""
