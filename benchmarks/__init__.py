"""What this project costs beside its peers: `make bench`. `rows.py` says what is measured."""
