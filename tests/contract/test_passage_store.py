"""What every store of passages promises beside what stores of vectors do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from passage_world import TEXTS, a_passage
from vector_world import MINE, OTHER_REPOSITORY, OTHER_TENANT, PUBLISHED

from shared.errors import StoreUnavailable
from shared.stores.lance import LanceVectorStore
from shared.stores.lance_passages import LancePassageStore
from shared.stores.passages import Held, PassageStore, Place
from shared.stores.qdrant import QdrantVectorStore
from shared.stores.qdrant_passages import QdrantPassageStore

ODD_TEXT = 'it\'s "quoted"\t\0\\ π 🦀 \U000e0001 e\u0301'


@pytest.fixture(params=["lance", "qdrant"])
def passages(request: pytest.FixtureRequest, folder: Path) -> Iterator[PassageStore]:
    """Each adapter over an empty folder."""
    made: PassageStore = (
        LancePassageStore(path=folder) if request.param == "lance" else QdrantPassageStore(url=str(folder))
    )
    yield made
    made.close()


@pytest.fixture
def texts(passages: PassageStore) -> PassageStore:
    """Each adapter with an empty collection of four dimensions."""
    passages.prepare(TEXTS, dimension=4)
    return passages


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have two passages read at once, looked at by three, and written by one."""
    monkeypatch.setattr("shared.stores.passage_rows._BATCH", 2 * (4 * 4 + 4096))
    monkeypatch.setattr("shared.stores.qdrant_passages._READ", 2)
    monkeypatch.setattr("shared.stores.qdrant_passages._LOOKED_AT", 3)
    monkeypatch.setattr("shared.stores.qdrant_passages._WRITTEN", 1)


def lines(store: PassageStore, generation: int = 1) -> list[tuple[str, int]]:
    """Return the path and first line of each passage that a generation sees, in the order in which it is read."""
    batches = store.read(TEXTS, generation=generation, **MINE)
    return [(place.path, place.start) for batch in batches for place in batch.places]


def test_a_passage_comes_back_as_it_was_written(texts: PassageStore) -> None:
    """All that a reader is given of a passage is what the writer gave, and its vector is a row of a matrix."""
    vector = np.array([0.6, 0.0, -0.8, 0.0], dtype=np.float32)
    place = {"language": "rust", "kind": "section", "symbol": "Install > Linux π", "end": 17}
    written = a_passage("docs/ü.md", 12, text=ODD_TEXT, words="quoted linux", vector=vector, chunk="c1", **place)

    texts.upsert(TEXTS, [written])

    (batch,) = texts.read(TEXTS, **PUBLISHED)
    assert list(batch.chunks) == ["c1"]
    assert list(batch.places) == [Place(path="docs/ü.md", start=12, **place)]
    assert (list(batch.texts), list(batch.words)) == ([ODD_TEXT], ["quoted linux"])
    assert (batch.vectors.dtype, batch.vectors.shape) == (np.float32, (1, 4))
    assert batch.vectors[0].tolist() == pytest.approx(vector.tolist(), abs=1e-6)


def test_half_a_character_is_replaced(texts: PassageStore) -> None:
    """A lone surrogate in text, symbol or words, which nothing can hold, is shown as a replacement character."""
    texts.upsert(TEXTS, [a_passage(text="a\ud83db🦀", symbol="\udce9", words="x \udfff")])

    (batch,) = texts.read(TEXTS, **PUBLISHED)

    assert (batch.texts[0], batch.places[0].symbol, batch.words[0]) == ("a\ufffdb🦀", "\ufffd", "x \ufffd")


@pytest.mark.usefixtures("small_batches")
def test_passages_are_read_by_path_and_line(texts: PassageStore) -> None:
    """However they were written, and in however many batches, they are read by the path's real name, then by line."""
    places = [
        (path, start) for path in ("a.py", "b/c.py", "é.py", "z.py", "\udce9.py", "🦀.rs") for start in (1, 9, 80)
    ]
    shuffled = np.random.default_rng(7).permutation(len(places))
    for half in (shuffled[:9], shuffled[9:]):
        texts.upsert(TEXTS, [a_passage(*places[number], vector=_vector(number)) for number in half])

    batches = list(texts.read(TEXTS, **PUBLISHED))

    assert [len(batch.places) for batch in batches] == [2] * 9
    assert [(place.path, place.start) for batch in batches for place in batch.places] == sorted(places)
    expected = np.stack([_vector(places.index(place)) for place in sorted(places)])
    assert np.concatenate([batch.vectors for batch in batches]) == pytest.approx(expected, abs=1e-6)


def _vector(number: int) -> np.ndarray:
    turn = float(number) / 10
    return np.array([np.cos(turn), np.sin(turn), 0.0, 0.0], dtype=np.float32)


