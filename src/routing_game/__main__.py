"""`routing-game` and `python -m routing_game`."""

import sys

from routing_game.experiments.cli import main

if __name__ == "__main__":
    sys.exit(main())
