"""``pharos models``: what embeds text on this machine, fetching another model, and trying one out."""

from __future__ import annotations

import os
from dataclasses import asdict
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from pharos.cli.exits import FAILED
from pharos.cli.options import AsJson
from pharos.cli.output import put, put_json, put_table, say
from pharos.names import retold
from shared.errors import ConfigurationError

if TYPE_CHECKING:
    from edge_worker.compute.device import Wanted
    from edge_worker.models.late import LateEmbedder
    from edge_worker.models.spec import ModelSpec

group = typer.Typer(
    help="What embeds text on this machine. Run it as the worker runs: with its Python and its settings.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_MODEL = "small, brain, code, a name on the hub (@ and a revision if need be), or the absolute path of a folder."
Fetched = Annotated[str, typer.Argument(metavar="MODEL", help=_MODEL)]
Tried = Annotated[str | None, typer.Argument(metavar="[MODEL]", help=f"{_MODEL} Else the one that is used.")]


@group.callback()
def _models() -> None:
    """What embeds text on this machine."""
    if find_spec("sentence_transformers") is None:
        raise ConfigurationError(
            "This Python has not what a worker needs. Nothing was changed. Run it with the worker's own, or: "
            "pip install -r requirements-edge.txt"
        )


@group.command("list")
def show_models(as_json: AsJson = False) -> None:
    """Show the models that have short names, whether they are on the disk, and which one is used."""
    from edge_worker.models.presets import PRESETS

    setting = os.environ.get("PHAROS_TEXT_MODEL") or None
    used, trouble = _used(setting)
    settings = dict.fromkeys(["small", *PRESETS, *([setting] if setting else [])])
    rows = [_row(one, used) for one in settings]
    if as_json:
        put_json({"models": rows, "trouble": trouble})
        return
    heads = ("model", "name", "dimension", "on_disk", "used")
    put_table(
        [head.upper().replace("_", " ") for head in heads], [[_cell(row[head]) for head in heads] for row in rows]
    )
    if trouble is not None:
        say(f"No text can be embedded: {retold(trouble)}")


@group.command("pull")
def pull_model(model: Fetched) -> None:
    """Fetch a model from the hub to this machine's disk; what is there already is not fetched again."""
    from edge_worker.models.presets import pull

    spec = pull(model)
    say(f"{retold(spec.name)} is at {retold(str(spec.source))}. Use it with PHAROS_TEXT_MODEL={retold(model)}")
    put(str(spec.revision))


@group.command("test")
def try_model(model: Tried = None, as_json: AsJson = False) -> None:
    """Load a model, embed with it, and tell how fast it is. Exit code 1: it finds the wrong answer nearer."""
    from edge_worker.models.trial import try_out

    late = _late(model or os.environ.get("PHAROS_TEXT_MODEL") or None)
    try:
        trial = try_out(late)
    finally:
        late.close()
    if as_json:
        put_json(asdict(trial) | {"works": trial.works})
    else:
        for name, value in asdict(trial).items():
            put(f"{name.replace('_', ' '):<18} {value}")
    if not trial.works:
        say("What answers the question is not nearer to it than what does not: this model is of no use for search.")
        raise typer.Exit(FAILED)


def _late(setting: str | None) -> LateEmbedder:
    from edge_worker.models.late import LateEmbedder

    return LateEmbedder.chosen(setting, _device())


def _used(setting: str | None) -> tuple[ModelSpec | None, str | None]:
    """Return the model that the worker would use, or why there is none."""
    try:
        return _late(setting).spec, None
    except ConfigurationError as error:
        return None, error.message


def _row(setting: str, used: ModelSpec | None) -> dict[str, str | int | bool | None]:
    from edge_worker.models.presets import PRESETS, resolve

    try:
        spec = resolve(setting, 0.0)
    except ConfigurationError:
        preset = PRESETS.get(setting)
        name = preset.name if preset is not None else None
        return {"model": setting, "name": name, "dimension": None, "on_disk": False, "used": False}
    return {
        "model": setting,
        "name": spec.name,
        "dimension": spec.dimension,
        "on_disk": True,
        "used": spec == used,
    }


def _device() -> Wanted:
    from edge_worker.compute.device import Wanted

    said = os.environ.get("PHAROS_DEVICE") or "auto"
    for known in get_args(Wanted):
        if said == known:
            device: Wanted = known
            return device
    raise ConfigurationError("PHAROS_DEVICE is wrong: it is auto, cpu or cuda")


def _cell(value: str | int | bool | None) -> str | int | None:
    return ("yes" if value else "no") if isinstance(value, bool) else value
