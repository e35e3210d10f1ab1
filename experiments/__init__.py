"""Where everything meets: which learners play which games, what came of it, and how it is shown."""


class InputError(Exception):
    """Something the user has to decide; its text is one line: what was expected, what came, what to do."""
