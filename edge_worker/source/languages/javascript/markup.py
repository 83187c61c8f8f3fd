"""Where JSX begins in a JavaScript text: behind that, a quote or two slashes may be the words of a page."""

from __future__ import annotations

import re

from edge_worker.source.languages.javascript.lexemes import Lexemes
from edge_worker.source.parse.doubt import Doubt

# Every element is closed by one of them.
_CLOSES = (b"</", b"/>")
# A tag stands where a value may begin; directly behind a name there are type arguments, or there is a comparison.
_OPENS = re.compile(
    rb"<(?:(?=[\w$>\x80-\xff])(?:(?<![\w$)\]'\"`\\<]<)|(?<=return<)|(?<=default<)|(?<=else<)|(?<=case<)|(?<=yield<))"
    rb"|(?=\s+[\w$>\x80-\xff])(?:(?<=[=(\[{?:,;&|>]<)|(?<=[=(\[{?:,;&|>]\s<)|(?<=return\s<)))"
)


class Markup:
    """The JSX of a text, looked for up to each offset that is asked for; offsets only grow."""

    def __init__(self, text: bytes, lexemes: Lexemes, start: int) -> None:
        """Take a text, its lexemes, and where no JSX can have begun yet."""
        self._lexemes = lexemes
        has_any = any(sign in text for sign in _CLOSES)
        self._tags = _OPENS.finditer(text, start) if has_any else iter(())
        self._next = next(self._tags, None)

    def must_follow(self, offset: int) -> None:
        """Make sure that all JSX stands behind an offset; to be asked before the lexemes are.

        Raises:
            Doubt: some may stand before it.
        """
        while self._next is not None and (at := self._next.start()) < offset:
            if self._lexemes.is_code(self._lexemes.line_of(at), at):
                raise Doubt
            self._next = next(self._tags, None)
