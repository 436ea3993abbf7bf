"""The race kit: find, shrink and explain races in any Future class."""
