"""A repository of any size for a benchmark: packages of Python and TypeScript files that import each other.

The same size gives the same commits. Files import mostly files of their own package, a few of everybody's favourites,
and modules that are not there; bodies are of ordinary length, since reading them is most of the work.
"""

from __future__ import annotations

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from posixpath import dirname, relpath

_PACKAGE = 24
_FAVOURITES = 40
_OUTSIDE = ("os", "json", "logging", "dataclasses", "typing", "collections.abc")
_WORDS = ("load", "store", "path", "value", "table", "index", "source", "target", "limit", "count", "merge", "split")


class MadeRepository:
    """A bare repository of ``files`` source files, one in thirty of them vendored."""

    def __init__(self, folder: Path, *, files: int, seed: int = 0) -> None:
        self.folder = folder
        self._random = random.Random(seed)  # noqa: S311  # a benchmark needs the same every time
        self._paths = [_path(number) for number in range(files)]
        self._commits = 0
        subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(folder)], check=True)
        self._commit(range(files))

    def push(self, share: float) -> int:
        """Commit other imports and bodies for this share of the files and a few new files; return how many changed."""
        changed = self._random.sample(range(len(self._paths)), max(1, int(len(self._paths) * share)))
        new = range(len(self._paths), len(self._paths) + max(1, len(changed) // 10))
        self._paths += [_path(number) for number in new]
        self._commit([*changed, *new])
        return len(changed) + len(new)

    def _commit(self, numbers: range | list[int]) -> None:
        command = ["git", "-C", str(self.folder), "fast-import", "--quiet"]
        with subprocess.Popen(command, stdin=subprocess.PIPE) as git:
            assert git.stdin is not None
            for line in self._stream(numbers):
                git.stdin.write(line)
        if git.returncode:
            raise SystemExit(f"git fast-import ended with {git.returncode}")
        self._commits += 1

    def _stream(self, numbers: range | list[int]) -> Iterator[bytes]:
        yield b"commit refs/heads/main\ncommitter Bench <bench@example.org> 1700000000 +0000\ndata 2\nx\n"
        if self._commits:
            yield b"from refs/heads/main^0\n"
        for number in numbers:
            text = self._text(number).encode()
            yield f"M 100644 inline {self._paths[number]}\ndata {len(text)}\n".encode() + text + b"\n"
        yield b"\n"

    def _text(self, number: int) -> str:
        targets = sorted({self._target(number) for _ in range(self._random.randint(2, 8))} - {number})
        script = self._paths[number].endswith(".ts")
        own = [target for target in targets if self._paths[target].endswith(".ts") == script]
        here, named = self._paths[number], [self._paths[target] for target in own]
        lines = [_script_import(here, path) if script else _import(path) for path in named]
        if not script:
            lines[:0] = [f"import {name}" for name in self._random.sample(_OUTSIDE, 2)]
        body = _script_body if script else _body
        lines += [body(self._random, part) for part in range(self._random.randint(4, 14))]
        return "\n".join(lines) + "\n"

    def _target(self, number: int) -> int:
        chance, size = self._random.random(), len(self._paths)
        if chance < 0.75:
            first = number - number % _PACKAGE
            return self._random.randrange(first, min(first + _PACKAGE, size))
        if chance < 0.95:
            return int(min(_FAVOURITES, size) * self._random.random() ** 2)
        return self._random.randrange(size)


def _path(number: int) -> str:
    package, place = divmod(number, _PACKAGE)
    top = "vendor" if package % 30 == 29 else "app"
    ending = "ts" if package % 3 == 2 else "py"
    name = "__init__" if place == 0 and ending == "py" else f"m{place}"
    return f"{top}/area{package // 40}/part{package}/{name}.{ending}"


def _import(path: str) -> str:
    return f"from {path.removesuffix('.py').removesuffix('/__init__').replace('/', '.')} import run"


def _script_import(source: str, target: str) -> str:
    way = relpath(target.removesuffix(".ts"), dirname(source))
    return f"import {{ run }} from '{way if way.startswith('.') else f'./{way}'}'"


def _body(chance: random.Random, part: int) -> str:
    one, other, third = chance.sample(_WORDS, 3)
    return f'''

def {one}_{other}_{part}({third}: list[int], {one}: str = "{other}") -> int:
    """Return the {other} of a {third}, as {one} was asked for; nothing else is read."""
    total = 0
    for number, each in enumerate({third}):
        if each % {part + 2} == 0 and "{one}" in {one}:
            total += number * {part + 1}
        else:
            total -= each // {part + 3}  # what is left of the {other}
    return total'''


def _script_body(chance: random.Random, part: int) -> str:
    one, other, third = chance.sample(_WORDS, 3)
    return f"""
/** Returns the {other} of a {third}, as {one} was asked for; nothing else is read. */
export function {one}{other.title()}{part}({third}: number[], {one}: string = "{other}"): number {{
  let total = 0
  for (const [number, each] of {third}.entries()) {{
    if (each % {part + 2} === 0 && {one}.includes("{one}")) {{
      total += number * {part + 1}
    }} else {{
      total -= Math.floor(each / {part + 3}) // what is left of the {other}
    }}
  }}
  return total
}}"""
