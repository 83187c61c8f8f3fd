"""The port of resolution: what a resolver of one language family is asked, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

from edge_worker.source.parse.statement import (
    CONDITIONAL,
    DYNAMIC,
    MENTIONED,
    NESTED,
    QUALIFIED,
    RE_EXPORT,
    RUNTIME,
    STRING,
    TYPE_ONLY,
    ImportStatement,
    Parsed,
)

#: ``local``: files of the repository. ``external``: the standard library, a package of somebody else, an address.
#: ``unresolved``: it names something of this repository that is not there (generated, not committed, a mistake).
#: ``implied``: it is no import (a package clause, a name written out in the code), and is not counted as one.
Outcome = Literal["local", "external", "unresolved", "implied"]

#: A kind that resolution adds: the target is the source of an output that was not built.
BUILT = "built"
#: A kind that resolution adds: a style sheet, an image, a text.
ASSET = "asset"
#: A kind that resolution adds: a package's own file, which runs before what was asked for.
PACKAGE_INIT = "package-init"
#: A kind that resolution adds: a file of the same package, what it declares is used and needs no import.
SAME_PACKAGE = "same-package"
#: A kind that resolution adds: the file's name is written with other letters, large for small.
CASE_FALLBACK = "case-fallback"
#: One of these is what a file writes to import another.
IMPORTS = frozenset({RUNTIME, TYPE_ONLY, DYNAMIC, QUALIFIED})
#: Kinds of targets that are no relation between two files' code: told when they are asked for, never learned.
ASIDE = frozenset({ASSET, CASE_FALLBACK, PACKAGE_INIT})
#: Kinds that take the place of the statement's own.
_INSTEAD = ASIDE | {SAME_PACKAGE}
#: Every kind that an edge can have.
KINDS = IMPORTS | _INSTEAD | {CONDITIONAL, NESTED, RE_EXPORT, MENTIONED, STRING, BUILT}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A file that an import means; ``kinds`` are those that the way to it adds to the statement's own."""

    path: str
    kinds: tuple[str, ...] = ()
    #: From 0 to 1. 1: a rule of the language; less: a guess, with the evidence that the rule names.
    confidence: float = 1.0

    @property
    def aside(self) -> bool:
        """Whether this is no relation between two files' code."""
        return bool(self.kinds) and not ASIDE.isdisjoint(self.kinds)

    def kinds_with(self, own: tuple[str, ...]) -> tuple[str, ...]:
        """Return the kinds of an edge to here by a statement of ``own`` kinds."""
        if not self.kinds:
            return own
        return self.kinds if not _INSTEAD.isdisjoint(self.kinds) else (*own, *self.kinds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Resolution:
    """What one import means. Targets are there if the outcome is ``local``, and may be if it is ``implied``.

    One that is unresolved may have an optional target: what it would mean by a looser rule.
    """

    outcome: Outcome
    targets: tuple[Target, ...] = ()


EXTERNAL = Resolution(outcome="external")
UNRESOLVED = Resolution(outcome="unresolved")
IMPLIED = Resolution(outcome="implied")


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


def implied(*targets: Target) -> Resolution:
    """Return what something that is no import means: these files, each once, in the order given, or nothing."""
    return Resolution(outcome="implied", targets=tuple(dict.fromkeys(targets)))
