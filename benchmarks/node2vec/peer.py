"""One peer: `peer.py TOOL FOLDER SEED`, in the peers' environment. Of each edges0.npy, ... makes vectors0.npy, ...

A line of JSON is printed for each. CPU seconds are those of walks and training; reading the graph, and compiling for
those that compile, are left out.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

DIM, LENGTH, WALKS, WINDOW, NEGATIVES = 64, 20, 10, 10, 5


def grape(edges, seed, folder):
    from ensmallen import Graph, models

    path = f"{folder}.tsv"
    np.savetxt(path, edges, fmt="%d", delimiter="\t")
    graph = Graph.from_csv(
        edge_path=path,
        edge_list_separator="\t",
        edge_list_header=False,
        sources_column_number=0,
        destinations_column_number=1,
        directed=False,
        name="graph",
    )
    graph.enable()
    model = models.SkipGram(
        embedding_size=DIM,
        epochs=1,
        walk_length=LENGTH,
        window_size=WINDOW,
        iterations=WALKS,
        number_of_negative_samples=NEGATIVES,
        random_state=seed,
        verbose=False,
    )
    names = [int(name) for name in graph.get_node_names()]
    return names, lambda: model.fit_transform(graph)[0]


def pecanpy(edges, seed, folder):
    from gensim.models import Word2Vec
    from pecanpy.pecanpy import FirstOrderUnweighted

    def embed(pairs):
        graph = FirstOrderUnweighted(1, 1, workers=1, random_state=seed)
        graph.set_node_ids(None, implicit_ids=True, num_nodes=int(pairs.max()) + 1)
        both = np.concatenate([pairs, pairs[:, ::-1]])
        both = both[np.lexsort((both[:, 1], both[:, 0]))]
        counts = np.bincount(both[:, 0], minlength=int(pairs.max()) + 1)
        graph.indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint32)
        graph.indices = both[:, 1].astype(np.uint32)
        graph.data = np.ones(len(both), np.float32)

        def train():
            walks = graph.simulate_walks(WALKS, LENGTH - 1)
            return Word2Vec(
                walks,
                vector_size=DIM,
                window=WINDOW,
                sg=1,
                negative=NEGATIVES,
                workers=1,
                min_count=0,
                epochs=1,
                seed=seed,
            ).wv

        return train

    embed(np.array([[0, 1], [1, 2], [0, 2]]))()
    train, nodes = embed(edges), int(edges.max()) + 1
    return None, lambda: train()[[str(node) for node in range(nodes)]]


def fastnode2vec(edges, seed, folder):
    from fastnode2vec import Graph, Node2Vec

    def embed(pairs):
        graph = Graph([tuple(pair) for pair in pairs.tolist()], directed=False, weighted=False, verbose=False)

        def train():
            model = Node2Vec(
                graph, dim=DIM, walk_length=LENGTH, window=WINDOW, workers=1, seed=seed, negative=NEGATIVES
            )
            model.train(epochs=WALKS, verbose=False)
            return model.wv

        return train

    embed(np.array([[0, 1], [1, 2], [0, 2]]))()
    train, nodes = embed(edges), int(edges.max()) + 1
    return None, lambda: train()[list(range(nodes))]


def pyg(edges, seed, folder):
    import torch
    from torch_geometric.nn import Node2Vec

    torch.set_num_threads(1)
    torch.manual_seed(seed)
    index = torch.from_numpy(np.concatenate([edges, edges[:, ::-1]]).T.copy())
    model = Node2Vec(index, DIM, LENGTH, WINDOW, WALKS, num_negative_samples=1, sparse=True)

    def train():
        optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.01)
        for true, false in model.loader(batch_size=128, shuffle=True):
            optimizer.zero_grad()
            loss = model.loss(true, false)
            loss.backward()
            optimizer.step()
        return model().detach().numpy()

    return None, train


def main():
    tool, folder, seed = sys.argv[1:]
    for number in range(len(list(Path(folder).glob("edges*.npy")))):
        edges = np.load(f"{folder}/edges{number}.npy")
        names, train = globals()[tool](edges, int(seed), f"{folder}/{number}")
        began = time.process_time()
        found = train()
        seconds = time.process_time() - began
        vectors = np.zeros((int(edges.max()) + 1, DIM), np.float32)
        vectors[names if names is not None else slice(None)] = found
        np.save(f"{folder}/vectors{number}.npy", vectors)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"seconds": seconds, "peak_mib": peak}))


main()
