"""What a training leaves, as bytes."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, replace

import numpy as np
import pytest
from compute_graphs import QUICK, communities, embed

from edge_worker.compute.state import State, pack, rows_of, unpack
from edge_worker.compute.trainer import Parameters

NAMES = [f"src/{number}.py" for number in range(58)] + ["odd/\udcff.py", "föö/bär.ts"]


def trained() -> State:
    state = embed(60, communities(60, 3).edges).state
    assert state is not None
    return state


STATE = trained()
BYTES = pack(STATE, NAMES)


def sealed(changed: bytes) -> bytes:
    """Return changed bytes under a digest that is right."""
    return changed[:-32] + hashlib.sha256(changed[:-32]).digest()


def test_bytes_bring_back_the_state() -> None:
    """Every array comes back to the bit, with the names in order, whatever bytes a name is made of."""
    found = unpack(BYTES, QUICK)

    assert found is not None
    state, names = found
    assert list(names) == NAMES
    for array in ("edges", "rows", "distances", "vectors"):
        kept, back = getattr(STATE, array), getattr(state, array)
        assert np.array_equal(kept, back)
        assert kept.dtype == back.dtype
        assert back.flags.writeable
    assert asdict(state.parameters) == asdict(QUICK)
    assert pack(state, names) == BYTES


@pytest.mark.parametrize(
    "change", [{"dim": 32}, {"epochs": 3}, {"seed": 1}, {"smooth": 1}, {"noise": 12}, {"method": "prone"}]
)
def test_a_state_of_other_parameters_is_dropped(change: dict[str, object]) -> None:
    """What was trained by other parameters is no start for these."""
    assert unpack(BYTES, replace(QUICK, **change)) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x80\x04\x95",
        BYTES[:-1],
        BYTES + b"\0",
        BYTES[: len(BYTES) // 2],
        BYTES[:200] + bytes([BYTES[200] ^ 1]) + BYTES[201:],
        sealed(BYTES[:9] + b"\x02" + BYTES[10:]),
        sealed(BYTES[:12] + b"\xff" * 8 + BYTES[20:]),
        sealed(BYTES[:20] + b"[" * 5000 + BYTES[5020:]),
        sealed(BYTES.replace(b'"nodes":60', b'"nodes":61')),
        sealed(BYTES.replace(b'"edges":', b'"edges":9')),
        sealed(BYTES.replace(b'"drift":0.0', b'"drift":NaN')),
        sealed(BYTES[:-36] + np.float32(np.nan).tobytes() + BYTES[-32:]),
        sealed(BYTES.replace(b"src/0.py\0", b"src/0.py/")),
    ],
    ids=[
        "empty",
        "pickle",
        "cut",
        "longer",
        "half",
        "flipped",
        "version",
        "header-length",
        "brackets",
        "nodes",
        "edges",
        "drift",
        "not-a-number",
        "names",
    ],
)
def test_damaged_bytes_are_no_state(damaged: bytes) -> None:
    """Bytes that do not fit to the last one come to nothing, and to no error."""
    assert unpack(damaged, QUICK) is None


@pytest.mark.parametrize("edge", [(3, 3), (5, 2), (0, 60), (-1, 4)])
def test_edges_that_make_no_graph_are_refused(edge: tuple[int, int]) -> None:
    """An edge out of order, to itself or to nowhere makes the bytes no state."""
    edges = STATE.edges.copy()
    edges[0] = edge

    assert unpack(pack(replace(STATE, edges=edges), NAMES), QUICK) is None


@pytest.mark.parametrize("names", [NAMES[:-1], [*NAMES[:-1], "a\0b"]])
def test_names_have_to_fit(names: list[str]) -> None:
    """There is one name a node, without zero characters."""
    with pytest.raises(ValueError, match="60 nodes"):
        pack(STATE, names)


def test_a_graph_without_files_has_bytes_too() -> None:
    """No node is a state that comes back as one of no node."""
    nothing = State(
        parameters=Parameters(),
        edges=np.zeros((0, 2), np.int32),
        rows=np.zeros((0, 2, 64), np.float32),
        distances=np.zeros((0, 2), np.float32),
        vectors=np.zeros((0, 64), np.float32),
    )

    found = unpack(pack(nothing, []), Parameters())

    assert found is not None
    assert found[1] == ()


def test_rows_are_found_by_name() -> None:
    """Each new name gets its old place, or -1."""
    assert rows_of(["a", "b", "c"], ["c", "x", "a"]).tolist() == [2, -1, 0]