def test_pieces_of_one_line_have_one_order(texts: PassageStore) -> None:
    """Passages of the same lines are read in the same order each time."""
    texts.upsert(TEXTS, [a_passage(chunk=f"{number}", text=f"{number}") for number in range(20)])

    first, second = ([batch.texts for batch in texts.read(TEXTS, **PUBLISHED)] for _ in range(2))

    assert list(map(list, first)) == list(map(list, second))


@pytest.mark.usefixtures("small_batches")
def test_what_is_held_is_told_by_file(texts: PassageStore) -> None:
    """A generation's files are told with the contents that they were cut from, whoever wrote them."""
    texts.upsert(
        TEXTS, [a_passage(start=start) for start in (1, 11, 21)] + [a_passage("b.py"), a_passage("\udce9'.py")]
    )
    texts.upsert(TEXTS, [a_passage("c.py", repository_id=OTHER_REPOSITORY), a_passage("d.py", tenant_id=OTHER_TENANT)])
    texts.upsert(TEXTS, [a_passage("b.py", start, generation=4, blob="new") for start in (1, 11)])
    texts.renew(TEXTS, published=1, generation=4, without=["b.py"], **MINE)

    kept = {
        "a.py": Held(blob="blob of 'a.py'", passages=3),
        "\udce9'.py": Held(blob='blob of "\\udce9\'.py"', passages=1),
    }
    assert texts.held(TEXTS, **PUBLISHED) == {**kept, "b.py": Held(blob="blob of 'b.py'", passages=1)}
    assert texts.held(TEXTS, generation=4, **MINE) == {**kept, "b.py": Held(blob="new", passages=2)}
    assert texts.held(TEXTS, generation=9, **MINE) == {}


def test_a_missing_collection_holds_nothing(passages: PassageStore) -> None:
    """A collection that was never made, or is empty, is read as empty."""
    assert passages.held(TEXTS, **PUBLISHED) == {}
    assert list(passages.read(TEXTS, **PUBLISHED)) == []
    assert passages.collections() == []

    passages.prepare(TEXTS, dimension=4)

    assert passages.held(TEXTS, **PUBLISHED) == {}
    assert list(passages.read(TEXTS, **PUBLISHED)) == []


def test_collections_of_passages_are_named_in_order(passages: PassageStore) -> None:
    """All of them are named, however many there are, and none of what else lies in the same place."""
    names = [f"text_{number}_4" for number in range(25)]
    for name in reversed([*names, "files-node2vec-4"]):
        passages.prepare(name, dimension=4)

    assert passages.collections() == sorted(names)


def test_passages_lie_beside_vectors(folder: Path) -> None:
    """One folder of LanceDB serves both kinds of store."""
    vectors, texts = LanceVectorStore(path=folder), LancePassageStore(path=folder)
    vectors.prepare("files-node2vec-4", dimension=4)
    texts.prepare(TEXTS, dimension=4)

    texts.upsert(TEXTS, [a_passage()])

    assert texts.collections() == [TEXTS]
    assert (vectors.count("files-node2vec-4", **MINE), texts.count(TEXTS, **MINE)) == (0, 1)


def test_one_upsert_is_one_commit(folder: Path) -> None:
    """LanceDB is given any number of passages at once, and either all are there or none."""
    store = LancePassageStore(path=folder)
    store.prepare(TEXTS, dimension=4)
    before = store._database.open_table(TEXTS).version

    store.upsert(TEXTS, [a_passage(start=start) for start in range(1, 3001)])

    assert store.count(TEXTS, **PUBLISHED) == 3000
    assert store._database.open_table(TEXTS).version == before + 1


def test_vectors_of_another_dimension_are_not_written(texts: PassageStore) -> None:
    """A vector that does not fit the collection is refused, and nothing is written."""
    with pytest.raises(StoreUnavailable):
        texts.upsert(TEXTS, [a_passage(vector=np.ones(8, dtype=np.float32))])

    assert texts.count(TEXTS, **MINE) == 0


@pytest.mark.usefixtures("small_batches")
def test_a_reader_is_not_disturbed_by_the_next_generation(texts: PassageStore) -> None:
    """What is published is read to its end while another attempt writes, renews and discards below it."""
    expected = [(path, start) for path in ("a.py", "b.py", "c.py") for start in (1, 11)]
    texts.upsert(TEXTS, [a_passage(path, start, generation=2) for path, start in expected])
    texts.upsert(TEXTS, [a_passage("lost.py")])
    batches = texts.read(TEXTS, generation=2, **MINE)
    read = [(place.path, place.start) for place in next(batches).places]

    texts.upsert(TEXTS, [a_passage("b.py", start, generation=3) for start in (5, 15)])
    texts.renew(TEXTS, published=2, generation=3, without=["b.py"], **MINE)
    texts.discard_below(TEXTS, generation=3, keep=2, **MINE)

    assert read + [(place.path, place.start) for batch in batches for place in batch.places] == expected
    assert lines(texts, 3) == [("a.py", 1), ("a.py", 11), ("b.py", 5), ("b.py", 15), ("c.py", 1), ("c.py", 11)]


