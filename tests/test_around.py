"""The figures around one's own game: the middle pixel is the game, every pixel by definition."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from layouts import assert_parts_keep_clear
from matplotlib.backends.backend_agg import FigureCanvasAgg

from routing_game.experiments.around.figures import FIGURES, NO_GAIN, NO_GAP, NOT, Around, draw
from routing_game.experiments.around.panels import KINDS, Units
from routing_game.experiments.around.plane import (
    COARSE,
    Plane,
    Replies,
    axis,
    commitment,
    costs,
    moved,
    pixels,
    slip,
    stretch,
)
from routing_game.experiments.cli import main
from routing_game.experiments.paper.looks import dressed
from routing_game.theory import GAMES, PAIRS, RULES, Game, load, solve, thresholds, throttle
from routing_game.theory.certify import best_reply, values
from routing_game.theory.certify import judge as certified
from routing_game.theory.exchange import game_id, to_toml

NAMES = (*GAMES, *PAIRS)
REVERSED = Game(1.0, 0.8, (0.8, 0.3), (0.5, 0.4), (0.15, 0.6), ordered=False)
"""p1 > p2: a mixed reply can be worth provoking."""
PAID = Game(1.0, 0.8, (0.3, 0.8), (0.4, 0.5), (0.15, -0.1), ordered=False)
"""A pass of M2 earns money: c2 has no logarithm."""
FREE = Game(1.0, 0.8, (0.3, 0.8), (0.0, 0.5), (0.0, 0.2))
"""t1 = c1 = 0."""
ODD = {"reversed": REVERSED, "paid": PAID, "free": FREE}
OWN = [
    *("--value", "120", "--penalty", ".19", "--success", ".35", ".6"),
    *("--latency", "20", "90", "--cost", ".01", ".05"),
]

each_game = pytest.mark.parametrize("name", [*NAMES, *ODD])


def game_of(name: str) -> Game:
    return ODD[name] if name in ODD else load(name)


@functools.cache
def about(name: str, size: int = 21) -> Around:
    return Around(game_of(name), name, Units("s", "USD") if name in PAIRS else Units(), size)


def planes(name: str) -> tuple[Plane, Plane]:
    return about(name).prices, about(name).values


def some(plane: Plane, count: int) -> list[tuple[int, int]]:
    places = np.random.default_rng(3).integers(plane.up.size, size=(count, 2))
    return [(int(row), int(column)) for row, column in places]


def there(plane: Plane, row: int, column: int) -> Game:
    """The game of a pixel, made from what the axes say."""
    game, x = plane.game, float(plane.across.values[column])
    value, price = (x, game.cost[1]) if plane.across.symbol == "V" else (game.value, x)
    numbers = (game.success, game.latency, (game.cost[0], price))
    return Game(value, float(plane.up.values[row]), *numbers, ordered=False)


# --- values, by definition


@each_game
def test_the_middle_pixel_is_the_game(name):
    game, best = game_of(name), solve(game_of(name))
    for plane in planes(name):
        middle = (plane.up.size // 2,) * 2
        assert dataclasses.replace(plane.games[middle], ordered=game.ordered) == game
        assert list(RULES)[plane.kind[middle]] == best.rule
        assert plane.solution.cost[middle] == best.cost
        assert plane.misalignment[middle] == pytest.approx(best.user_best - best.utility, abs=1e-12)
        assert plane.gain[middle] == throttle(game).gain
        assert plane.regret[middle] == 0


@each_game
def test_every_pixel_is_the_game_that_its_axes_say(name):
    for plane in planes(name):
        for place in some(plane, 12):
            game = there(plane, *place)
            assert plane.games[place] == game
            best = solve(game)
            assert list(RULES)[plane.kind[place]] == best.rule
            assert plane.solution.cost[place] == best.cost


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "gpt-4o-gpt-5"])
def test_regions_and_gaps_are_those_of_a_search(name):
    for plane in planes(name):
        place = tuple(np.array(some(plane, 60)).T)
        games, best = plane.games[place], plane.solution
        route, s, q, cost = (
            np.asarray(x)[place] for x in (best.route, best.cascade[0], best.abandon, best.cost)
        )
        assert np.all(certified(games, route, s, q, cost).right)
        had = best_reply(games, route, s).utility
        first = best_reply(games, 1, np.linspace(0, 1, 51)[:, None]).utility
        most = np.maximum(np.max(first, axis=0), best_reply(games, 2, 0.0).utility)
        scale = float(np.max(np.abs(games.value)))
        np.testing.assert_allclose(plane.misalignment[place], most - had, atol=1e-9 * scale)


@pytest.mark.parametrize("name", ["t4-cascade", "t4-reason", "value-cheap"])
def test_the_gain_is_what_the_best_slower_latencies_save(name):
    plane = about(name).values
    found = 0.0
    for place in some(plane, 40):
        game = there(plane, *place)
        slow = [
            np.maximum(t, game.value * p * np.array([0.0, 0.5, 1.001, 2.0]))
            for t, p in zip(game.latency, game.success, strict=True)
        ]
        latency = tuple(x.ravel() for x in np.meshgrid(*slow))
        least = float(np.min(solve(dataclasses.replace(game, latency=latency)).cost))
        saved = float(solve(game).cost) - least
        assert plane.gain[place] == pytest.approx(max(saved, 0.0), abs=1e-9)
        found += saved
    assert found > 0


@each_game
def test_regret_is_what_the_game_s_optimum_costs_there(name):
    """With the reply by search; where V is the game's own, its user answers as it does there."""
    route, s = commitment(game_of(name))
    own = float(solve(game_of(name)).abandon)
    for plane in planes(name):
        for place in some(plane, 12):
            game = there(plane, *place)
            q = own if game.value == plane.game.value else best_reply(game, route, s).abandon
            _, cost = values(game, route, s, q)
            best = float(solve(game).cost)
            lost = float(cost) - best
            lost = lost / abs(best) if best else (np.inf if lost > 1e-12 else 0.0)
            assert plane.regret[place] == pytest.approx(max(lost, 0.0), rel=1e-4, abs=1e-6)


