"""Formulas in LaTeX, as they can be read without."""

from __future__ import annotations

import re

_SYMBOLS = {
    r"\text{sign}": "sign",
    r"\hat{t}": "t̂",
    r"\xi_{i^*}": "ξ(i*)",
    r"J_{post}^*": "J*post",
    r"J_{pre}^*": "J*pre",
    r"\Delta_U": "Δ_U",
    r"\lbrace ": "{",
    r" \rbrace": "}",
    r"\lbrace": "{",
    r"\xi": "ξ",
    r"\min": "min",
    r"\leq": "≤",
    r"\neq": "≠",
    r"\in ": "∈ ",
    "^*": "*",
    "_0": "₀",
    "_1": "₁",
    "_2": "₂",
    "_i": "ᵢ",
    " - ": " − ",
}
"""LaTeX -> what is printed, in this order."""
FIRM = "\u00a0"
"""A space at which no line is broken."""


def plain(words: str) -> str:
    """Words with formulas in LaTeX, as they can be read without; a formula is not to be broken."""
    return re.sub(r"\$([^$]*)\$", lambda formula: _unset(formula[1]), words)


def _unset(formula: str) -> str:
    for latex, printed in _SYMBOLS.items():
        formula = formula.replace(latex, printed)
    return formula.replace(" ", FIRM)
