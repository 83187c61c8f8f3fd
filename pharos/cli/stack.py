"""``pharos up`` and ``pharos demo``: the whole product on this machine."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from pharos.cli.exits import FAILED, INTERRUPTED, TRY_AGAIN, exit_code
from pharos.cli.options import AsJson, Folder
from pharos.cli.output import put, put_json, say
from shared.errors import PharosError

if TYPE_CHECKING:
    from pharos.up import Address

AllowLocal = Annotated[
    list[Path] | None,
    typer.Option("--allow-local", metavar="PATH", help="Also index repositories below this folder; may be repeated."),
]
DemoRepo = Annotated[
    str | None,
    typer.Argument(metavar="[REPO]", help="An https:// URL, owner/name, or a folder; else this repository."),
]


def up(folder: Folder = None, allow_local: AllowLocal = None, as_json: AsJson = False) -> None:
    """Run everything on this machine until Ctrl-C.

    PostgreSQL, Redis, a control plane and a worker, on free loopback ports, with their data in one folder. Prints the
    address of the page, which signs a browser in.
    """
    from pharos.signals import interruptible
    from pharos.target import default_base
    from pharos.up import run_up

    def show(address: Address) -> None:
        if as_json:
            put_json({"url": address.url, "page": address.page, "folder": str(address.folder)})
        else:
            _print_address(address, named=base if folder is not None and base != default else None)

    default = default_base(os.environ).absolute()
    base = default if folder is None else folder.absolute()
    try:
        with interruptible():
            run_up(base, allow_local=allow_local or (), tell=_tell, show=show)
    except KeyboardInterrupt:
        say("Stopped. The data are kept.")
    except PharosError as error:
        _fail(error)


def demo(repository: DemoRepo = None, as_json: AsJson = False) -> None:
    """Start everything, index REPO, show what was learned, stop.

    Nothing is left behind. Every number that it prints comes from the run.
    """
    from pharos.cli.progress import job_progress
    from pharos.cli.report import accepted_line, report_json, report_lines
    from pharos.demo import Voice, run_demo
    from pharos.signals import interruptible

    def kept(place: Path) -> None:
        say(f"pharos: what was started is stopped; its data and logs are kept in {place}")

    try:
        with interruptible(), job_progress() as show:
            voice = Voice(ready=_tell, accepted=lambda accepted: say(accepted_line(accepted)), looked=show)
            report = run_demo(repository, voice, kept=kept)
    except KeyboardInterrupt:
        say("Interrupted. Everything was stopped and removed.")
        raise typer.Exit(INTERRUPTED) from None
    except PharosError as error:
        _fail(error)
    if as_json:
        put_json(report_json(report))
        return
    for line in report_lines(report):
        put(line)


def _export(folder: Path) -> str:
    """Return the command that has a shell tell the others where the stack is."""
    if os.name == "nt":
        quoted = str(folder).replace("'", "''")
        return f"$env:PHAROS_FOLDER = '{quoted}'"
    return f"export PHAROS_FOLDER={shlex.quote(str(folder))}"


def _tell(name: str, seconds: float, found: str) -> None:
    say(f"  {name:<14} {seconds:5.1f} s   {found}" if seconds else f"  {name:<14}           {found}")


def _fail(error: PharosError) -> NoReturn:
    say(f"pharos: {error.message}")
    code = exit_code(error)
    # A part that did not start or did not last is a failure; nothing gets better by waiting.
    raise typer.Exit(FAILED if code == TRY_AGAIN else code)


def _print_address(address: Address, *, named: Path | None) -> None:
    """Show where it is found; ``named`` is the folder that other commands have to be told."""
    put()
    put(f"  The page     {address.page}")
    put(f"               (signs a browser in, once, within {address.minutes} minutes;")
    put(f"               later, sign in with the token in {address.folder}{os.sep}connection)")
    if named is not None:
        put(f"  First        {_export(named)}")
        put("               (in each shell that these are run from)")
    put("  Submit       pharos submit REPO --wait")
    put("  Look         pharos status")
    put(f"  Logs         {address.folder}{os.sep}cloud.log and worker.log")
    put("  Stop         Ctrl-C; the data are kept")
