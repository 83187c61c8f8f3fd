"""Texts to vectors, by one model on one device."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import torch
from torch.nn.functional import normalize

from edge_worker.compute.device import release
from edge_worker.compute.memory import give_back
from edge_worker.models.batches import Padding, Row, collated, longest_first, next_batch, rows_of
from edge_worker.models.loading import load
from edge_worker.models.safe import safe
from edge_worker.models.spec import ModelSpec
from shared.errors import Permanent, Transient
from shared.stores.passages import Vectors

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

Device = Literal["cpu", "cuda"]
Task = Literal["query", "document"]

#: Tokens of a batch, padding and all: fewer leave the device idle, more only take memory.
BUDGETS: Final[dict[Device, int]] = {"cpu": 2_048, "cuda": 8_192}
#: Texts whose tokens are in memory at once.
_WINDOW = 4_096
#: Texts that the tokeniser is given at once: it pads them to the longest.
_TOKENISED_AT_ONCE = 256
#: How a driver or an allocator says it where torch has no class for it.
_NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory", "ALLOC_FAILED")


class Embedder:
    """One model in memory, until ``close``. For one thread.

    A batch that does not fit is halved, and so are all that follow; what does not fit by itself is computed on the CPU.
    """

    def __init__(self, spec: ModelSpec, *, device: Device) -> None:
        """Load the model.

        Raises:
            ConfigurationError: it is not on the disk, is not what it should be, or cannot be loaded here.
        """
        self.spec = spec
        #: Tokens and padding of all batches so far.
        self.tokens = self.padding = 0
        self._device: Device = device
        self._budget = BUDGETS[device]
        self._model: SentenceTransformer | None = self._loaded()

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """Return ``(texts, dimension)``, rows of length 1 in the order given.

        ``progress`` is told after each batch how many of all are done; what it raises ends the work.

        Raises:
            Transient: even one text takes more memory than there is.
            Permanent: the model gives no numbers for a text.
        """
        return self._embed(texts, "document", self.spec.document_prompt, progress)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return the same for what somebody asks."""
        return self._embed(texts, "query", self.spec.query_prompt, lambda done, total: None)

    @property
    def device(self) -> Device:
        """Where the model is now."""
        return self._device

    def close(self) -> None:
        """Give the memory back; nothing can be embedded from here on."""
        self._model = None
        release()
        give_back()

    def _embed(self, texts: Sequence[str], task: Task, prompt: str, progress: Callable[[int, int], None]) -> Vectors:
        vectors = np.zeros((len(texts), self.spec.dimension), dtype=np.float32)
        done = 0
        # Alike by characters is nearly alike by tokens: each window's batches have little padding.
        order = sorted(range(len(texts)), key=lambda index: -len(texts[index]))
        for window in _parts(order, _WINDOW):
            rows, padding = self._tokenised(texts, window, task, prompt)
            for batch, found in self._batches(longest_first(rows), padding, task):
                vectors[[row.index for row in batch]] = found
                done += len(batch)
                progress(done, len(texts))
        return vectors

    def _tokenised(
        self, texts: Sequence[str], indexes: Sequence[int], task: Task, prompt: str
    ) -> tuple[list[Row], Padding]:
        model, rows, beside = self._open(), list[Row](), dict[str, object]()
        left = getattr(model.tokenizer, "padding_side", "right") == "left"
        for part in _parts(indexes, _TOKENISED_AT_ONCE):
            inputs = [safe(texts[index]) for index in part]
            features = model.preprocess(inputs, prompt=prompt or None, task=task)
            more, beside = rows_of(features, part, left=left)
            rows += more
        return rows, Padding(left=left, token=getattr(model.tokenizer, "pad_token_id", None) or 0, beside=beside)

    def _batches(self, rows: Sequence[Row], padding: Padding, task: Task) -> Iterator[tuple[Sequence[Row], Vectors]]:
        start = 0
        while start < len(rows):
            batch = next_batch(rows, start, self._budget)
            found = self._tried(batch, padding, task)
            if found is None:
                self._make_do(batch)
                continue
            self._count(batch)
            yield batch, found
            start += len(batch)

    def _tried(self, batch: Sequence[Row], padding: Padding, task: Task) -> Vectors | None:
        """Return the vectors of a batch, or ``None`` where memory is too short for it."""
        try:
            return self._computed(batch, padding, task)
        except (MemoryError, RuntimeError) as error:
            if not _is_memory(error):
                raise
            return None

    def _computed(self, batch: Sequence[Row], padding: Padding, task: Task) -> Vectors:
        model = self._open()
        with torch.inference_mode():
            features = collated(batch, padding, torch.device(self._device))
            # Only a model of several routes takes a task.
            found = model(features, task=task)["sentence_embedding"]
            vectors: Vectors = normalize(found.float(), dim=1).cpu().numpy()
        if not np.isfinite(vectors).all():
            raise Permanent(
                "model_without_numbers",
                f"The text model {self.spec.name} gave no numbers for a text. Nothing of this run is visible. Set "
                "PHAROS_TEXT_MODEL to another one, or PHAROS_DEVICE to cpu.",
            )
        return vectors

    def _make_do(self, batch: Sequence[Row]) -> None:
        """Go on with half, or on the CPU."""
        release()
        if len(batch) > 1:
            self._budget = batch[0].length * len(batch) // 2
        elif self._device == "cuda":
            self._open().to("cpu")
            self._device, self._budget = "cpu", BUDGETS["cpu"]
            release()
        else:
            raise Transient(
                "memory_short",
                f"A text of {batch[0].length} tokens takes more memory than this machine has for the text model "
                f"{self.spec.name}. Nothing of this run is visible. Set PHAROS_TEXT_MODEL to a smaller one.",
            )

    def _count(self, batch: Sequence[Row]) -> None:
        tokens = sum(row.length for row in batch)
        self.tokens += tokens
        self.padding += batch[0].length * len(batch) - tokens

    def _loaded(self) -> SentenceTransformer:
        try:
            return load(self.spec, self._device)
        except torch.OutOfMemoryError:
            if self._device == "cpu":
                raise
        release()
        self._device, self._budget = "cpu", BUDGETS["cpu"]
        return load(self.spec, self._device)

    def _open(self) -> SentenceTransformer:
        assert self._model is not None, "this embedder was closed"
        return self._model


def _is_memory(error: MemoryError | RuntimeError) -> bool:
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error) for words in _NO_MEMORY)


def _parts(indexes: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    for start in range(0, len(indexes), size):
        yield indexes[start : start + size]
