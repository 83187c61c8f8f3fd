"""A local server that speaks Upstash's REST protocol in front of a real Redis."""
