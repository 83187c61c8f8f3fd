"""Where vectors live: one narrow port and two adapters."""
