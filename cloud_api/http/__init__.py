"""How the control plane speaks HTTP: envelopes, problems, middleware."""
