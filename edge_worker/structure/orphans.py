"""Which files are probably started by something else than an import, as far as name and place tell."""

from __future__ import annotations

import re

from shared.paths import is_test, parts_of

#: Folders of files that people or tools start one by one, or that a framework finds by their place.
_STARTED_IN = re.compile(
    r"bin|scripts?|tools?|cmd|examples?|samples?|demos?|docs?|bench(es|marks?)?|playground|fixtures?|stories|\.\w+|"
    r"migrations|versions|pages|routes|templatetags|management"
)
#: Names, up to the first dot, of files that are started, or found by name.
_STARTED_AS = re.compile(
    r"__main__|main|index|app|application|program|server|cli|mod|lib|build|doc|setup|manage|conftest|[wa]sgi|noxfile|"
    r"fabfile|tasks|settings|urls|admin|apps|sitecustomize|gulpfile|gruntfile|rakefile|gemfile|autoload|bootstrap|"
    r"middleware|instrumentation|\+?(page|layout|route|error|loading|template)|package-info|module-info|__init__"
)
_STARTED_BY_FORM = re.compile(
    r"^\.|\.d\.[cm]?tsx?$|\.config\.[cm]?[jt]s$|rc\.[cm]?js$|\.(stories|story)\.[jt]sx?$|\.h(pp|h|xx)?$|\.ipynb$"
)


def is_entry(path: str) -> bool:
    """Return whether something else than an import probably starts a file: a person, a tool, a framework, a test."""
    *folders, name = parts_of(path.lower())
    return (
        _STARTED_AS.fullmatch(name.partition(".")[0]) is not None
        or _STARTED_BY_FORM.search(name) is not None
        or any(_STARTED_IN.fullmatch(folder) for folder in folders)
        or is_test(path)
    )
