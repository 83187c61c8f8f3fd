"""Addresses of repositories: one name for each, and nothing else gets in."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.errors import InvalidRepository
from shared.jobs.payloads import IngestPayload
from shared.repositories import RepositoryAddress, parse_repository, strip_userinfo

HOSTS = ("github.com", "gitlab.com", "git.example.org")
ROOTS = ("/srv/git", "")
NAME = "github.com/a/b"


def _parse(raw: str, *, hosts: tuple[str, ...] = HOSTS) -> RepositoryAddress:
    return parse_repository(raw, hosts=hosts, local_roots=ROOTS)


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("https://github.com/a/b", NAME),
        ("https:%2F%2Fgithub.com%2Fa%2Fb.git", NAME),
        ("https%3A%2F%2Fgithub.com%2Fa%2Fb", NAME),
        ("https:/github.com/a/b", NAME),
        ("github.com/a/b", NAME),
        ("a/b", NAME),
        ("git@github.com:a/b.git", NAME),
        ("git%40gitlab.com%3Aa/b", "gitlab.com/a/b"),
        ("  HTTPS://GitHub.com/A/B.git/ ", NAME),
        ("github.com/a/b.git///", NAME),
        ("gitlab.com/group/sub/deep/project", "gitlab.com/group/sub/deep/project"),
        ("git.example.org/Team/Repo", "git.example.org/Team/Repo"),
        ("a/b.js", "github.com/a/b.js"),
        ("a/.github", "github.com/a/.github"),
        ("git.example.org/~user/repo", "git.example.org/~user/repo"),
    ],
)
def test_every_way_to_write_it_is_one_name(raw: str, name: str) -> None:
    """However an address is written, its name and the URL that git is given are the same."""
    found = _parse(raw)

    assert (found.name, found.url, found.local) == (name, f"https://{name}", False)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "   ",
        "a",
        "/",
        "a/../b",
        "a/./b",
        "a/..",
        "../a/b",
        "a//b",
        "a/b/c",
        "a/-b",
        "-a/b",
        "--upload-pack=x/b",
        "-u/b",
        "a/b c",
        "a/b\nc",
        "a%0a/b",
        "a\n/b",
        "github.com/a\n/b",
        "a/b%00",
        "a/b;id",
        "a/$(id)",
        "a/b?x=1",
        "a/b#x",
        "a\\b/c",
        "ä/b",
        "a/b/.git",
        "a/.git",
        "ext::sh -c id",
        "ext::sh -c id/x",
        "file:///etc/passwd",
        "file:/etc/passwd",
        "ssh://git@github.com/a/b",
        "ssh://-oProxyCommand=id/a/b",
        "git://github.com/a/b",
        "http://github.com/a/b",
        "ftp://github.com/a/b",
        "https://",
        "https:///a/b",
        "https:////github.com/a/b",
        "https://github.com",
        "https://github.com/a",
        "https://github.com/a/b/tree/main",
        "https://gitlab.com/a/b/-/tree/main",
        "https://gitlab.com/a/b/blob/main/x.py",
        "https://127.0.0.1/a/b",
        "https://127.1/a/b",
        "https://2130706433/a/b",
        "https://0x7f.1/a/b",
        "https://[::1]/a/b",
        "https://[::ffff:a9fe:a9fe]/a/b",
        "https://169.254.169.254/latest/meta-data",
        "https://localhost/a/b",
        "https://github.com:22/a/b",
        "https://github.com:443/a/b",
        "https://github.com./a/b",
        "https://github.com\n/a/b",
        "https://github.com%0a/a/b",
        "https://evil.com/a/b",
        "https://github.com.evil.com/a/b",
        "https://evilgithub.com/a/b",
        "https://evil.com#github.com/a/b",
        "https://user:tok@github.com/a/b",
        "https://tok@github.com/a/b",
        "https://github.com@evil.com/a/b",
        "https://github.com%40evil.com/a/b",
        "user:tok@github.com/a/b",
        "git@github.com:/etc/passwd",
        "git@-oProxyCommand=id:a/b",
        "git@evil.com:a/b",
        "root@github.com:a/b",
        "git@github.com:a/b\n\nx",
        "git@github.com:a\n/b",
        "/etc/passwd",
        "/srv/git/../../etc",
        "/srv/gitx/repo",
        "/srv",
        "//srv/git/repo",
        "/srv/git/a\x00b",
        "/srv/git/a\nb",
        "srv/git/repo",
        "C:\\repo",
        "a/" + "b" * 101,
        "a/" * 300 + "b",
    ],
)
def test_everything_else_is_refused(raw: str) -> None:
    """What is not an address that may be read is refused, and nothing was queued."""
    with pytest.raises(InvalidRepository, match="Nothing was queued"):
        _parse(raw)


@pytest.mark.parametrize(
    ("host", "admitted"),
    [
        ("example.com", True),
        ("git.example.co.uk", True),
        ("localhost", False),
        ("printer.local", False),
        ("metadata.google.internal", False),
        ("router.home.arpa", False),
        ("a.localhost", False),
        ("127.0.0.1", False),
        ("127.1", False),
        ("1.2.3.0x4", False),
        ("evil.com\n", False),
        ("evil..com", False),
        ("-evil.com", False),
        ("evil-.com", False),
        ("xn--bcher-kva.example", True),
        ("a." * 130 + "com", False),
    ],
)
def test_star_admits_public_names_alone(host: str, admitted: bool) -> None:
    """``*`` opens every public host name, and no address, local name or odd spelling."""
    if admitted:
        assert _parse(f"https://{host}/a/b", hosts=("*",)).host == host
        return
    with pytest.raises(InvalidRepository):
        _parse(f"https://{host}/a/b", hosts=("*",))


def test_refusals_name_no_secret() -> None:
    """The answer to an address with a token in it does not repeat the token."""
    with pytest.raises(InvalidRepository) as error:
        _parse("https://user:canary-token@github.com/a/b")

    assert "canary" not in f"{error.value} {error.value.details}"


@pytest.mark.parametrize("host", ["gitlab.com", f"{'a' * 63}.{'b' * 63}.{'c' * 63}.{'d' * 57}.com"])
def test_longest_path_fits_a_payload(host: str) -> None:
    """A repository's path has 200 characters at most, so that its URL fits a payload even on the longest host."""
    longest = f"{'g' * 99}/{'r' * 100}"

    found = _parse(f"https://{host}/{longest}", hosts=(host,))

    assert IngestPayload(url=found.url).url == f"https://{host}/{longest}"
    with pytest.raises(InvalidRepository, match=r"200 characters at most\. Nothing was queued"):
        _parse(f"https://{host}/g{longest}", hosts=(host,))


