"""Which directives the preprocessor may reach: the conditions around them, as far as they are plain."""

from __future__ import annotations

import re
from typing import Literal

#: ``never``: below ``#if 0``. ``always``: below ``#if 1``, or in the guard of a header. ``done``: a branch after one
#: that is always taken.
_State = Literal["always", "maybe", "never", "done"]
_DEAD = frozenset({"never", "done"})

_END = rb"[ \t]*+\)?[ \t]*+(?:\r?\n|/[/*]|\Z)"
_FALSE = re.compile(rb"\(?[ \t]*+(?:0++[uUlL]*+|false)" + _END)
_TRUE = re.compile(rb"\(?[ \t]*+(?:[1-9]\d*+[uUlL]*+|true)" + _END)
_NOT_DEFINED = re.compile(rb"!\s*+defined\s*+\(?\s*+([A-Za-z_]\w*)")
_NAME = re.compile(rb"[A-Za-z_]\w*")


class Conditions:
    """The stack of conditions, told of every directive in the order of the text."""

    def __init__(self) -> None:
        self._states: list[_State] = []
        # How many of them keep everything below out, and how many may or may not.
        self._dead = self._open = 0
        # The name that the first directive of the file asks for: with a definition of it right after, it is a guard.
        self._guard: bytes | None = None
        self._is_first = True

    @property
    def unreachable(self) -> bool:
        """Whether what stands here is never compiled."""
        return self._dead > 0

    @property
    def conditional(self) -> bool:
        """Whether what stands here depends on a condition."""
        return self._open > 0

    def hear(self, word: bytes, text: bytes, position: int) -> None:
        """Take a directive into account; ``position`` is where its argument begins."""
        is_first, self._is_first = self._is_first, False
        guard, self._guard = self._guard, None
        if word.startswith(b"if"):
            self._push(_state(word, text, position))
            self._guard = _asked(word, text, position) if is_first else None
        elif word == b"define":
            name = _NAME.match(text, position)
            if guard is not None and name is not None and name[0] == guard:
                self._pop()
                self._push("always")
        elif word.startswith(b"el") and self._states:
            self._push(_next(self._pop(), word))
        elif word == b"endif" and self._states:
            self._pop()

    def _push(self, state: _State) -> None:
        self._states.append(state)
        self._count(state, 1)

    def _pop(self) -> _State:
        state = self._states.pop()
        self._count(state, -1)
        return state

    def _count(self, state: _State, one: int) -> None:
        self._dead += one * (state in _DEAD)
        self._open += one * (state == "maybe")


def _state(word: bytes, text: bytes, position: int) -> _State:
    if word == b"if" and _FALSE.match(text, position):
        return "never"
    return "always" if word == b"if" and _TRUE.match(text, position) else "maybe"


def _next(state: _State, word: bytes) -> _State:
    """The state of a branch by that of the one before it."""
    if state == "never":
        return "always" if word == b"else" else "maybe"
    return "maybe" if state == "maybe" else "done"


def _asked(word: bytes, text: bytes, position: int) -> bytes | None:
    name = _NAME.match(text, position) if word == b"ifndef" else None
    if name is not None:
        return name[0]
    negated = _NOT_DEFINED.match(text, position) if word == b"if" else None
    return negated[1] if negated is not None else None
