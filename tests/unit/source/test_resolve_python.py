"""The rules of Python resolution, each on a small repository."""

from __future__ import annotations

import pytest
from small_repository import edges, graph, links, sureness, targets

PYPROJECT = "[project]\nname = 'mine'\n"
BASE = {
    "pyproject.toml": PYPROJECT,
    "pkg/__init__.py": "",
    "pkg/a.py": "x = 1",
    "pkg/sub/__init__.py": "",
    "pkg/sub/b.py": "",
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import pkg", {"pkg/__init__.py"}),
        ("import pkg.sub.b", {"pkg/sub/b.py"}),
        ("import pkg.missing", set()),
        ("from pkg import a", {"pkg/a.py"}),
        ("from pkg import name", {"pkg/__init__.py"}),
        ("from pkg import a, name", {"pkg/a.py", "pkg/__init__.py"}),
        ("from pkg import *", {"pkg/__init__.py"}),
        ("from pkg.a import x", {"pkg/a.py"}),
        ("from pkg.a.deeper import x", set()),
        ("import_module('pkg.sub.b')", {"pkg/sub/b.py"}),
        ("import json, requests", set()),
    ],
)
def test_absolute_imports(text: str, expected: set[str]) -> None:
    """An absolute import means the file of its whole path, submodules first (P5, P6)."""
    assert targets({**BASE, "main.py": text}, "main.py") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("from . import b", {"pkg/sub/b.py"}),
        ("from .b import x", {"pkg/sub/b.py"}),
        ("from .. import a", {"pkg/a.py"}),
        ("from ..a import x", {"pkg/a.py"}),
        ("from . import name", {"pkg/sub/__init__.py"}),
        ("from .... import x", set()),
        ("from ..... import x", set()),
    ],
)
def test_relative_imports(text: str, expected: set[str]) -> None:
    """A relative import walks directories, and above the repository there is nothing (P7)."""
    assert targets({**BASE, "pkg/sub/c.py": text}, "pkg/sub/c.py") == expected


