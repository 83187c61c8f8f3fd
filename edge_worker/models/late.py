"""The text model of this machine, loaded when the first text asks for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from edge_worker.compute.device import Wanted, probe
from edge_worker.models.embedder import Device, Embedder
from edge_worker.models.presets import resolve
from edge_worker.models.spec import ModelSpec
from shared.errors import ConfigurationError
from shared.stores.passages import Vectors


class LateEmbedder:
    """An ``Embedder`` that takes no memory before it is used and after ``close``; used again, it loads again."""

    def __init__(self, spec: ModelSpec, *, device: Device) -> None:
        self.spec = spec
        self._device: Device = device
        self._embedder: Embedder | None = None

    @classmethod
    def chosen(cls, setting: str | None, device: Wanted) -> LateEmbedder:
        """Return the model that ``PHAROS_TEXT_MODEL`` and ``PHAROS_DEVICE`` mean on this machine.

        Raises:
            ConfigurationError: it is not on the disk, or a GPU is wanted and there is none.
        """
        place, gib = place_of(device)
        return cls(resolve(setting, gib), device=place)

    @property
    def loaded(self) -> bool:
        """Whether it is in memory."""
        return self._embedder is not None

    def load(self) -> Embedder:
        """Return it, loaded. Raises ``ConfigurationError``."""
        if self._embedder is None:
            self._embedder = Embedder(self.spec, device=self._device)
        return self._embedder

    def documents(self, texts: Sequence[str], *, progress: Callable[[int, int], None]) -> Vectors:
        """As ``Embedder.documents``. Raises ``ConfigurationError``, too."""
        return self.load().documents(texts, progress=progress)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """As ``Embedder.queries``. Raises ``ConfigurationError``, too."""
        return self.load().queries(texts)

    def close(self) -> None:
        """Give the memory back, if any was taken."""
        if self._embedder is not None:
            self._embedder.close()
            self._embedder = None


def place_of(wanted: Wanted) -> tuple[Device, float]:
    """Return where to embed, and the GiB of memory that a GPU has there: 0 on the CPU.

    Raises:
        ConfigurationError: a GPU is wanted, and torch finds none.
    """
    facts = probe()
    if wanted == "cpu" or (wanted == "auto" and not facts.gpu):
        return "cpu", 0.0
    if not facts.gpu:
        raise ConfigurationError("PHAROS_DEVICE is cuda and torch finds no GPU here. No text was embedded. Use auto")
    return "cuda", facts.memory_gib
