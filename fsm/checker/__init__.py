"""Proofs for small scopes: every reachable state of lifecycles joined by channels."""
