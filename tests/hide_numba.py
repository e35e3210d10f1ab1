"""A plugin of pytest, `-p hide_numba`: the tests run as if numba were not installed."""

import sys

sys.modules["numba"] = None
