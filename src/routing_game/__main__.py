"""`routing-game` and `python -m routing_game`."""

import sys


def main() -> int:
    """Run a command; stopped while Python still loads it, it ends as quietly as later."""
    try:
        from routing_game.experiments.cli import main as run

        return run()
    except KeyboardInterrupt:
        print("routing-game: stopped", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