def test_local_path_below_a_root_is_local() -> None:
    """A folder below PHAROS_LOCAL_ROOTS is read from the worker's own disk."""
    found = _parse("/srv/git/team/repo/")

    assert (found.name, found.url, found.host, found.local) == (
        "local:/srv/git/team/repo",
        "/srv/git/team/repo",
        None,
        True,
    )


def test_no_root_admits_no_path() -> None:
    """Without a root every path is refused."""
    with pytest.raises(InvalidRepository):
        parse_repository("/srv/git/repo", hosts=("*",))


_PIECES = st.lists(
    st.one_of(
        st.sampled_from(
            [
                "https:",
                "http:",
                "/",
                "//",
                "github.com",
                "git@",
                ":",
                "..",
                "a",
                "b",
                ".git",
                "%2F",
                "%0a",
                "@",
                "-",
                "/srv/git/",
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=9,
).map("".join)
_CLEAN_URL = re.compile(r"https://[a-z0-9.-]+(/(?!\.{1,2}(/|\Z))[A-Za-z0-9_.~][A-Za-z0-9_.~-]*)+")


@given(raw=_PIECES | st.text() | st.text(st.characters(exclude_categories=())))
@example(raw="\ud800/b")
@example(raw="%")
@example(raw="https://[/a/b")
def test_no_text_does_anything_else(raw: str) -> None:
    """Any text is an address with a clean name and URL, or InvalidRepository: nothing else, ever."""
    try:
        found = _parse(raw, hosts=("*", *HOSTS))
    except InvalidRepository:
        return

    again = _parse(found.url, hosts=("*", *HOSTS))
    assert again == found
    assert found.local or _CLEAN_URL.fullmatch(found.url)
    assert not found.local or found.url.startswith("/srv/git")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:canary@github.com/a/b", "https://github.com/a/b"),
        ("https:/canary@github.com/a/b", "https:/github.com/a/b"),
        ("user:canary@github.com/a/b", "github.com/a/b"),
        ("canary:x-oauth-basic@github.com/a/b", "github.com/a/b"),
        ("https://user:can@ary@github.com/a/b", "https://github.com/a/b"),
        ("https%3A%2F%2Fuser%3Acanary%40github.com/a", "https://github.com/a"),
        ("github.com/a/b", "github.com/a/b"),
    ],
)
def test_userinfo_is_stripped_for_logs(text: str, shown: str) -> None:
    """What goes into a log or an error has no user name and no password."""
    assert strip_userinfo(text) == shown


@pytest.mark.parametrize("raw", ["C:\\code\\team\\repo", "c:/code/team/repo", "C%3A%5Ccode%5Cteam%5Crepo"])
def test_a_windows_path_below_a_root_is_local(raw: str) -> None:
    """A path with a drive is read as Windows does, and has one name however it is written."""
    found = parse_repository(raw, hosts=(), local_roots=["c:\\code"])

    assert (found.name, found.url, found.local) == ("local:C:/code/team/repo", "C:\\code\\team\\repo", True)


@pytest.mark.parametrize("raw", ["C:\\Windows", "C:\\code\\..\\Windows", "D:\\code\\repo", "C:code"])
def test_a_windows_path_outside_is_refused(raw: str) -> None:
    """Another drive, another folder, and a way out of the root are refused."""
    with pytest.raises(InvalidRepository):
        parse_repository(raw, hosts=(), local_roots=["C:\\code"])