@pytest.mark.usefixtures("small_batches")
def test_a_reader_is_told_when_its_generation_goes(texts: PassageStore) -> None:
    """Who still reads what a newer generation has replaced is refused the rest, and never given half as the whole."""
    texts.upsert(TEXTS, [a_passage(path, generation=2) for path in ("a.py", "b.py", "c.py")])
    batches = texts.read(TEXTS, generation=2, **MINE)
    next(batches)

    texts.upsert(TEXTS, [a_passage("b.py", generation=3), a_passage("c.py", generation=3)])
    texts.renew(TEXTS, published=2, generation=3, without=["b.py", "c.py"], **MINE)
    texts.discard_below(TEXTS, generation=3, keep=3, **MINE)

    with pytest.raises(StoreUnavailable, match="deleted while they were read"):
        list(batches)


@pytest.mark.usefixtures("small_batches")
def test_twenty_pushes_under_a_reader(texts: PassageStore) -> None:
    """A reader that never rests sees each published generation whole, or learns that it is not published any longer."""
    world = _World(texts)
    reader = threading.Thread(target=world.read)
    reader.start()

    for generation in range(2, 22):
        world.push(generation)
    world.finished.set()
    reader.join(60)

    assert world.torn == []
    assert world.whole == set(range(1, 22))


class _World:
    """Six files, of which each push changes one; a reader that reads on and on."""

    def __init__(self, store: PassageStore) -> None:
        self.store = store
        self.published = 1
        self.files = {f"{number}.py": 1 for number in range(6)}
        self.expected = {1: sorted(self.files.items())}
        self.torn: list[object] = []
        self.whole: set[int] = set()
        self.finished = threading.Event()
        self._seen = threading.Condition()
        store.upsert(TEXTS, [a_passage(path) for path in self.files])

    def push(self, generation: int) -> None:
        """Change one file, publish, tidy, once the reader has seen what is there."""
        with self._seen:
            assert self._seen.wait_for(lambda: self.published in self.whole or self.torn, timeout=60)
        path = f"{generation % 6}.py"
        self.store.upsert(TEXTS, [a_passage(path, generation, generation=generation)])
        self.store.renew(TEXTS, published=self.published, generation=generation, without=[path], **MINE)
        self.files[path] = generation
        self.expected[generation] = sorted(self.files.items())
        self.published = generation
        self.store.discard_below(TEXTS, generation=generation, keep=generation, **MINE)

    def read(self) -> None:
        """Read what is published, and compare, until the last push was seen."""
        while not self.finished.is_set() or self.published not in self.whole:
            generation = self.published
            try:
                found: object = lines(self.store, generation)
            except StoreUnavailable as error:
                found = error
            with self._seen:
                if found == self.expected[generation]:
                    self.whole.add(generation)
                elif generation == self.published:
                    self.torn.append((generation, found))
                    return
                self._seen.notify_all()


OPERATIONS: dict[str, Callable[[PassageStore], object]] = {
    "held": lambda store: store.held(TEXTS, **PUBLISHED),
    "read": lambda store: list(store.read(TEXTS, **PUBLISHED)),
    "collections": lambda store: store.collections(),
}


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS.keys())
def test_passages_that_a_server_refuses_are_unavailable(
    refusing: str, operation: Callable[[PassageStore], object]
) -> None:
    """A server that answers 503 is told as an unavailable store."""
    store = QdrantPassageStore(url=refusing)

    with pytest.raises(StoreUnavailable, match="status 503"):
        operation(store)

    store.close()


def test_no_graph_is_built_between_passages(folder: Path) -> None:
    """Qdrant is told to index no vectors, which are searched elsewhere, and to keep them on the disk."""
    store = QdrantPassageStore(url=str(folder))
    store.prepare(TEXTS, dimension=4)

    held = store._client.get_collection(TEXTS).config.params.vectors

    assert (held.hnsw_config.m, held.on_disk) == (0, True)
    store.close()
    vectors = QdrantVectorStore(url=str(folder))
    vectors.prepare("files-node2vec-4", dimension=4)
    assert vectors._client.get_collection("files-node2vec-4").config.params.vectors.hnsw_config is None
    vectors.close()