@each_game
def test_replies_are_those_of_a_search(name):
    plane = about(name).replies
    for row, column in np.random.default_rng(4).integers(21, size=(25, 2)):
        game = moved(plane.game, "V", float(plane.up.values[row]))
        s, q = float(plane.cascade[column]), float(plane.reply[row, column])
        gained, _ = values(game, 1, s, q)
        others, _ = values(game, 1, s, np.linspace(0, 1, 501))
        assert gained >= np.max(others) - 1e-9 * game.value


def test_the_costs_along_s_jump_where_the_user_begins_to_stay():
    game = GAMES["t4-cascade"]
    s, cost = costs(game)
    (gap,) = np.flatnonzero(np.isnan(cost))
    assert s[gap + 1] == solve(game).cascade[0]
    assert cost[gap + 1] == pytest.approx(solve(game).cost)
    assert cost[gap - 1] > 2 * cost[gap + 1]
    assert np.nanmin(cost) == pytest.approx(solve(game).cost)


@each_game
def test_beyond_the_ends_of_a_stretch_the_rule_is_another(name):
    game, rule = game_of(name), solve(game_of(name)).rule
    for symbol in ("V", "P", "c2"):
        found = stretch(game, axis(game, symbol, 101))
        length = found.high - found.low
        for end, sign, other in ((found.low, -1, found.below), (found.high, 1, found.above)):
            assert solve(moved(game, symbol, end - 1e-7 * sign * length)).rule == rule
            if other is not None:
                assert solve(moved(game, symbol, end + 1e-7 * sign * length)).rule == other
        assert found.low < found.axis.own < found.high


def test_a_user_does_not_feel_prices():
    """At s0 it goes on staying, though a provider would now rather have it leave."""
    game = GAMES["t4-cascade"]
    cheap = moved(game, "P", 0.5 * game.penalty)
    low = moved(game, "P", 0.2)
    assert solve(cheap).rule == "s0"
    assert solve(low).rule == "leave-1"
    along = axis(game, "P")
    assert slip(game, along, -0.5) == 0
    assert slip(game, along, 0.2 / game.penalty - 1) == pytest.approx(
        (solve(game).cost - solve(low).cost) / solve(low).cost
    )


# --- pictures


def page(name: str, figure: str, size: int = 21):
    around = about(name, size)
    return draw(figure, around, FIGURES[figure].told(around))


@pytest.mark.parametrize("name", ["t4-cascade", "paid"])
def test_maps_are_drawn_where_their_axes_say(name):
    with dressed():
        drawn = page(name, "4")
    panels = [axes for axes in drawn.axes if axes.images]
    for axes, plane in zip(panels, planes(name), strict=True):
        (image,) = axes.images
        np.testing.assert_array_equal(image.get_array(), plane.kind)
        left, right, bottom, top = image.get_extent()
        n = plane.up.size
        centres = (np.arange(n) + 0.5) / n
        np.testing.assert_allclose(left + (right - left) * centres, plane.across.offsets)
        np.testing.assert_allclose(bottom + (top - bottom) * centres, plane.up.offsets)
        assert image.origin == "lower"
        for side, along in ((axes.xaxis, plane.across), (axes.yaxis, plane.up)):
            ticks = side.get_ticklocs()
            told = [float(text.get_text()) for text in side.get_ticklabels()]
            assert len(ticks) >= 4
            np.testing.assert_allclose(along.at(np.array(ticks)), told, rtol=2e-3)
        (star,) = [line for line in axes.lines if line.get_marker() == "*"]
        assert star.get_xydata().tolist() == [[0, 0]]
        assert along.at(0.0) == plane.game.penalty
        assert "unit of c" in axes.get_ylabel()


