"""Embedding the chunks of a folder: our batches beside the library's own, same model and device, in the same run.

``python -m benchmarks.search.embedding [FOLDER] [--chunks 600] [--model small] [--device cpu]``
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from edge_worker.models.embedder import Embedder
from edge_worker.models.late import place_of
from edge_worker.models.loading import load
from edge_worker.models.presets import resolve
from edge_worker.text.chunker import chunks_of
from shared.stores.passages import Vectors

_BATCH = 32


def main() -> None:
    """Print a line for each way: chunks a second by the wall and by the CPU, and the least cosine with the first."""
    asked = _arguments()
    device, gib = place_of(asked.device)
    spec = resolve(asked.model, gib)
    texts = _chunks(Path(asked.folder), asked.chunks)
    embedder, peer = Embedder(spec, device=device), load(spec, device)
    prompt = spec.document_prompt or None

    def arrival() -> Vectors:
        parts = [texts[start : start + _BATCH] for start in range(0, len(texts), _BATCH)]
        return np.concatenate([peer.encode_document(part, batch_size=_BATCH, prompt=prompt) for part in parts])

    def by_characters() -> Vectors:
        return np.asarray(peer.encode_document(texts, batch_size=_BATCH, prompt=prompt))

    def ours() -> Vectors:
        return embedder.documents(texts, progress=lambda done, total: None)

    ways: dict[str, Callable[[], Vectors]] = {
        "library, arrival order, 32": arrival,
        "library, by characters, 32": by_characters,
        "ours": ours,
    }
    # The first batches of a process pay for what is made once.
    embedder.queries(texts[:_BATCH])
    peer.encode_query(texts[:_BATCH])
    embedder.tokens = embedder.padding = 0
    first: Vectors | None = None
    print(f"{len(texts)} chunks, {spec.name} on {device}, load {os.getloadavg()[0]:.1f}")
    for name, way in ways.items():
        vectors, wall, cpu = _timed(way)
        first = vectors if first is None else first
        least = float((vectors * first).sum(axis=1).min())
        print(
            f"{name:<28} {len(texts) / wall:8.1f} /s wall {len(texts) / cpu:8.1f} /CPU s "
            f"({wall:.1f} s, {cpu:.1f} CPU s)  least cosine {least:.6f}"
        )
    print(f"ours: {embedder.padding / (embedder.tokens + embedder.padding):.1%} padding, {embedder.tokens} tokens")


def _timed(way: Callable[[], Vectors]) -> tuple[Vectors, float, float]:
    gc.collect()
    wall, cpu = time.monotonic(), time.process_time()
    vectors = way()
    return vectors, time.monotonic() - wall, time.process_time() - cpu


def _chunks(folder: Path, most: int) -> list[str]:
    """Chunks of the folder's files, in an order that is the same in each run and tells nothing of their lengths."""
    paths = sorted(path for path in folder.rglob("*.py") if ".venv" not in str(path))
    contents = [chunk.content for path in paths for chunk in chunks_of(str(path), "python", path.read_bytes())]
    return sorted(contents, key=lambda content: hashlib.sha256(content.encode("utf-8", "surrogatepass")).digest())[
        :most
    ]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", default="edge_worker")
    parser.add_argument("--chunks", type=int, default=600)
    parser.add_argument("--model", default="small")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
