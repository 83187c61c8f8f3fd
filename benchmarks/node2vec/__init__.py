"""Node2Vec beside its peers: speed at equal walks, quality, scaling, updates."""
