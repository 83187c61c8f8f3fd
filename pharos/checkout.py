"""What changed in a checkout on this machine, as git tells it without heeding what the checkout would have it run."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from edge_worker.source.languages.registry import language_of
from edge_worker.source.shadow import GitPlace, cast_shadow, find_repository
from shared.changes import Change, changes_of, shown_path
from shared.errors import InvalidRequest

#: Seconds that git may take for one question.
_PATIENCE = 60.0
#: What names commits besides refs, and where history ends in a shallow clone.
_ALSO_LENT = ("ORIG_HEAD", "FETCH_HEAD", "shallow")
_SSH = re.compile(r"ssh://(?:[^/@]+@)?(\[[^\]/]+\]|[^:/]+)(?::\d+)?/+(.+)")
_SHORT_SSH = re.compile(r"[^/@:]+@([^:/]+):/*(.+)")
_PASSWORD = re.compile(r"([a-z+]+://)[^/]*@(.+)")


class Checkout:
    """The work tree around a folder; a context manager."""

    def __init__(self, folder: Path, *, patience: float = _PATIENCE) -> None:
        """Look for it. Git may take ``patience`` seconds for one question.

        Raises:
            InvalidRequest: git is not there, or the folder is in no work tree.
        """
        if shutil.which("git") is None:
            raise InvalidRequest("git is not on the PATH, so what changed cannot be told. Nothing was asked.")
        self._folder = folder.resolve()
        self._patience = patience
        place = find_repository(self._folder)
        if place is None or place.top is None:
            raise InvalidRequest(
                f"{folder} is not a git repository with a work tree, nor in one. Nothing was asked. Go to the "
                "checkout, or name the repository and two whole commits: pharos impact BASE..HEAD --repository REPO"
            )
        self.root = place.top
        self._place = place
        self._made = tempfile.TemporaryDirectory(prefix="pharos-checkout-")
        self._shadow = Path(self._made.name) / "repository"

    def __enter__(self) -> Checkout:
        """Cast the shadow through which git looks: what a downloaded checkout configures must not run."""
        cast_shadow(self._place, self._shadow)
        for name in _ALSO_LENT:
            lent = (self._place.common if name == "shallow" else self._place.own) / name
            if lent.is_file():
                shutil.copyfile(lent, self._shadow / name)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._made.cleanup()

    def origin(self) -> str | None:
        """Return where it was cloned from, as https where it was ssh and without anybody's password, or ``None``."""
        try:
            config = str(self._place.common / "config")
            url = shown_path(self._git("config", "--file", config, "--get", "remote.origin.url")).strip()
        except InvalidRequest:
            return None
        short = _SSH.fullmatch(url) or _SHORT_SSH.fullmatch(url)
        if short:
            return f"https://{short[1]}/{short[2]}"
        named = _PASSWORD.fullmatch(url)
        return f"{named[1]}{named[2]}" if named else url

    def has_commit(self, name: str) -> bool:
        """Return whether ``name`` means a commit here."""
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        return self._run(asked).returncode == 0

    def between(self, range_: str) -> list[Change]:
        """Return what differs between two commits, as ``git diff`` reads a range: ``A..B`` or ``A...B``.

        Raises:
            InvalidRequest: there are no such commits here.
        """
        return self._diff(range_)

    def since(self, commit: str) -> list[Change]:
        """Return what differs from a commit now, with files that git does not know yet.

        Raises:
            InvalidRequest: there is no such commit here.
        """
        new = self._git("ls-files", "-z", "--others", *self._rules(), "--full-name", ":/").split(b"\0")
        return [*self._diff(commit), *(Change(path=shown_path(path), status="added") for path in new if path)]

    def uncommitted(self) -> list[Change]:
        """Return what differs from the last commit, with files that git does not know yet."""
        return self.since("HEAD")

    def named(self, paths: Sequence[str]) -> list[Change]:
        """Return files that were named, by their place under the root; what is there no more counts as removed.

        A folder stands for the sources below it: tracked, or new and not ignored.

        Raises:
            InvalidRequest: one lies outside, is neither on disk nor known to git, or is a folder without sources.
        """
        found = (change for path in paths for change in self._named(path))
        return list({change.path: change for change in found}.values())

    def _named(self, path: str) -> list[Change]:
        plain = Path(os.path.normpath(self._folder / path))
        whole = plain.parent.resolve() / plain.name
        if not whole.is_relative_to(self.root):
            raise InvalidRequest(f"'{path}' is outside of {self.root}. Nothing was asked.")
        inside = whole.relative_to(self.root).as_posix()
        there = os.path.lexists(whole)
        is_folder = whole.is_dir() and not whole.is_symlink()
        if is_folder or (not there and self._git("ls-files", "-z", "--", f":(top,literal){inside}/")):
            return self._below(path, inside)
        if not there and not self._knows(inside):
            raise InvalidRequest(
                f"'{path}' is no file here, git has never had one of that name, and it names no commit. Nothing was "
                "asked. Check how it is written."
            )
        return [Change(path=shown_path(os.fsencode(inside)), status="modified" if there else "removed")]

    def _below(self, path: str, inside: str) -> list[Change]:
        pathspec = f":(top,literal){'' if inside == '.' else inside}"
        listed = self._git("ls-files", "-z", "-t", "-c", "-d", "-o", *self._rules(), "--full-name", "--", pathspec)
        # A tracked file that is not on disk is listed once more, as one that is not there (R).
        tags = {os.fsdecode(line[2:]): line[:1] for line in listed.split(b"\0") if line}
        sources = [(name, tag) for name, tag in tags.items() if language_of(name) is not None]
        if not sources:
            raise InvalidRequest(f"There is no source file below '{path}' that git knows. Nothing was asked.")
        return [
            Change(path=shown_path(os.fsencode(name)), status="removed" if tag == b"R" else "modified")
            for name, tag in sources
        ]

    def _rules(self) -> list[str]:
        """Return what tells git which new files do not count."""
        private = self._place.common / "info" / "exclude"
        return ["--exclude-standard", *([f"--exclude-from={private}"] if private.is_file() else [])]

    def _knows(self, inside: str) -> bool:
        pathspec = f":(top,literal){inside}"
        if self._git("ls-files", "-z", "--", pathspec):
            return True
        return self.has_commit("HEAD") and bool(self._git("rev-list", "-1", "HEAD", "--", pathspec))

    def _diff(self, range_: str) -> list[Change]:
        how = ("--name-status", "-M", "-z", "--no-ext-diff", "--no-textconv", "--ignore-submodules=all")
        return changes_of(self._git("diff", *how, "--end-of-options", range_, "--"))

    def _git(self, *arguments: str) -> bytes:
        done = self._run(arguments)
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise InvalidRequest(f"git says: {said[-1] if said else done.returncode}. Nothing was asked.")
        return done.stdout

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[bytes]:
        try:
            return subprocess.run(
                ["git", *arguments],
                cwd=self._folder,
                env=_environment(self._place, self._shadow),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=self._patience,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise InvalidRequest(
                f"git {arguments[0]} took longer than {self._patience:.0f} s in {self.root}. Nothing was asked. Name "
                "the changed files instead."
            ) from None


def _environment(place: GitPlace, shadow: Path) -> dict[str, str]:
    """Return all that git sees of this process's environment: enough to read what is here, and nothing that runs."""
    return {
        "PATH": os.pathsep.join(os.get_exec_path()),
        "HOME": str(shadow),
        "GIT_DIR": str(shadow),
        "GIT_WORK_TREE": str(place.top),
        "GIT_INDEX_FILE": str(place.own / "index"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_OPTIONAL_LOCKS": "0",
    }
