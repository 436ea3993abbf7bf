"""Futures with one known bug each, and the correct one."""
