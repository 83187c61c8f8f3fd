"""Who is asking: tokens, sessions, sign-in codes, and the gate that asks."""
