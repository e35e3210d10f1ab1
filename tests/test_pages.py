"""The pages as a browser shows them: nothing from outside, nothing cut, at three widths."""

import re
from html.parser import HTMLParser
from importlib import resources

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from screens import BROWSER, POLICY, WIDTHS, measured

from routing_game.agents import BestResponseUser
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.spec import Plan, Spec
from routing_game.experiments.check import (
    game_figure,
    learner_figure,
    overview,
    sample_figure,
    user_figure,
)
from routing_game.experiments.check.judge import judge
from routing_game.experiments.check.report import write_report
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.check.traces import NOTHING, Trace, user_trace
from routing_game.theory import GAMES, solve

MOST_SCREENS = 12
"""Of 1,000 pixels, folded parts closed, in a window of 1,400."""
OWN = "my_agents_in_a_module_with_a_long_name:AnAgentWithALongName"
LEARNERS = ("structural", "ucb", "ucb-fixed", "ppo", "gradient-simultaneous", "ppo-user", OWN)


def commitment(spec, cell):
    """The optimum, but for every other seed of `ppo` and of one's own."""
    best = solve(spec.games[cell.game])
    if cell.learner in ("ppo", OWN, "gradient-simultaneous") and cell.seed % 2:
        return 1, 0.77
    return int(best.route), float(best.cascade[0])


def trace(spec, cell):
    if cell.learner == "ppo-user":
        return user_trace(BestResponseUser(spec.games[cell.game]), [50, 5_000])
    route, s = commitment(spec, cell)
    pair = [1.0, 0.0] if cell.learner == "gradient-simultaneous" else []
    return Trace([100, 30_000], [2, route], [0.0, s], pair, pair)


@pytest.fixture(scope="module")
def pictures():
    """The figures that a report draws, as they are drawn."""
    kept, dots = [], overview.dots
    with pytest.MonkeyPatch.context() as patch:
        for module in (game_figure, learner_figure, overview, sample_figure, user_figure):
            patch.setattr(module, "dots", lambda figure: kept.append(figure) or dots(figure))
        yield kept


@pytest.fixture(scope="module")
def page(tmp_path_factory, pictures):
    """The report of a run with all that a report can have: long names, samples, pairs, errors."""
    sampled = make_spec("default", ("cascades:measured:12",), ("ucb",)).games
    games = {"a_game_with_a_name_of_its_own_$x_1$": GAMES["t4-cascade"], **GAMES, **sampled}
    plans = {name: Plan(tuple(games), 30_000, 2) for name in LEARNERS}
    folder = tmp_path_factory.mktemp("run")
    directory = RunDirectory.create(CHECK, folder, Spec("smoke", games, plans))
    spec = directory.spec
    records = []
    for number, cell in enumerate(spec.cells()):
        error = "RuntimeError: " + "no-way-to-break-this-" * 12 if number % 97 == 0 else None
        kept = NOTHING if error else trace(spec, cell)
        records.append(Record(*cell, spec.digest, "abc", 1.0, error, kept))
    return write_report(judge(spec, records), directory)


class Outside(HTMLParser):
    """What a page loads, runs or is told by its address."""

    def __init__(self, text):
        super().__init__()
        self.policies, self.tags, self.pictures, self.handlers = [], set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(attributes["content"])
        if tag == "img":
            self.pictures.append(attributes)
        self.handlers += [name for name in attributes if name.startswith("on")]


def test_a_page_says_what_it_may_load_and_loads_nothing_else(page):
    text = page.read_text(encoding="utf-8")
    seen = Outside(text)
    assert seen.policies == [POLICY]
    assert text.index("Content-Security-Policy") < text.index("<style>")  # it holds from there on
    assert not seen.tags & {"script", "link", "iframe", "object", "embed", "form", "base"}
    assert not seen.handlers
    assert all(picture["src"].startswith("data:image/") for picture in seen.pictures)
    assert all(picture["alt"] for picture in seen.pictures)
    assert not re.search(r"url\(|@import", text)


def test_every_page_is_made_from_the_one_with_the_policy():
    for room in ("pages", "check"):
        for file in resources.files(f"routing_game.experiments.{room}").iterdir():
            if file.name.endswith(".html") and file.name not in ("page.html", "parts.html"):
                first = file.read_text(encoding="utf-8").splitlines()[0]
                assert first == '{% extends "page.html" %}', file.name


def test_no_word_of_a_picture_is_cut_at_its_edge(page, pictures):
    """Names of games and of one's own agents are long in it."""
    assert len(pictures) > 10
    for figure in pictures:
        drawn = figure.get_tightbbox(FigureCanvasAgg(figure).get_renderer())
        width, height = figure.get_size_inches()
        assert (
            min(drawn.x0, drawn.y0, width - drawn.x1, height - drawn.y1) > -0.04
        )  # inches, half a dot


@pytest.mark.skipif(not BROWSER, reason="no Chromium to lay the page out")
@pytest.mark.parametrize(
    "width", [WIDTHS[0], *(pytest.param(width, marks=pytest.mark.slow) for width in WIDTHS[1:])]
)
def test_nothing_is_wider_than_its_box(page, tmp_path, width):
    screen = measured(page, width, tmp_path)
    assert screen.wide == []
    assert screen.wide_open == []
    assert screen.broken == []
    assert screen.torn == []
    assert screen.unlisted == []
    assert screen.height <= 1_000 * MOST_SCREENS * max(1, 1_400 / width)
