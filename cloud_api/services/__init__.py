"""What the control plane does for those who ask, without a word of HTTP."""
