"""The ML rooms: the only place that imports torch. Nothing is imported here, so naming the package costs nothing."""
