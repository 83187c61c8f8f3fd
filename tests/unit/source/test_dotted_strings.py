"""Strings that name a module: which they are, which file they mean, and that nobody gets them unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from growth import assert_linear
from small_repository import Files, repository

from edge_worker.source.graph import GraphBuilder, Link
from edge_worker.source.languages.python.dotted import named_modules
from edge_worker.source.survey import survey

PACKAGE = {
    "shop/__init__.py": "",
    "shop/apps.py": "",
    "shop/users/__init__.py": "",
    "shop/users/models.py": "",
    "other/__init__.py": "",
    "json/__init__.py": "",
    "json/decoder/__init__.py": "",
}


def _links(text: str, files: Files = PACKAGE, path: str = "settings.py") -> list[Link]:
    builder = GraphBuilder(repository({**files, path: text}))
    builder.add_aside(path=path, language="python", source=text.encode())
    return list(builder.links())


def _named(text: str) -> list[tuple[str, int]]:
    return [(".".join((one.module, *one.names)), one.line) for one in named_modules(text.encode())]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("'shop.users.models'", "shop/users/models.py"),
        ('"shop.users.models.User"', "shop/users/models.py"),
        ("'shop.users.models.User.name'", "shop/users/models.py"),
        ("'shop.users.models:User'", "shop/users/models.py"),
        ("r'shop.users.models'", "shop/users/models.py"),
        ("'shop.apps:ready'", "shop/apps.py"),
        ("'run = shop.apps:ready'", "shop/apps.py"),
        ("'run=shop.apps:Shop.ready [extra]'", "shop/apps.py"),
    ],
)
def test_a_string_means_its_longest_beginning_that_is_a_module(text: str, target: str) -> None:
    """Behind it may stand a class and what that has, or a name of the package itself."""
    (link,) = _links(f"SETTING = [\n    {text},\n]\n")

    assert link == Link(source="settings.py", target=target, kinds=("string",), line=2, confidence=0.8)
    assert not link.imports


def test_a_name_in_a_package_is_less_sure() -> None:
    """Nobody can say whether a package has what one name more stands for without running it."""
    (link,) = _links("'shop.users.get_user'")

    assert (link.target, link.confidence) == ("shop/users/__init__.py", 0.5)


@pytest.mark.parametrize(
    "text",
    [
        "'shop.users'",
        "'shop.nothing.more'",
        "'shop.users.more.than.one'",
        "'other.a.b'",
        "'example.com.shop'",
        "'json.decoder.JSONDecoder'",
        "'shop.nothing:ready'",
        "'see shop.users.models'",
        "b'shop.users.models'",
        "f'shop.users.models'",
        "# 'shop.users.models'",
        "'''\n'shop.users.models'\n'''",
        "'it\\'s # ' + \"'shop.users.models'\"",
        "'shop.users.models",
    ],
)
def test_any_other_string_means_nothing(text: str) -> None:
    """Two names may be anything; a comment, a prose, a standard module and what is not there are left alone."""
    assert _links(f"a = {text}\n") == []


def test_a_text_is_read_to_its_end_whatever_stands_in_it() -> None:
    """Quotes within quotes, strings over lines and broken ones do not hide what follows."""
    text = 'a = """x "y" \\""" z"""\nb = \'"\'\nc = "\nd = "a.b.c"\n# "x.y.z\ne = \'\'\'\n\'\'\' "d.e.f"\n'

    assert _named(text) == [("a.b.c", 4), ("d.e.f", 7)]


@pytest.mark.parametrize("piece", ["'", '"', '"""', "'''", "a.b.", "#", "\\", "'a.b.c' ", '"a=a.b:c[', "b'"])
def test_it_takes_no_longer_than_the_text_is_long(piece: str) -> None:
    """No text makes the search go over it again and again."""
    assert_linear(lambda times: list(named_modules(piece.encode() * times)), 10_000)


def test_strings_are_told_on_request_alone(tmp_path: Path) -> None:
    """Without being asked for all kinds a folder's graph has none of them."""
    for path, text in {**PACKAGE, "settings.py": "import shop\nAPPS = ['shop.apps.Shop']\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    plain, every = survey(tmp_path), survey(tmp_path, optional=True)

    assert {link.target for link in plain.links if link.source == "settings.py"} == {"shop/__init__.py"}
    assert {(link.target, link.kinds) for link in every.links if link.source == "settings.py"} == {
        ("shop/__init__.py", ("runtime",)),
        ("shop/apps.py", ("string",)),
    }
