"""Repositories on this worker's own disk: nothing outside the allowed roots is read, however a link leads there."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from edge_worker.source.failures import repository_not_found
from shared.errors import Permanent
from shared.repositories import RepositoryAddress

_HOPS = 5
_POINTER_BYTES = 1 << 16


def local_git_dir(address: RepositoryAddress, *, roots: Collection[Path]) -> Path:
    """Return the real folder that holds the objects and refs of a local repository.

    Symlinks, a ``.git`` file (a linked work tree), a common folder and alternates are all followed by name first,
    because git would follow them to any repository of this machine.

    Raises:
        Permanent: ``address_refused``, when one of them leads outside ``roots``; ``repository_not_found``.
    """
    inside = tuple(root.resolve() for root in roots)
    top = _inside(Path(address.url), inside, address)
    if not top.is_dir():
        raise repository_not_found(address.name)
    folder = _inside(_git_dir(top, address), inside, address)
    common = _inside(folder / _first_line(folder / "commondir", default="."), inside, address)
    if not (folder / "HEAD").is_file() or not (common / "objects").is_dir():
        raise repository_not_found(address.name)
    for part in (folder / "HEAD", common / "objects" / "pack", common / "refs", common / "packed-refs"):
        _inside(part, inside, address)
    for objects in _alternates(_inside(common / "objects", inside, address), hops=_HOPS):
        _inside(objects, inside, address)
    return folder


def _git_dir(top: Path, address: RepositoryAddress) -> Path:
    marker = top / ".git"
    if marker.is_dir():
        return marker
    if not marker.exists():
        return top
    word, _, target = _first_line(marker, default="").partition(": ")
    if word != "gitdir" or not target:
        raise repository_not_found(address.name)
    return top / target


def _inside(path: Path, roots: Collection[Path], address: RepositoryAddress) -> Path:
    real = path.resolve()
    if any(real.is_relative_to(root) for root in roots):
        return real
    raise Permanent(
        "address_refused",
        f"{address.name} leads outside PHAROS_LOCAL_ROOTS of this worker, so it was not read. Add the folder that it "
        "really lies in, or submit another path.",
    )


def _alternates(objects: Path, *, hops: int) -> Iterator[Path]:
    """Yield every object store that git would borrow from."""
    listed = objects / "info" / "alternates"
    if not listed.is_file():
        return
    for line in _text(listed).splitlines():
        if line and not line.startswith("#"):
            borrowed = objects / line.strip('"')
            yield borrowed
            if hops:
                yield from _alternates(borrowed, hops=hops - 1)


def _first_line(path: Path, *, default: str) -> str:
    if not path.is_file():
        return default
    return _text(path).partition("\n")[0].strip() or default


def _text(path: Path) -> str:
    with path.open("rb") as file:
        data = file.read(_POINTER_BYTES + 1)
    if len(data) > _POINTER_BYTES:
        raise Permanent("repository_malformed", "A file that leads from one git folder to another is far too long.")
    return data.decode("utf-8", "surrogateescape")
