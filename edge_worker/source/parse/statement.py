"""The words of extraction: one import as a file wrote it, and what was read of one file."""

from __future__ import annotations

from typing import Literal, NamedTuple

#: What was learned of the imports, not of the program: ``parsed``: all of them were read, by a grammar that read the
#: whole file or by a scan that left no doubt (it does not see errors that touch no import). ``partial``: a grammar met
#: syntax errors, and the imports that could be read are kept. ``failed``: no program could be read, so there are no
#: imports (see ``source.reader`` for the exact rule).
Status = Literal["parsed", "partial", "failed"]

RUNTIME = "runtime"
TYPE_ONLY = "type-only"
CONDITIONAL = "conditional"
NESTED = "nested"
DYNAMIC = "dynamic-literal"
RE_EXPORT = "re-export"
#: The name of a module within the code itself, where the language asks for no import.
QUALIFIED = "qualified"
#: The file is named and nothing of it is imported by that: ``jest.mock("./x")``, ``new URL("./x", import.meta.url)``.
MENTIONED = "mentioned"
#: A string of the file is the name of a module, as in settings that have it loaded.
STRING = "string"


class ImportStatement(NamedTuple):
    """One module that a file asks for, as written: nothing is resolved yet. A tuple, since files have thousands."""

    #: ``a.b`` or ``./x``; empty for Python's ``from . import x``.
    module: str
    #: Counted from 1.
    line: int
    #: The names asked of the module (``*`` for all); empty when the module itself is what is imported.
    names: tuple[str, ...] = ()
    #: Leading dots of a Python import; 0 elsewhere.
    level: int = 0
    #: ``runtime``, ``type-only`` or ``dynamic-literal``, then any of ``conditional``, ``nested``, ``re-export`` and
    #: ``qualified``.
    kinds: tuple[str, ...] = (RUNTIME,)


class Parsed(NamedTuple):
    """What was read of one file, in the order of the text."""

    imports: tuple[ImportStatement, ...]
    status: Status
    #: What the file declares that others may name, in its language's own spelling; empty where paths alone decide.
    declares: tuple[str, ...] = ()