def test_axes_are_in_the_units_of_a_measured_pair():
    with dressed():
        first, second = (axes for axes in page("gpt-4.1-o3", "4").axes if axes.images)
    assert first.get_xlabel().endswith("(USD)")
    assert first.get_ylabel().endswith("(USD)")
    assert second.get_xlabel().endswith("(s)")


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize(
    "name",
    [
        "t4-cascade",
        "reversed",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("gpt-4.1-o3", "paid")),
    ],
)
def test_nothing_overlaps(name, figure):
    with dressed():
        assert_parts_keep_clear(page(name, figure))


@pytest.mark.parametrize(
    "name",
    [
        "t4-cascade",
        "gpt-4o-gpt-5",
        "paid",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("t5-cascade", "free")),
    ],
)
def test_words_on_a_map_keep_clear_of_each_other_and_of_the_game(name):
    with dressed():
        for figure in ("4", "5", "throttling"):
            drawn = page(name, figure, 101)
            drawn.draw_without_rendering()
            renderer = FigureCanvasAgg(drawn).get_renderer()
            for axes in (axes for axes in drawn.axes if axes.images):
                boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in axes.texts]
                (star,) = [line for line in axes.lines if line.get_marker() == "*"]
                boxes.append(("the game", star.get_window_extent(renderer)))
                pairs = itertools.combinations(boxes, 2)
                assert not [(a, b) for (a, one), (b, other) in pairs if one.overlaps(other)]
                frame = axes.bbox.padded(6)
                for text, box in boxes:
                    assert all(frame.contains(*corner) for corner in box.corners()), text


@pytest.mark.parametrize("name", ["t4-cascade", "t5-cascade", "t5-stay", "value-cheap", "reversed"])
def test_the_costs_show_where_the_user_changes_its_mind(name):
    """A line with its name at each of s0, s_L and s_H that is inside, clear of what is drawn."""
    with dressed():
        drawn = page(name, "3")
        drawn.draw_without_rendering()
        renderer = FigureCanvasAgg(drawn).get_renderer()
        axes = drawn.axes[1]
        boxes = [text.get_window_extent(renderer) for text in axes.texts]
    marks = zip(("$s_0$", "$s_L$", "$s_H$"), map(float, thresholds(game_of(name))), strict=True)
    inside = {mark: s for mark, s in marks if 0 < s < 1}
    assert {text.get_text(): text.xy[0] for text in axes.texts} == inside
    upright = [
        line for line in axes.lines if len({*line.get_xdata()}) == 1 and line.get_marker() != "*"
    ]
    assert {line.get_xdata()[0] for line in upright} == {*inside.values()}
    level = [line for line in axes.lines if line not in upright]
    points = np.concatenate([line.get_transform().transform(line.get_xydata()) for line in level])
    assert not any(
        box.contains(x, y) for box in boxes for x, y in points[np.isfinite(points[:, 1])]
    )


@pytest.mark.parametrize("figure", ["5", "throttling"])
@pytest.mark.parametrize("name", ["t4-cascade", "t5-leave", "gpt-4.1-o3"])
def test_what_is_hatched_is_in_the_legend(name, figure):
    with dressed():
        (legend,) = page(name, figure).legends
    key = {"5": "misalignment", "throttling": "gain"}[figure]
    seen = any((getattr(plane, key) == 0).any() for plane in planes(name))
    told = [text.get_text() for text in legend.get_texts()]
    words = {"5": NO_GAP, "throttling": NO_GAIN}[figure]
    assert told == ["the game", *([words] if seen else [])]


def test_a_name_is_no_formula():
    around = Around(GAMES["t4-cascade"], r"$x^2_{$", Units(), 11)
    with dressed():
        drawn = draw("4", around, [])
        drawn.draw_without_rendering()
    assert drawn.texts[0].get_text().endswith(r"around \$x^2_{\$")


def test_every_rule_has_a_look_of_its_own():
    assert set(KINDS) == set(RULES)
    assert len({look.colour for look in KINDS.values()}) == len(RULES)
    assert len({look.hatch for look in KINDS.values()}) == len(RULES)


def test_a_search_for_each_game_takes_fewer_pixels():
    assert pixels(REVERSED) == COARSE < pixels(PAID)
    assert Plane.around(REVERSED, "c2").up.size % 2 == 1


