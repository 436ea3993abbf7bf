"""Runs a real OpenGRIS Scaler cluster until its standard input ends. Started by conftest.py."""

import sys

if __name__ == "__main__":
    from scaler import SchedulerClusterCombo

    combo = SchedulerClusterCombo(n_workers=2, address=sys.argv[1])
    print("up", flush=True)
    try:
        sys.stdin.read()
    finally:
        combo.shutdown()
