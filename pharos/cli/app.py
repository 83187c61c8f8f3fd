"""The command line put together."""

from __future__ import annotations

import typer

from pharos.cli import (
    database,
    doctor,
    graph,
    impact,
    jobs,
    models,
    processes,
    repositories,
    search,
    stack,
    status,
    structure,
    submit,
    workers,
)
from pharos.cli.exits import Commands

app = typer.Typer(
    cls=Commands,
    help="Index repositories on your own machines, and ask what is like a file and what depends on it.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help needs no rich, which would double the time that it takes
    pretty_exceptions_enable=False,
)

app.command()(stack.up)
app.command()(stack.demo)
app.command()(submit.submit)
app.command()(status.status)
app.add_typer(jobs.group, name="jobs")
app.add_typer(workers.group, name="workers")
app.command(name="repositories")(repositories.show_repositories)
app.command()(search.search)
app.command()(repositories.similar)
app.command()(repositories.dependents)
app.command()(repositories.dependencies)
app.command()(structure.why)
app.command()(impact.impact)
app.command()(structure.cycles)
app.command()(structure.orphans)
app.command()(structure.central)
app.command()(structure.communities)
app.command()(structure.unresolved)
app.command()(repositories.remove)
# It reads its arguments itself, with help of its own.
app.command(add_help_option=False, context_settings={"ignore_unknown_options": True})(graph.graph)
app.command(name="doctor")(doctor.examine)
app.command()(processes.cloud)
app.command()(processes.worker)
app.add_typer(models.group, name="models")
app.add_typer(database.group, name="db")