@pytest.mark.parametrize(
    ("config", "root"),
    [
        ({"pyproject.toml": "[tool.setuptools]\npackage-dir = {'' = 'lib'}\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[tool.setuptools.packages.find]\nwhere = ['lib']\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[tool.poetry]\npackages = [{include = 'm', from = 'lib'}]"}, "lib"),
        ({"pyproject.toml": "[tool.hatch.build.targets.wheel]\npackages = ['lib/m']\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[tool.uv.build-backend]\nmodule-root = 'lib'\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[build-system]\nbuild-backend = 'uv_build'"}, "src"),
        ({"pyproject.toml": "[tool.pdm.build]\npackage-dir = 'lib'\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[tool.maturin]\npython-source = 'lib'\n[project]\nname='p'"}, "lib"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\npythonpath = 'lib other'"}, "lib"),
        ({"pyproject.toml": "[tool.ruff]\nsrc = ['lib']"}, "lib"),
        ({"pyproject.toml": "[tool.mypy]\nmypy_path = '$MYPY_CONFIG_FILE_DIR:lib'"}, "lib"),
        ({"setup.cfg": "[options]\npackage_dir =\n  = lib\n"}, "lib"),
        ({"setup.cfg": "[metadata]\nname = p\n[options.packages.find]\nwhere = lib\n"}, "lib"),
        ({"setup.py": "setup(package_dir={'': 'lib'})"}, "lib"),
        ({"setup.py": "setup(packages=find_packages(where='lib'))"}, "lib"),
        ({"pytest.ini": "[pytest]\npythonpath = lib\n"}, "lib"),
        ({"pants.toml": "[source]\nroot_patterns = ['/lib']"}, "lib"),
        ({"pyproject.toml": PYPROJECT}, "src"),
    ],
)
def test_declared_roots(config: dict[str, str], root: str) -> None:
    """A root is found wherever a build backend or a tool declares it (P2)."""
    files = {**config, f"{root}/m/__init__.py": "", "tests/unit/test_m.py": "import m"}

    assert targets(files, "tests/unit/test_m.py") == {f"{root}/m/__init__.py"}


def test_namespace_package_is_collected_over_all_roots() -> None:
    """Portions of a namespace in several projects are one package, and a regular package ends the search (P5)."""
    files = {
        "one/pyproject.toml": PYPROJECT,
        "one/src/space/a.py": "from space import b\nfrom .b import x\n",
        "two/pyproject.toml": "[project]\nname = 'two'",
        "two/src/space/b.py": "import space.a",
    }

    assert set(edges(files)) == {
        ("one/src/space/a.py", "two/src/space/b.py"),
        ("two/src/space/b.py", "one/src/space/a.py"),
    }


def test_directory_inside_a_declared_root_is_no_root() -> None:
    """A portion inside src does not capture the name of a dependency (P3, P8)."""
    files = {
        "pyproject.toml": "[project]\nname = 'mine'\ndependencies = ['grpc']",
        "src/space/proto/grpc/__init__.py": "",
        "src/space/proto/user.py": "import grpc",
    }

    assert targets(files, "src/space/proto/user.py") == set()


def test_script_finds_its_neighbours() -> None:
    """The directory of a script is its first root (P3)."""
    files = {"scripts/run.py": "import helper", "scripts/helper.py": "", "helper.py": ""}

    assert targets(files, "scripts/run.py") == {"scripts/helper.py"}


def test_standard_library_wins_unless_the_importer_lives_in_it() -> None:
    """A directory named json captures nothing, but a repository that is asyncio resolves itself (P1)."""
    files = {
        "json/__init__.py": "",
        "main.py": "import json",
        "asyncio/__init__.py": "",
        "asyncio/events.py": "import asyncio",
    }

    assert set(edges(files)) == {("asyncio/events.py", "asyncio/__init__.py")}


def test_declared_dependency_is_external() -> None:
    """A name that the project requires is not taken from a project among fixtures (P8)."""
    files = {
        "pyproject.toml": "[project]\nname = 'mine'\ndependencies = ['Build-Tool>=1', 'x @ https://y']",
        "src/mine/__init__.py": "import build_tool, fixture",
        "tests/fixtures/f/pyproject.toml": "[project]\nname = 'f'",
        "tests/fixtures/f/build_tool/__init__.py": "",
        "tests/fixtures/f/fixture.py": "",
    }

    assert targets(files, "src/mine/__init__.py") == set()


def test_required_project_among_tests_provides_its_names() -> None:
    """A project under tests that another requires by name is a sibling like any other (P8)."""
    files = {
        "app/pyproject.toml": "[project]\nname = 'app'\ndependencies = ['test-utils']",
        "app/src/app.py": "import utils_of_tests",
        "tests/utils/pyproject.toml": "[project]\nname = 'test_utils'",
        "tests/utils/src/utils_of_tests.py": "",
    }

    assert targets(files, "app/src/app.py") == {"tests/utils/src/utils_of_tests.py"}


def test_fallback_roots() -> None:
    """An ancestor as root needs two components, a test application its top package (P9)."""
    files = {
        "pyproject.toml": PYPROJECT,
        "src/mine/__init__.py": "",
        "tools/gen/lib/x.py": "",
        "tools/gen/lone.py": "",
        "tools/gen/mid/deep/__init__.py": "import lib.x, lone",
        "tests/apps/site/__init__.py": "",
        "tests/test_site.py": "import site_, site\nfrom app import views",
        "tests/apps/app/__init__.py": "",
        "tests/apps/app/views.py": "",
    }

    assert set(edges(files)) == {
        ("tools/gen/mid/deep/__init__.py", "tools/gen/lib/x.py"),
        ("tests/test_site.py", "tests/apps/app/views.py"),
    }


def test_stub_stands_in_where_there_is_no_source() -> None:
    """A stub is the target only of a module without source (P5, P11)."""
    files = {"a.py": "", "a.pyi": "", "native.pyi": "", "main.py": "import a, native"}

    assert targets(files, "main.py") == {"a.py", "native.pyi"}


def test_source_on_a_later_root_comes_before_a_stub() -> None:
    """A stub on the first root gives way to a source on another (P5)."""
    files = {"pyproject.toml": PYPROJECT, "src/m.py": "", "scripts/m.pyi": "", "scripts/run.py": "import m"}

    assert targets(files, "scripts/run.py") == {"src/m.py"}


def test_setup_script_inside_a_package_is_a_module() -> None:
    """A setup.py beside __init__.py makes no project (P2)."""
    files = {"core/__init__.py": "", "core/setup.py": "setup()", "core/json2.py": "", "main.py": "import json2"}

    assert targets(files, "main.py") == set()


def test_outcomes_are_counted() -> None:
    """An import of somebody else's is external, one of a file that is not there is unresolved."""
    stats = graph({**BASE, "main.py": "import requests, os\nimport pkg.gone\nfrom . import gone\nimport pkg"}).stats

    assert (stats.external, stats.unresolved_local, stats.local) == (2, 2, 1)


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("import pkg.sub.b", {"pkg/__init__.py", "pkg/sub/__init__.py"}),
        ("from pkg.sub import b", {"pkg/__init__.py", "pkg/sub/__init__.py"}),
        ("from pkg.sub import name", {"pkg/__init__.py"}),
        ("import pkg", set()),
        ("import pkg.missing", set()),
    ],
)
def test_packages_on_the_way_are_run(text: str, run: set[str]) -> None:
    """The packages that an import runs on its way are told when they are asked for, and are none of the graph (G2)."""
    files = {**BASE, "main.py": text}

    found = {target for (source, target), kinds in links(files).items() if kinds == ("package-init",)}

    assert found == run
    assert not run & targets(files, "main.py")


def test_package_that_is_run_and_imported_is_one_edge() -> None:
    """A package that is run on the way to one name and imported itself elsewhere has the line of its own import."""
    files = {**BASE, "main.py": "import pkg.a\n\nimport pkg\n"}

    assert links(files)["main.py", "pkg/__init__.py"] == ("package-init", "runtime")
    assert {edge.line for edge in graph(files).edges} == {1, 3}


def test_guess_is_less_sure_than_a_rule() -> None:
    """What a rule of the language gives is certain; what only the places of files suggest is not (P9)."""
    files = {
        "pyproject.toml": PYPROJECT,
        "src/mine/__init__.py": "",
        "tests/test_mine.py": "import mine\nimport app.views\n",
        "tests/apps/app/__init__.py": "",
        "tests/apps/app/views.py": "",
        "tools/gen/lib/x.py": "",
        "tools/gen/mid/deep/__init__.py": "import lib.x",
    }

    sure = sureness(files)

    assert sure["tests/test_mine.py", "src/mine/__init__.py"] == 1.0
    assert 0 < sure["tests/test_mine.py", "tests/apps/app/views.py"] < 1
    assert 0 < sure["tools/gen/mid/deep/__init__.py", "tools/gen/lib/x.py"] < 1
