"""Whose each line of a program is: a function's, a class's or the module's; and where statements begin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edge_worker.text.chunk import ChunkKind
from edge_worker.text.measure import MOST
from edge_worker.text.shape import Shape

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

#: The depth of a line at which nothing begins, or that stays with the line above.
NEVER = 1 << 30
# Below this depth there is generated nesting, not a program.
_DEEPEST = 1000
# Classes within classes beyond this are their outermost ones' text.
_MOST_SCOPES = 50
# Rows of an error below which it is a slip in a program that can be read.
_BROKEN_ROWS = 3
_LONGEST_SIGNATURE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Owner:
    """What some lines belong to."""

    kind: ChunkKind
    symbol: str = ""
    #: The first lines of what encloses it, the outermost first.
    enclosing: tuple[str, ...] = ()
    #: Its own.
    signature: str = ""
    #: Whose it would be if it were not.
    parent: int = 0
    #: Whether it declares what another function of the same name does.
    is_stub: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    end: int
    symbol: str
    enclosing: tuple[str, ...]
    owner: int
    is_class: bool


#: The first two owners of every outline.
MODULE, BROKEN = 0, 1


class Outline:
    """Reads one tree, without recursion and looking into no more than it needs: what fits on a line is not entered."""

    def __init__(self, shape: Shape, program: bytes, lines: Sequence[str], sizes: Sequence[int], tree: Tree) -> None:
        self.owners = [Owner(kind="module"), Owner(kind="lines")]
        #: By row: the owner.
        self.owner_of = [MODULE] * len(lines)
        #: By row: how deep in the tree the outermost statement begins that begins there; 0 for none.
        self._depths = [0] * len(lines)
        self._shape, self._program, self._lines, self._sizes = shape, program, lines, sizes
        self._scopes = [_Scope(end=len(program) + 1, symbol="", enclosing=(), owner=MODULE, is_class=False)]
        #: The byte where the last function ends, and where it ends if it need not be cut; the first row behind it.
        self._function_end = self._whole_end = self._free = 0
        #: Rows of the comments and decorators that were met last.
        self._lead: tuple[int, int] | None = None
        self._opens = False
        self._walk(tree)

    @property
    def depths(self) -> list[int]:
        """By row: how deep the statement lies that begins there, ``NEVER`` for rows that no piece should begin with."""
        return [depth or NEVER for depth in self._depths]

    def _walk(self, tree: Tree) -> None:
        cursor = tree.walk()
        depth = 1
        going = cursor.goto_first_child()
        while going:
            node = cursor.node
            enter = node is not None and node.is_named and self._visit(node, depth)
            if enter and depth < _DEEPEST and cursor.goto_first_child():
                depth += 1
                continue
            while not (going := cursor.goto_next_sibling()) and cursor.goto_parent():
                depth -= 1

    def _visit(self, node: Node, depth: int) -> bool:
        """Take note of one node; return whether what is in it matters."""
        kind = node.type
        row, column = node.start_point
        last = _last_row(node)
        if kind in self._shape.leading:
            self._comment(row, column, last, depth)
            return False
        opens, self._opens = self._opens, kind in self._shape.bodies
        if not self._opens or opens:
            self._begin(row, column, NEVER if opens else depth)
        if node.start_byte >= self._function_end:
            self._declare(node, kind, row, last)
        return node.start_byte >= self._whole_end and (last > row or kind in self._shape.wrappers)

    def _begin(self, row: int, column: int, depth: int) -> None:
        if self._depths[row]:
            return
        follows = self._lead is not None and row == self._lead[1] + 1
        self._depths[row] = NEVER if follows or not self._is_first(row, column) else depth

    def _comment(self, row: int, column: int, last: int, depth: int) -> None:
        opens, self._opens = self._opens, False
        if not self._is_first(row, column):
            return
        if self._lead is not None and row <= self._lead[1] + 1:
            self._depths[row] = self._depths[row] or NEVER
            self._lead = (self._lead[0], max(last, self._lead[1]))
            return
        self._depths[row] = self._depths[row] or (NEVER if opens else depth)
        self._lead = (row, last)

    def _is_first(self, row: int, column: int) -> bool:
        """Return whether nothing but blanks stands before a column, which counts bytes."""
        line = self._lines[row]
        return len(line) - len(line.lstrip()) >= column

    def _declare(self, node: Node, kind: str, row: int, last: int) -> None:
        shape = self._shape
        if kind == "ERROR":
            if last - row + 1 >= _BROKEN_ROWS:
                self._paint(row, last, BROKEN)
        elif kind in shape.fronts:
            self._front(node, row)
        elif self._is_function(node, kind):
            name = shape.name(node, self._program)
            if name is not None:
                self._function(node, name, row, last)
        elif last > row and (kind in shape.classes or kind in shape.scopes) and self._is_whole(node, kind):
            name = shape.name(node, self._program)
            if name is not None and len(self._scopes) <= _MOST_SCOPES:
                self._class(node, name, row, last)

    def _front(self, node: Node, row: int) -> None:
        inner = node.named_child(node.named_child_count - 1)
        start = self._start(row)
        self._lead = (start, max(start, (inner.start_point[0] if inner is not None else row) - 1))

    def _is_function(self, node: Node, kind: str) -> bool:
        if kind in self._shape.functions:
            return self._is_whole(node, kind)
        field = self._shape.values.get(kind)
        value = node.child_by_field_name(field) if field is not None else None
        return value is not None and value.type in self._shape.anonymous

    def _is_whole(self, node: Node, kind: str) -> bool:
        return kind not in self._shape.bodied or node.child_by_field_name("body") is not None

    def _function(self, node: Node, name: str, row: int, last: int) -> None:
        scope = self._scope(node)
        start = self._start(row)
        stub = self._shape.stub
        is_stub = stub is not None and any(stub.match(line) for line in self._lines[start:row])
        self.owners.append(
            Owner(
                kind="method" if scope.is_class or "." in name else "function",
                symbol=_dotted(scope.symbol, name),
                enclosing=scope.enclosing,
                signature=self._signature(node),
                parent=scope.owner,
                is_stub=is_stub,
            )
        )
        self._paint(start, last, len(self.owners) - 1)
        self._function_end, self._free = node.end_byte, max(self._free, last + 1)
        if sum(self._sizes[start : last + 1]) <= MOST:
            self._whole_end = node.end_byte

    def _class(self, node: Node, name: str, row: int, last: int) -> None:
        outer = self._scope(node)
        is_class = node.type in self._shape.classes
        symbol, signature = _dotted(outer.symbol, name), self._signature(node)
        owner = outer.owner
        if is_class:
            self.owners.append(Owner(kind="class", symbol=symbol, enclosing=outer.enclosing, signature=signature))
            owner = len(self.owners) - 1
            self._paint(self._start(row), last, owner)
        self._scopes.append(
            _Scope(
                end=node.end_byte,
                symbol=symbol,
                enclosing=(*outer.enclosing, signature) if is_class else outer.enclosing,
                owner=owner,
                is_class=is_class,
            )
        )

    def _scope(self, node: Node) -> _Scope:
        while node.start_byte >= self._scopes[-1].end:
            self._scopes.pop()
        return self._scopes[-1]

    def _start(self, row: int) -> int:
        """Return the first row of what begins at a row, with the comments right above, which are then taken."""
        lead, self._lead = self._lead, None
        return lead[0] if lead is not None and lead[0] <= row <= lead[1] + 1 else row

    def _paint(self, row: int, last: int, owner: int) -> None:
        row = max(row, self._free)
        if row <= last:
            self.owner_of[row : last + 1] = [owner] * (last + 1 - row)

    def _signature(self, node: Node) -> str:
        body = node.child_by_field_name("body")
        above = body.prev_sibling if body is not None else node
        while above is not None and above.type in self._shape.leading:
            above = above.prev_sibling
        end = above.end_byte if above is not None else node.start_byte
        written = self._program[node.start_byte : min(end, node.start_byte + 4 * _LONGEST_SIGNATURE)]
        return " ".join(written.decode("utf-8", errors="replace").split())[:_LONGEST_SIGNATURE]


def _last_row(node: Node) -> int:
    """Return the last row that a node has text on: some end with their line's end."""
    row, column = node.end_point
    return row - 1 if not column and row > node.start_point[0] else row


def _dotted(*names: str) -> str:
    return ".".join(name for name in names if name)
