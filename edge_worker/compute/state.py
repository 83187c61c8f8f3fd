"""State: what a training leaves so that the next one can go on from it, as arrays and as bytes.

The bytes are a mark, a header (JSON), the arrays as they lie in memory, and a SHA-256 of all that. Nothing in them is
ever run, and what does not fit to the last byte is no state.
"""

from __future__ import annotations

import hashlib
import math
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge_worker.compute.trainer import Parameters

_MARK = b"PHAROSN2V\x00\x00\x01"
_DIGEST = hashlib.sha256().digest_size
_LENGTH = 8


@dataclass(frozen=True, kw_only=True, eq=False)
class State:
    """A trained graph without weights and directions. Arrays are by node."""

    parameters: Parameters
    #: Each edge once, as (lower node, higher node), sorted; int32, shape (edges, 2).
    edges: NDArray[np.int32]
    #: As a node and as a context, shape (nodes, 2, dim); zero for a node without edges.
    rows: NDArray[np.float32]
    #: How far the rows have moved, shape (nodes, 2).
    distances: NDArray[np.float32]
    #: As they were published, shape (nodes, dim).
    vectors: NDArray[np.float32]
    #: Updates since the last whole fit ...
    updates: int = 0
    #: ... and the share of nodes that they moved, added up.
    drift: float = 0.0

    @property
    def num_nodes(self) -> int:
        return len(self.rows)


class _Header(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    byte_order: str
    parameters: dict[str, object]
    nodes: int = Field(ge=0, lt=2**31)
    edges: int = Field(ge=0, lt=2**40)
    names: int = Field(ge=0)
    updates: int = Field(ge=0)
    drift: float = Field(ge=0, allow_inf_nan=False)


def rows_of(old: Sequence[str], new: Sequence[str]) -> NDArray[np.int64]:
    """Return for each new name its place among the old ones, or -1."""
    place = {name: number for number, name in enumerate(old)}
    return np.fromiter((place.get(name, -1) for name in new), dtype=np.int64, count=len(new))


def pack(state: State, names: Sequence[str]) -> bytes:
    """Return the state, and the names of its nodes, as bytes.

    Raises:
        ValueError: there is not one name a node, or a name has a zero character.
    """
    if len(names) != state.num_nodes or any("\0" in name for name in names):
        raise ValueError(f"{state.num_nodes} nodes need as many names, without zero characters")
    joined = "\0".join(names).encode("utf-8", "surrogatepass")
    header = _Header(
        byte_order=sys.byteorder,
        parameters=asdict(state.parameters),
        nodes=state.num_nodes,
        edges=len(state.edges),
        names=len(joined),
        updates=state.updates,
        drift=state.drift,
    )
    text = header.model_dump_json().encode()
    arrays = (state.edges, state.rows, state.distances, state.vectors)
    parts = [_MARK, len(text).to_bytes(_LENGTH, "little"), text, joined]
    parts += [np.ascontiguousarray(array).tobytes() for array in arrays]
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return b"".join([*parts, digest.digest()])


def unpack(data: bytes, parameters: Parameters) -> tuple[State, tuple[str, ...]] | None:
    """Return a state of a training by these parameters, and the names of its nodes.

    None where the bytes are of another version, of a training by other parameters, or are damaged.
    """
    header, begin = _header(data)
    if header is None or header.parameters != asdict(parameters) or header.byte_order != sys.byteorder:
        return None
    nodes, dim = header.nodes, parameters.dim
    shapes = ((header.edges, 2), (nodes, 2, dim), (nodes, 2), (nodes, dim))
    sizes = [4 * math.prod(shape) for shape in shapes]
    if begin + header.names + sum(sizes) + _DIGEST != len(data):
        return None
    names = _names(data[begin : begin + header.names], nodes)
    begin += header.names
    ends = begin + np.cumsum(sizes)
    parts = [data[end - size : end] for end, size in zip(ends.tolist(), sizes, strict=True)]
    edges = np.frombuffer(parts[0], dtype=np.int32).reshape(shapes[0])
    rows, distances, vectors = (
        np.frombuffer(part, dtype=np.float32).reshape(shape).copy()
        for part, shape in zip(parts[1:], shapes[1:], strict=True)
    )
    numbers = all(bool(np.isfinite(array).all()) for array in (rows, distances, vectors))
    if names is None or not numbers or not _sound(edges.astype(np.int64), nodes):
        return None
    state = State(
        parameters=parameters,
        edges=edges.copy(),
        rows=rows,
        distances=distances,
        vectors=vectors,
        updates=header.updates,
        drift=header.drift,
    )
    return state, names


def _header(data: bytes) -> tuple[_Header | None, int]:
    """Return the header of whole and undamaged bytes, and where it ends."""
    begin = len(_MARK) + _LENGTH
    if not data.startswith(_MARK) or len(data) < begin + _DIGEST:
        return None, 0
    view = memoryview(data)
    if hashlib.sha256(view[:-_DIGEST]).digest() != data[-_DIGEST:]:
        return None, 0
    end = begin + int.from_bytes(data[len(_MARK) : begin], "little")
    try:
        return _Header.model_validate_json(data[begin:end]), end
    except ValidationError:
        return None, 0


def _names(data: bytes, nodes: int) -> tuple[str, ...] | None:
    try:
        names = tuple(data.decode("utf-8", "surrogatepass").split("\0")) if nodes else ()
    except UnicodeDecodeError:
        return None
    return names if len(names) == nodes else None


def _sound(edges: NDArray[np.int64], nodes: int) -> bool:
    """Return whether edges stay within the nodes, lower node first, in order."""
    low, high = edges[:, 0], edges[:, 1]
    inside = bool(((low >= 0) & (low < high) & (high < nodes)).all())
    return inside and bool((np.diff(low * nodes + high) > 0).all())
