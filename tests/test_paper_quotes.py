"""What the documentation gives as the paper's words are the paper's words."""

from __future__ import annotations

from pathlib import Path

import pytest

from paper_text import ABSENT, PAPER, absent, normal, paper, quotations

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(DOCS.glob("*.md"))

needs_paper = pytest.mark.skipif(not PAPER.exists(), reason=ABSENT)


@pytest.fixture(scope="module")
def text() -> str:
    return paper()


@needs_paper
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_quotations_stand_in_the_paper(page: Path, text: str) -> None:
    wrong = {}
    for line, words in quotations(page.read_text(encoding="utf-8")):
        part = absent(words, text)
        if part is not None:
            wrong[f"{page.name}:{line}"] = part
    assert not wrong, "set as the paper's words, but not there: quote exactly or say it plainly"


def test_the_errata_quote_the_paper_in_every_entry() -> None:
    page = (DOCS / "errata.md").read_text(encoding="utf-8")
    words = [normal(words) for _, words in quotations(page)]
    assert len(words) >= 56
    assert min(map(len, words)) > 10


def test_block_quotes_and_typographic_marks_are_quotations() -> None:
    quoted = "He says “less-bad” here,\n\n> $s \\in (0,\n> 1)$\n\n"
    page = quoted + 'and "not this".\n\n```python\n>>> 1\n“no”\n```\n'
    assert [(line, normal(words)) for line, words in quotations(page)] == [
        (3, "sin(0,1)"),
        (1, "less-bad"),
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ξ_1, ξ_2", r"$\xi_1,\ \xi_2$"),
        ("Δ_U ≤ 0", r"$\Delta_U \leq 0$"),
        (r"\mathbb{1}\{\xi_2 < 0\}", r"1\lbrace ξ₂ < 0 \rbrace"),
        ("t̂ > Vp", r"$\hat{t} > Vp$"),
        ("q^{*}(s)", "$q^*(s)$"),
        ("x² – y", "x^2 - y"),
        ("*Left:* **one**", "Left: one"),
        ("the user's “ﬁrst”", "the user’s ‘first’"),
        (r"\left(\frac{a}{b}\right) \tag{10}", r"(\frac{a}{b}) \quad (10)"),
    ],
)
def test_one_formula_in_two_settings(one: str, other: str) -> None:
    assert normal(one) == normal(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1 - p_1", "1 - p_2"),
        ("a - b", "a + b"),
        ("q^*", "q"),
        ("s < s_0", r"s \leq s_0"),
        (r"\frac{1}{2}", r"\frac{12}{}"),
        ("p^2", "p_2"),
        ("increasing", "decreasing"),
    ],
)
def test_two_formulas_stay_two(one: str, other: str) -> None:
    assert normal(one) != normal(other)


def test_parts_of_a_quotation_stand_in_order_and_near() -> None:
    text = normal("The first. The user stays if he may. The last." + "x" * 3000 + "End.")
    assert absent("The user stays ... The last.", text) is None
    assert absent("The ... if he may", text) is None
    assert absent("The last. ... The user stays", text) == normal("The user stays")
    assert absent("The last. ... End.", text) == "End."
    assert absent("The user leaves", text) == normal("The user leaves")
    assert absent("...", text) == "..."
