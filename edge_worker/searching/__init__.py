"""Searching the text that lies here, for whoever asks over the line; done in a process that ends with this one."""
