"""The port of resolution: what a resolver of one language family is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from edge_worker.source.parse.statement import ImportStatement, Parsed

#: ``local``: files of the repository. ``external``: the standard library, a package of somebody else, an address.
#: ``unresolved``: it names something of this repository that is not there (generated, not committed, a mistake).
Outcome = Literal["local", "external", "unresolved"]

#: A kind that resolution adds: the target is the source of an output that was not built.
BUILT = "built"
#: A kind that resolution adds: a style sheet, an image, a text.
ASSET = "asset"
#: A kind that resolution adds: a package's own file, which runs before what was asked for.
PACKAGE_INIT = "package-init"
#: Kinds that make no edge of the graph by themselves: they are told when they are asked for.
OPTIONAL = frozenset({ASSET, PACKAGE_INIT})


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A file that an import means; ``kinds`` are those that the way to it adds to the statement's own."""

    path: str
    kinds: tuple[str, ...] = ()
    #: From 0 to 1. 1: a rule of the language; less: a guess, with the evidence that the rule names.
    confidence: float = 1.0

    @property
    def optional(self) -> bool:
        """Whether the edge is none of the graph's own."""
        return not OPTIONAL.isdisjoint(self.kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """What one import means. Targets are there if and only if the outcome is ``local``."""

    outcome: Outcome
    targets: tuple[Target, ...] = ()


EXTERNAL = Resolution(outcome="external")
UNRESOLVED = Resolution(outcome="unresolved")


class Resolver(Protocol):
    """Resolves the imports of one language family within one repository; built once, holds no file's text."""

    def learn(self, path: str, parsed: Parsed) -> None:
        """Hear what a file declares. Told of every file of the family first, when its language goes ``by_name``."""
        ...

    def resolve(self, path: str, statement: ImportStatement) -> Resolution:
        """Return what ``statement``, written in the file at ``path``, means. Never raises for any content."""
        ...


def local(*targets: Target) -> Resolution:
    """Return a resolution to these files, each once, in the order given; unresolved without any."""
    unique = tuple(dict.fromkeys(targets))
    return Resolution(outcome="local", targets=unique) if unique else UNRESOLVED
