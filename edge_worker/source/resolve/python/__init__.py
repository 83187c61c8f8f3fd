"""Python: the import system's own rules over the roots that a repository declares."""

from edge_worker.source.resolve.python.resolver import PythonResolver

__all__ = ["PythonResolver"]
