"""A scheduler for real, unmodified code of several threads, one at a time."""
