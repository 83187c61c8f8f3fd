"""JavaScript and TypeScript: the rules of Node and of the TypeScript compiler, on a clone with nothing installed."""

from edge_worker.source.resolve.javascript.resolver import JavaScriptResolver

__all__ = ["JavaScriptResolver"]
