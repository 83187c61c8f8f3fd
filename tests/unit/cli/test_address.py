"""What people call a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from pharos.address import address_of, find_repository, local_folder
from pharos.answers import Repository
from shared.errors import NotFound
from tests.unit.cli.recorded_plane import REPOSITORY_ID


def repository(name: str = "github.com/acme/api", *, id: str = REPOSITORY_ID) -> Repository:  # noqa: A002
    """An indexed repository."""
    return Repository(
        id=id, name=name, ref=None, commit="0" * 40, files=1, edges=0, indexed_at="2026-11-21T14:53:03.132679Z"
    )


@pytest.mark.parametrize(
    "text", ["acme/api", "github.com/acme/api", "https://github.com/acme/api", "git@host.example:a/b"]
)
def test_address_stays(text: str) -> None:
    """What is no folder reaches the control plane as it was typed."""
    assert address_of(text) == text


def test_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder is named by its absolute path, however it was typed."""
    (tmp_path / "api").mkdir()
    monkeypatch.chdir(tmp_path)

    named = {address_of(text) for text in ("api", "./api", f"{tmp_path}/api", "../" + tmp_path.name + "/api")}

    assert named == {str(tmp_path / "api")}
    assert local_folder(".") == tmp_path


@pytest.mark.parametrize(
    "text",
    ["repo_12rm1gvdytwfchgq2q41h2vmxq", "github.com/acme/api", "ACME/api", "https://github.com/acme/api.git", "api"],
)
def test_repository_by_any_name(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A repository is found by its id, its name, its address, and the end of its name."""
    monkeypatch.chdir(tmp_path)

    assert find_repository(text, [repository()])["name"] == "github.com/acme/api"


def test_exact_name_goes_first() -> None:
    """``owner/name`` means GitHub's where several hosts have one."""
    known = [repository("gitlab.com/acme/api", id="repo_1"), repository("github.com/acme/api", id="repo_2")]

    assert find_repository("acme/api", known)["id"] == "repo_2"


@pytest.mark.parametrize("address", ["https://me:s3cret@git.example/a/b", "https://s3cret@git.example/a/b"])
def test_passwords_are_not_repeated(address: str) -> None:
    """Whoever reads that there is no such repository reads nobody's password."""
    with pytest.raises(NotFound) as error:
        find_repository(address, [repository()])

    assert "s3cret" not in error.value.message
    assert "git.example/a/b" in error.value.message


def test_part_of_a_name_is_not_a_name() -> None:
    """A repository whose name only ends alike is not meant."""
    with pytest.raises(NotFound):
        find_repository("acme/api", [repository("gitlab.com/bigacme/api")])
