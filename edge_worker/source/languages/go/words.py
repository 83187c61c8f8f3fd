"""How what a Go file asks for and declares is spelled."""

from __future__ import annotations

#: ``package x``, in front of the name: what is used of its other files needs no import. Also among what is declared.
PACKAGE = "package "

# Names that every file knows: keywords, then what the language declares itself.
_KEYWORDS = (
    "break case chan const continue default defer else fallthrough for func go goto if import interface map package "
    "range return select struct switch type var"
)
_DECLARED = (
    "any append bool byte cap clear close comparable complex complex128 complex64 copy delete error false float32 "
    "float64 imag int int16 int32 int64 int8 iota len make max min new nil panic print println real recover rune "
    "string true uint uint16 uint32 uint64 uint8 uintptr init main _"
)
#: Longer than any name is.
LONGEST = 200
KNOWN = frozenset(f"{_KEYWORDS} {_DECLARED}".split())
