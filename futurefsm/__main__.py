"""`python -m futurefsm` is the command `futurefsm`."""

import sys

if __name__ == "__main__":
    try:
        from futurefsm.client.cli import main
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(main())
