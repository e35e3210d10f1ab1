"""`routing-game` and `python -m routing_game`."""

import os
import sys

from routing_game.experiments import cli


def main() -> int:
    """The command, in a process of its own, in which nobody else draws."""
    os.environ["MPLBACKEND"] = "agg"  # read as matplotlib is imported, and refused if unknown
    os.environ["MATPLOTLIBRC"] = os.devnull  # instead of the reader's, which may be unreadable
    try:
        return cli.main()
    except KeyboardInterrupt:  # a second one, while the first was told
        return 130


if __name__ == "__main__":
    sys.exit(main())
