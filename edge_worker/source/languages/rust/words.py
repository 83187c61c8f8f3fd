"""How what a Rust file asks for is spelled in its statements."""

from __future__ import annotations

#: ``mod a::b`` for ``mod b;`` in the module ``a`` of the same file; the names are what ``#[path]`` gives, where an
#: empty one stands for the custom.
MOD = "mod "
#: Among those names: if custom finds nothing, the module may lie beside the file.
BESIDE = "."
#: ``extern crate x``.
CRATE = "extern crate "
#: ``include!`` and its like, with the path as written.
INCLUDE = "include! "
ASSET = "include_str! "
#: In front of a path that is written from the directory of Cargo.toml.
MANIFEST = "$CARGO_MANIFEST_DIR"

#: More names than the path of any module has.
DEEPEST = 64
#: More letters than a name has.
LONGEST = 200

# Crates that come with the compiler, types of the language, and tools that attributes name.
_STANDARD = "std core alloc proc_macro test"
_TYPES = "bool char str i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize f16 f32 f64 f128"
_TOOLS = "clippy rustfmt rustdoc diagnostic miri rust_analyzer"
#: Heads of paths that no repository holds, so that a path in the code is not worth keeping.
OUTSIDE = frozenset(f"{_STANDARD} {_TYPES} {_TOOLS}".split())


def from_file(path: list[str], inline: tuple[str, ...]) -> list[str]:
    """Return a path as the file's own module would write it, though a module inside the file wrote it."""
    head, rest = path[0], path[1:]
    if head == "$crate":
        # The crate of the macro that is written here.
        return ["crate", *rest]
    if head not in {"self", "super"}:
        return path
    up = 0
    rest = rest if head == "self" else path
    while up < len(rest) and rest[up] == "super":
        up += 1
    beyond = up - len(inline)
    if beyond > 0:
        return ["super"] * beyond + rest[up:]
    return ["self", *inline[: len(inline) - up], *rest[up:]]
