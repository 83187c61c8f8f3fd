"""Text: one commit of a repository becomes passages that can be searched, and the names in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_worker.handlers.base import Reporter, Task
from edge_worker.handlers.naming import names_of
from edge_worker.handlers.passages import PassageShelf
from edge_worker.handlers.spool import Cut, Spool
from edge_worker.handlers.stopwatch import Stopwatch
from edge_worker.handlers.textfiles import Push, TextFile, is_aside, text_files
from edge_worker.models.spec import ModelSpec
from edge_worker.models.vectors import DocumentEmbedder, VectorCache, embedded
from edge_worker.source.bare import BareRepository
from edge_worker.text.chunker import chunks_of
from shared.jobs.payloads import IngestPayload
from shared.logs import get_logger
from shared.stores.passages import PassageStore, Vectors
from shared.textual import NamesRow, PublishedText, Textual

log = get_logger(__name__)

#: A report of progress every so many files.
_EVERY = 50
#: Chunks that are in memory at once with their vectors; more where it would take more than so many batches, since each
#: is a commit of its own.
_GROUP = 1_000
_GROUPS = 200


@dataclass(frozen=True, kw_only=True)
class Cutting:
    """What was cut of a commit: the chunks are in the spool."""

    files: int
    push: Push
    rows: tuple[NamesRow, ...]


@dataclass(frozen=True, kw_only=True)
class TextHalf:
    """Makes the text of an ingest. What was embedded stays in ``cache``: a run that was killed goes on there."""

    store: PassageStore
    #: The model of this worker. Asking for it loads nothing; raises ``ConfigurationError`` where there is none.
    model: Callable[[], DocumentEmbedder]
    cache: Path
    #: Where this worker writes: the kind of store, and the node when it lies on its own disk.
    place: tuple[str, str | None]

    def is_done(self, task: Task, payload: IngestPayload, commit: str) -> bool:
        """Return whether the text of this commit is published as this worker would make it.

        Raises:
            ConfigurationError: this worker has no text model.
        """
        known = self._published_alike(task, payload, self.model().spec)
        return known is not None and known.commit == commit and not payload.force

    def __call__(
        self, task: Task, payload: IngestPayload, bare: BareRepository, *, watch: Stopwatch, reporter: Reporter
    ) -> Textual:
        """Return what is to be published of a fetched commit; its passages are written, and nobody sees them yet.

        Raises:
            ConfigurationError: this worker has no text model, or it cannot be loaded.
            StoreUnavailable: the passages could not be written.
            JobSignal: as its message says.
        """
        model, own = self.model(), Stopwatch()
        spec = model.spec
        published = None if payload.force else self._published_alike(task, payload, spec)
        shelf = PassageShelf(
            store=self.store, collection=spec.collection, dimension=spec.dimension, task=task, published=published
        )
        with Spool(task.work_dir / "chunks.jsonl") as spool:
            with bare, own.stage("chunk"):
                cutting = _cut(shelf, payload, bare, spool, reporter)
            counted = Counted(model)
            with VectorCache.open(self.cache) as cache:
                Storing(shelf=shelf, spool=spool, model=counted, watch=own, reporter=reporter)(cutting.push, cache)
        watch.seconds.update(own.seconds)
        push = cutting.push
        return Textual(
            commit=bare.commit,
            collection=spec.collection,
            model=spec.name,
            dimension=spec.dimension,
            parameters=payload.text_parameters(),
            passages=spool.count + push.kept,
            stats={
                "files": cutting.files,
                "files_cut": len(push.changed),
                "written": spool.count,
                "kept": push.kept,
                "embedded": counted.texts,
                "seconds": own.seconds,
            },
            builds_on=None if published is None else published.generation,
            without=push.without,
            rows=cutting.rows,
        )

    def _published_alike(self, task: Task, payload: IngestPayload, spec: ModelSpec) -> PublishedText | None:
        """Return the published text if it was made by the same model and parameters, and lies where this worker writes.

        How the graph was made has no part in it, as little as the text has in the graph's.
        """
        known, (store, node) = task.published.text if task.published is not None else None, self.place
        if known is None or (known.collection, known.vector_store) != (spec.collection, store):
            return None
        is_alike = known.parameters == payload.text_parameters() and (node is None or known.node == node)
        return known if is_alike else None


@dataclass(frozen=True, kw_only=True)
class Storing:
    """The second part of a run: what was cut is embedded and written."""

    shelf: PassageShelf
    spool: Spool
    model: DocumentEmbedder
    watch: Stopwatch
    reporter: Reporter

    def __call__(self, push: Push, cache: VectorCache) -> None:
        """Embed and write what is in the spool, renew the rest, and see that it is all there.

        Raises:
            StoreUnavailable: it is not; nobody sees any of it.
            Cancelled: somebody asked for it, which takes effect between two batches of the model.
        """
        if cache.trouble is not None:
            log.warning("vector_cache_in_trouble", trouble=cache.trouble)
        with self.watch.stage("store_text"):
            self.shelf.prepare()
        total, done = self.spool.count, 0
        self.reporter.stage("embed", 0, total)
        for group in self.spool.groups(max(_GROUP, -(-total // _GROUPS))):
            with self.watch.stage("embed"):
                vectors = self._embedded(group, cache, done)
            with self.watch.stage("store_text"):
                self.shelf.write(group, vectors)
            done += len(group)
        self.reporter.stage("store_text")
        with self.watch.stage("store_text"):
            self.shelf.complete(total, kept=push.kept, without=push.without)

    def _embedded(self, group: Sequence[Cut], cache: VectorCache, before: int) -> Vectors:
        def progress(done: int, _: int) -> None:
            self.reporter.stage("embed", before + done, self.spool.count)

        return embedded([cut.content for cut in group], self.model, cache, progress)


class Counted:
    """An embedder that knows how many texts it was given."""

    def __init__(self, model: DocumentEmbedder) -> None:
        self._model = model
        self.texts = 0

    @property
    def spec(self) -> ModelSpec:
        """The model."""
        return self._model.spec

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """Embed, and count once it is done."""
        found = self._model.documents(texts, progress=progress)
        self.texts += len(texts)
        return found


def _cut(
    shelf: PassageShelf, payload: IngestPayload, bare: BareRepository, spool: Spool, reporter: Reporter
) -> Cutting:
    reporter.stage("chunk")
    files = text_files(bare.entries(), bare.read, include=payload.include, border=reporter.check)
    push = Push.since(shelf.held(), files)
    rows = tuple(_chunked(push.changed, bare, payload, spool, reporter))
    return Cutting(files=len(files), push=push, rows=rows)


def _chunked(
    files: Sequence[TextFile], bare: BareRepository, payload: IngestPayload, spool: Spool, reporter: Reporter
) -> Iterator[NamesRow]:
    """Cut files, one of which is in memory at a time; yield the names of those in which there is any text."""
    contents = bare.read(file.oid for file in files)
    for number, (file, (_, data)) in enumerate(zip(files, contents, strict=True)):
        if number % _EVERY == 0:
            reporter.stage("chunk", number, len(files))
        if data is None or is_aside(data, payload.include):
            continue
        chunks = chunks_of(file.path, file.language, data)
        if chunks:
            spool.add(file.oid, chunks)
            yield names_of(chunks)
