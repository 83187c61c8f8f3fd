"""Exit codes, and how an error becomes one."""

from __future__ import annotations

import sys
from typing import Any

import typer
from typer._click.exceptions import ClickException
from typer.core import TyperGroup

from pharos.cli.output import drop_rest, say, tell_full
from pharos.names import retold
from shared.errors import (
    ConfigurationError,
    Forbidden,
    InvalidRequest,
    NotFound,
    PharosError,
    QueueFull,
    Unauthorized,
    Unavailable,
)

FAILED, USAGE, NOT_SIGNED_IN, NOT_FOUND, UNREACHABLE, TRY_AGAIN, SETTINGS = 1, 2, 3, 4, 5, 75, 78
#: What a shell expects of a program that Ctrl-C ended.
INTERRUPTED = 130

#: The first line that fits counts.
_CODES: tuple[tuple[type[PharosError], int], ...] = (
    (ConfigurationError, SETTINGS),
    (Unauthorized, NOT_SIGNED_IN),
    (Forbidden, NOT_SIGNED_IN),
    (NotFound, NOT_FOUND),
    (InvalidRequest, USAGE),
    (QueueFull, TRY_AGAIN),
    (Unavailable, TRY_AGAIN),
)


def exit_code(error: PharosError) -> int:
    """Return the exit code that stands for an error."""
    if error.code == "UNREACHABLE":
        return UNREACHABLE
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAILED)


class Commands(TyperGroup):
    """The commands, with every error of Pharos as one line on standard error and an exit code."""

    def main(self, *given: Any, **named: Any) -> Any:
        """Run the command that the arguments name; a full disk ends it with one line, too."""
        try:
            return super().main(*given, **named)
        except OSError as error:
            if not tell_full(error):
                raise
            sys.exit(FAILED)

    def make_context(self, *given: Any, **named: Any) -> Any:
        """Read the arguments before the command's name."""
        try:
            return super().make_context(*given, **named)
        except ClickException as error:
            raise _on_one_line(error) from None

    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override]  # typer hides the context's own class
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except ClickException as error:
            raise _on_one_line(error) from None
        except PharosError as error:
            # Somebody's own argument may stand in it, whatever that holds.
            say(f"pharos: {retold(error.message)}")
            raise typer.Exit(exit_code(error)) from None
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            drop_rest()
            raise typer.Exit(0) from None


def _on_one_line(error: ClickException) -> ClickException:
    """Return an error about an argument with what is odd in that argument escaped."""
    error.message = retold(error.message)
    return error
