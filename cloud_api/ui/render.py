"""Templates, compiled at first use; everything put into them is escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

#: The style sheet, the script and the icon.
STATIC = Path(__file__).parent / "static"
_TEMPLATES = Path(__file__).parent / "templates"

_environment = Environment(
    loader=FileSystemLoader(_TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


@cache
def _template(name: str) -> Template:
    return _environment.get_template(name)


def render(name: str, **values: object) -> str:
    """Return the template ``name`` filled with ``values``."""
    return _template(name).render(values)
