"""Beyond this machine: `make scale`. See `world.py` for what is real there, what is simulated."""
