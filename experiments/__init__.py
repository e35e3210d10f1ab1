"""Where everything meets: which learners play which games, what came of it, how it is shown."""


class InputError(Exception):
    """Something the user has to decide, in one line: what was expected, what came, what to do."""