# --- the command


def test_figures_around_a_named_game(tmp_path: Path, capsys):
    words = ["figures", "--game", "t4-cascade", "--only", "4,regret", "--out", str(tmp_path)]
    assert main(words) == 0
    lines = capsys.readouterr().out.splitlines()
    stems = ["figure-4-around-t4-cascade", "figure-regret-around-t4-cascade"]
    assert lines[0].startswith("In equilibrium: start with M1 and escalate")
    assert [line.split()[0] for line in lines if line.endswith("(and .svg, .npz)")] == [
        str(tmp_path / f"{stem}.png") for stem in stems
    ]
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        f"{stem}{ending}" for stem in stems for ending in (".npz", ".png", ".svg")
    ]
    assert any("s = 0.2105" in line for line in lines)
    assert all(len(line) <= 100 for line in lines if not line.endswith(")"))
    with np.load(tmp_path / f"{stems[0]}.npz") as arrays:
        game = Game(**json.loads(str(arrays["game"])))
        assert game == GAMES["t4-cascade"]
        for row, column in ((0, 0), (200, 200), (30, 350), (400, 120)):
            price, penalty = float(arrays["c2"][column]), float(arrays["P"][row])
            other = Game(1, penalty, game.success, game.latency, (0.15, price), ordered=False)
            assert arrays["rules"][arrays["rule c2"][row, column]] == solve(other).rule
            assert arrays["cost c2"][row, column] == solve(other).cost
    with np.load(tmp_path / f"{stems[1]}.npz") as arrays:
        assert arrays["regret V"][200, 200] == 0


@pytest.mark.parametrize(
    ("words", "stem", "penalty"),
    [
        (
            OWN,
            f"your-game-{game_id(Game(120, 0.19, (0.35, 0.6), (20, 90), (0.01, 0.05)))[:6]}",
            0.19,
        ),
        (["--game", "mine.toml"], "mine", 1.5),
        (["--game", "mine.toml", "--penalty", "3"], "mine-penalty-3", 3.0),
        (["--game", "gpt-4o-gpt-5"], "gpt-4o-gpt-5", 0.19),
        (["--game", "measured.1000.s_L.3"], "measured.1000.s_L.3", None),
    ],
)
def test_a_game_is_given_as_solve_takes_it(words, stem, penalty, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(to_toml(GAMES["t4-cascade"]))
    assert main(["figures", *words, "--only", "3", "--out", "out"]) == 0
    with np.load(f"out/figure-3-around-{stem}.npz") as arrays:
        told = json.loads(str(arrays["game"]))
    assert penalty is None or told["penalty"] == penalty
    solved = ["solve", *(word for word in words if word != "--game"), "--json"]
    capsys.readouterr()
    assert main(solved) == 0
    assert json.loads(capsys.readouterr().out)["game"] == told


WRONG = {
    "unknown": (["--game", "t4-casc"], "perhaps t4-cascade"),
    "no file": (["--game", "no.toml"], "expected a game's file"),
    "numbers missing": (["--value", "1"], "--penalty"),
    "wrong number": (["--game", "t4-cascade", "--value", "0"], "value must be positive"),
    "order": (["--game", "t4-cascade", "--cost", "2", "1"], "--unordered"),
    "nothing but unordered": (["--unordered"], "expected the name of a game"),
    "set": (["--game", "t4-cascade", "--set", "A"], "expected no --set"),
    "unknown figure": (["--game", "t4-cascade", "--only", "6"], "'6'"),
    "regret of nothing": (["--only", "regret"], "--game"),
    "too large": (["--game", "t4-cascade", "--value", "1e100"], "another unit"),
    "several": (["--game", "catalog"], "which is 13 games"),
}
WRONG |= {f"no {name}": (["--game", "t4-cascade", "--only", name], NOT[name]) for name in NOT}


@pytest.mark.parametrize(("words", "hint"), WRONG.values(), ids=WRONG.keys())
def test_what_cannot_be_drawn_is_said_before_any_work(words, hint, tmp_path, capsys):
    assert main(["figures", *words, "--out", str(tmp_path / "out")]) == 2
    out, error = capsys.readouterr()
    assert (out, error.count("\n")) == ("", 1)
    assert hint in error
    assert [*tmp_path.iterdir()] == []


def test_a_folder_that_takes_no_files_is_named(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert main(["figures", "--game", "t4-cascade", "--out", str(tmp_path / "file")]) == 2
    assert "expected a folder to write to" in capsys.readouterr().err


def test_replies_have_the_game_s_own_value_in_the_middle():
    plane = Replies.around(GAMES["t4-cascade"])
    assert plane.up.values[plane.up.size // 2] == 1.0
