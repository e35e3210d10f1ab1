"""The paper's figures: lines on the right pixels, policies by search, and the paper's sentences."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from layouts import assert_parts_keep_clear
from matplotlib.backends.backend_agg import FigureCanvasAgg

from paper_text import ABSENT, PAPER, absent, paper
from routing_game.experiments.paper.diagrams import GUIDELINES
from routing_game.experiments.paper.latex import FIRM, plain
from routing_game.experiments.paper.looks import LINES, LOOKS, dressed
from routing_game.experiments.paper.maps import FIGURES, UNITS, draw, write_figure
from routing_game.experiments.paper.planes import CHOICES, REGIMES, Border, Plane
from routing_game.experiments.paper.quadrants import CASCADE, Quadrants
from routing_game.experiments.paper.scene import THROTTLED, Scene
from routing_game.experiments.paper.sentences import SENTENCES, judge
from routing_game.theory import RULES, Game, solve
from routing_game.theory.certify import ACCURACY, best_reply, grid_cost, values
from routing_game.theory.certify import judge as certified

ROOT = Path(__file__).parents[1]
PLANES = [(name, regime) for name in CHOICES for regime in REGIMES]
each_plane = pytest.mark.parametrize(("name", "regime"), PLANES, ids=map(" ".join, PLANES))
each_set = pytest.mark.parametrize("name", CHOICES)
each_figure = pytest.mark.parametrize("figure", FIGURES)


@functools.cache
def scene(name: str, size: int = 401) -> Scene:
    return Scene(name, size)


# --- lines and regions of the plane


def pixels(plane: Plane, line: Border) -> np.ndarray:
    """(row, column) of a border's points, shape (n, 2), a pixel's centre at whole numbers.

    Only points on the plane.
    """
    left, right, bottom, top = plane.edges
    n = plane.size
    rows = (line.penalty - bottom) / (top - bottom) * n - 0.5
    columns = (line.x - left) / (right - left) * n - 0.5
    points = np.stack([rows, columns], axis=1)
    return points[((points > -0.5) & (points < n - 0.5)).all(axis=1)]


def sides(plane: Plane, line: Border) -> tuple[np.ndarray, np.ndarray]:
    """The pixels, as (row, column), one pixel away on either side of a border, if on the plane."""
    points = pixels(plane, line)
    tangent = np.gradient(points, axis=0)
    normal = tangent[:, ::-1] * (1, -1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    one, other = (np.rint(points + side * normal).astype(int) for side in (1, -1))
    n = plane.size
    inside = ((one >= 0) & (one < n) & (other >= 0) & (other < n)).all(axis=1)
    joint = pixels(plane, Border("", np.zeros(1), np.array([plane.choice.joint])))
    clear = np.abs(points - joint).max(axis=1) > 3  # there another side is a pixel away too
    return one[inside & clear], other[inside & clear]


def changes(plane: Plane) -> np.ndarray:
    """(row, column) halfway between each two neighbouring pixels with different rules."""
    kind, found = plane.kind, []
    for step in ((0, 1), (1, 0)):
        first = kind[: kind.shape[0] - step[0], : kind.shape[1] - step[1]]
        found.append(np.argwhere(first != kind[step[0] :, step[1] :]) + np.array(step) / 2)
    return np.concatenate(found)


def adjacency(plane: Plane) -> set[frozenset[str]]:
    """The pairs of rules that share a border of more than a few pixels."""
    kind, rules = plane.kind, np.array(list(RULES))
    pairs = [*zip(kind[:, 1:].ravel(), kind[:, :-1].ravel(), strict=True)]
    pairs += [*zip(kind[1:].ravel(), kind[:-1].ravel(), strict=True)]
    unlike = [sorted(pair) for pair in pairs if pair[0] != pair[1]]
    found, count = np.unique(unlike, axis=0, return_counts=True)
    return {frozenset(rules[pair].tolist()) for pair in found[count > 3]}


@each_plane
def test_every_pixel_is_a_game_of_its_regime_in_the_paper_s_order(name, regime):
    plane = scene(name).planes[regime]
    assert plane.games.ordered
    assert np.all(np.asarray(plane.games.regime) == regime)
    assert max(plane.choice.latency(regime)) <= 1
    cp1, cp2 = plane.games.cost_of_pass
    np.testing.assert_allclose(np.broadcast_to(cp1 - cp2, (401, 401))[7], plane.x, atol=1e-12)
    assert plane.games.cost[0] == 1


@each_plane
def test_the_policy_differs_on_the_two_sides_of_a_border(name, regime):
    plane = scene(name).planes[regime]
    assert plane.borders
    for line in plane.borders:
        one, other = sides(plane, line)
        assert len(one) > 100, line.name
        assert np.all(plane.kind[*one.T] != plane.kind[*other.T]), line.name


@each_plane
def test_the_policy_changes_nowhere_else(name, regime):
    plane = scene(name).planes[regime]
    lines = np.concatenate([pixels(plane, line) for line in plane.borders])
    found = changes(plane)
    assert len(found) > 300
    for part in np.array_split(found, 20):
        gap = np.abs(part[:, None] - lines).max(axis=2).min(axis=1)
        assert gap.max() <= 1


@each_set
@pytest.mark.parametrize("slowed", ["both", "M2"])
def test_the_gain_changes_sign_at_the_dashed_line(name, slowed):
    plane = scene(name).planes["++"]
    sign = np.sign(scene(name).gains[slowed])
    one, other = sides(plane, plane.break_even)
    signs = sorted({*(sign[*one.T] - sign[*other.T]).tolist()})
    assert len(one) > 300
    assert signs == ([-2.0] if slowed == "both" else [-2.0, -1.0])  # M2 alone: or to 0


@each_set
def test_the_gain_of_throttling_both_is_the_paper_s_formula(name):
    plane = scene(name).planes["++"]
    k = 1 - np.array(plane.choice.success)
    passes = [np.broadcast_to(cp, (401, 401)) for cp in plane.games.cost_of_pass]
    (c1, c2), penalty = plane.games.cost, plane.games.penalty
    lost = np.minimum(c1 + penalty * k[0], c2 + penalty * k[1])
    printed = np.minimum(*passes) - lost
    np.testing.assert_allclose(scene(name).gains["both"], printed, atol=1e-12)


@pytest.mark.parametrize("regime", REGIMES)
def test_the_regions_do_not_depend_on_the_choice(regime):
    """The same neighbours, the same lines, and the same order along the left and right edge."""
    first, second = (scene(name).planes[regime] for name in CHOICES)
    assert first.choice != second.choice
    assert adjacency(first) == adjacency(second)
    assert [line.name for line in first.borders] == [line.name for line in second.borders]
    for edge in (0, -1):
        orders = []
        for plane in (first, second):
            kind = plane.kind[:, edge]
            orders.append(kind[np.append(True, kind[1:] != kind[:-1])].tolist())
        short, long = sorted(orders, key=len)
        assert long[: len(short)] == short  # one plane reaches higher


@each_set
def test_the_lines_of_a_plane_meet(name):
    for regime in ("-+", "+-"):
        for line in scene(name).planes[regime].borders:
            ends = [(line.x[k], line.penalty[k]) for k in (0, -1)]
            assert (0, pytest.approx(1 / CHOICES[name].success[0])) in ends, line.name


# --- by definition


def some(shape: tuple[int, ...], count: int, seed: int) -> tuple[np.ndarray, ...]:
    """Places of random pixels."""
    flat = np.random.default_rng(seed).choice(np.prod(shape), count, replace=False)
    return np.unravel_index(flat, shape)


@each_plane
def test_policies_are_those_of_a_search(name, regime):
    plane = scene(name).planes[regime]
    place = some(plane.kind.shape, 300, 15)
    games, best = plane.games[place], plane.solution
    route, abandon, cost = (np.asarray(x)[place] for x in (best.route, best.abandon, best.cost))
    verdict = certified(games, route, np.asarray(best.cascade[0])[place], abandon, cost)
    assert np.all(verdict.right)


@each_plane
def test_the_gap_is_what_another_commitment_would_give_the_user(name, regime):
    plane = scene(name).planes[regime]
    place = some(plane.kind.shape, 300, 16)
    games, best = plane.games[place], plane.solution
    route, s = (np.asarray(x)[place] for x in (best.route, best.cascade[0]))
    had = best_reply(games, route, s).utility
    grid = np.linspace(0, 1, 101)[:, None]
    first, second = best_reply(games, 1, grid).utility, best_reply(games, 2, 0.0).utility
    missed = np.maximum(np.max(first, axis=0), second) - had
    np.testing.assert_allclose(plane.misalignment[place], missed, atol=1e-9)


@each_set
def test_gains_are_those_of_a_search(name):
    planes = scene(name).planes
    place = some((401, 401), 100, 17)
    before = grid_cost(planes["++"].games[place])
    for slowed, regime in THROTTLED.items():
        gain = before - grid_cost(planes[regime].games[place])
        np.testing.assert_allclose(scene(name).gains[slowed][place], gain, atol=10 * ACCURACY)


@each_set
def test_no_other_reply_is_better_in_figure_3(name):
    plane = scene(name).quadrants
    place = some(plane.reply.shape, 4000, 18)
    games, q = plane.games[place], plane.reply[place]
    claimed, _ = values(games, 1, CASCADE, q)
    best = np.full(4000, -np.inf)
    for other in np.linspace(0, 1, 4001):
        best = np.maximum(best, values(games, 1, CASCADE, other)[0])
    assert np.all(claimed >= best - 1e-12)
    xi1, xi2 = plane.games.net_value
    np.testing.assert_allclose(np.broadcast_to(xi1, (401, 401))[3], plane.net, atol=1e-12)
    np.testing.assert_allclose(np.broadcast_to(xi2, (401, 401))[:, 3], plane.net, atol=1e-12)


@each_set
def test_the_lines_of_figure_3_part_the_replies(name):
    plane = Quadrants(CHOICES[name], 400)
    xi1, xi2 = np.meshgrid(plane.net, plane.net)
    sides = [
        ("-+", "s = s0", plane.reply == 0),
        ("+-", "s = s_L", plane.reply == 0),
        ("+-", "s = s_H", plane.reply < 1),
    ]
    for regime, line, above in sides:
        height = xi2 - plane.slopes[line] * xi1
        clear = plane.at(regime) & (np.abs(height) > 1e-12)  # -3 xi1 meets centres of pixels
        assert clear.sum() > 39_000
        assert np.all(above[clear] == (height > 0)[clear]), line


# --- the paper's sentences

HOLD = {
    "1": "yyyyyyynyy",
    "2": "yyyy",
    "3": "yyyyyny",
    "4": "yynyyynnn",
    "5": "ynyyynnny",
    "throttling": "nn",
}
"""By figure: which of the sentences hold in set A."""
TURNED = {("4", 4)}
"""Sentences whose verdict set B turns: the place of almost always M1 first."""


@each_set
@each_figure
def test_verdicts(name, figure):
    verdicts = judge(figure, scene(name))
    expected = [mark == "y" for mark in HOLD[figure]]
    if name == "B":
        expected = [holds ^ ((figure, k) in TURNED) for k, holds in enumerate(expected)]
    assert [verdict.holds for verdict in verdicts] == expected
    for verdict in verdicts:
        assert verdict.why
        assert "{" not in verdict.why


@pytest.mark.skipif(not PAPER.exists(), reason=ABSENT)
def test_the_sentences_are_the_paper_s():
    text = paper()
    assert not [s.words for s in SENTENCES if absent(s.words, text) is not None]


def test_a_sentence_that_fails_has_an_erratum():
    errata = (ROOT / "docs" / "errata.md").read_text(encoding="utf-8")
    for name, figure in itertools.product(CHOICES, FIGURES):
        for verdict in judge(figure, scene(name)):
            assert verdict.holds or verdict.sentence.erratum
    for sentence in SENTENCES:
        assert not sentence.erratum or f'<a id="test_{sentence.erratum}"></a>' in errata


def test_the_cascade_of_the_left_panel_starts_where_all_lines_meet():
    """No plane around (0, 1/p1) is without it; below P = 1/p1 there is none."""
    for name in CHOICES:
        plane = scene(name).planes["-+"]
        where = plane.at("s0")
        penalties = np.broadcast_to(plane.penalty[:, None], where.shape)[where]
        assert penalties.min() > plane.choice.joint
        assert penalties.min() < plane.choice.joint * 1.02


def test_the_page_of_figures_is_what_the_script_writes():
    path = ROOT / "docs" / "paper_figures.py"
    spec = importlib.util.spec_from_file_location("paper_figures", path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    page = script.PAGE.read_text(encoding="utf-8")
    assert page == script.filled(page), "run: python docs/paper_figures.py"
    assert page.count("<!-- sentences: ") == len(FIGURES)
    assert page.count("“") == len(SENTENCES)


def test_formulas_are_read_without_latex():
    words = r"if $\hat{t}_i > Vp_i$ and $\min_i\lbrace c_i/p_i \rbrace \leq \Delta_U$ at $q^*$"
    told = plain(words)
    assert told.replace(FIRM, " ") == "if t̂ᵢ > Vpᵢ and minᵢ{cᵢ/pᵢ} ≤ Δ_U at q*"
    assert not any(letter in plain(s.words) for s in SENTENCES for letter in "\\$^")


# --- the pages


def maps(figure: str, drawn: Any) -> list[Any]:
    """The panels with a picture of pixels; colour bars have none."""
    return [axes for axes in drawn.axes if axes.images]


@pytest.mark.parametrize("figure", ["4", "5", "throttling"])
def test_maps_and_lines_are_drawn_in_the_same_coordinates(figure):
    """Each pixel covers the square around its game, and every line is drawn as it was computed."""
    small = scene("A", 11)
    with dressed():
        panels = maps(figure, draw(figure, small, ()))
    assert len(panels) == len(FIGURES[figure].panels)
    for axes, regime in zip(panels, ("-+", "+-", "++"), strict=False):
        plane, (image,) = small.planes[regime], axes.images
        left, right, bottom, top = image.get_extent()
        centres = (np.arange(11) + 0.5) / 11
        np.testing.assert_allclose(left + (right - left) * centres, plane.x)
        np.testing.assert_allclose(bottom + (top - bottom) * centres, plane.penalty)
        assert (image.origin, *axes.get_xlim(), *axes.get_ylim()) == (
            "lower", left, right, bottom, top
        )  # fmt: skip
        assert "c_1/p_1-c_2/p_2$ (units of $c_1$)" in axes.get_xlabel()
        assert "$P$ (units of $c_1$)" in axes.get_ylabel()
        if figure == "4":
            for line, drawn in zip(plane.borders, axes.lines, strict=False):
                np.testing.assert_array_equal(drawn.get_xydata().T, (line.x, line.penalty))


def test_figure_3_has_xi1_to_the_right_and_xi2_upwards():
    small = scene("A", 11)
    with dressed():
        (axes,) = maps("3", draw("3", small, ()))
    (image,) = axes.images
    np.testing.assert_array_equal(image.get_array(), small.quadrants.reply)
    assert image.origin == "lower"
    assert image.get_extent() == [*small.quadrants.edges]
    assert r"\xi_1" in axes.get_xlabel()
    assert r"\xi_2" in axes.get_ylabel()


@each_set
@each_figure
def test_nothing_overlaps(figure, name):
    """Panels, colour bars, legends and lines of text keep clear of each other and of the edge."""
    with dressed():
        assert_parts_keep_clear(draw(figure, scene(name, 101), judge(figure, scene(name))))


@each_set
@each_figure
def test_words_on_a_map_keep_clear_of_each_other(figure, name):
    with dressed():
        drawn = draw(figure, scene(name), ())
        drawn.draw_without_rendering()
        renderer = FigureCanvasAgg(drawn).get_renderer()
        for axes in drawn.axes:
            boxes = [(t.get_text(), t.get_window_extent(renderer)) for t in axes.texts]
            boxes = [(text, box) for text, box in boxes if text]
            pairs = itertools.combinations(boxes, 2)
            assert not [(a, b) for (a, one), (b, other) in pairs if one.overlaps(other)]
            frame = axes.bbox.padded(6)  # pixels: a line's name may sit on the frame
            for text, box in boxes if axes.images else []:
                assert all(frame.contains(*corner) for corner in box.corners()), text


def test_nothing_depends_on_the_reader_s_settings(tmp_path):
    first = [file.read_bytes() for file in write_figure("2", "A", tmp_path, size=11)]
    with mpl.rc_context({"font.size": 20, "font.family": "serif", "savefig.dpi": 30}):
        second = [file.read_bytes() for file in write_figure("2", "A", tmp_path, size=11)]
    assert first[1:] == second[1:]


def test_every_rule_line_and_array_has_a_look():
    planes = [scene(name).planes[regime] for name, regime in PLANES]
    seen = {str(rule) for plane in planes for rule in np.unique(plane.solution.rule)}
    assert seen == set(LOOKS) == set(RULES) - {"interior"}
    looks = {(look.colour, look.hatch) for look in LOOKS.values()}
    assert len(looks) == len({look.hatch for look in LOOKS.values()}) == 6
    first = scene("A").planes["++"]
    lines = {line.name for plane in planes for line in plane.borders} | {first.break_even.name}
    assert lines | {line.name for line in scene("A").quadrants.borders} == set(LINES)
    assert set(GUIDELINES) == set(REGIMES)


@each_figure
def test_a_figure_is_three_files_and_its_arrays_are_the_theory(figure, tmp_path):
    files = write_figure(figure, "B", tmp_path, size=41)
    endings = (".npz", ".png", ".svg")
    assert [file.name for file in files] == [f"figure-{figure}-B{ending}" for ending in endings]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert b"</svg>" in files[2].read_bytes()
    assert len(list(tmp_path.iterdir())) == 3
    with np.load(files[0]) as arrays:  # no pickle
        numbers = json.loads(str(arrays["parameters"]))
        assert json.loads(str(arrays["units"])) == UNITS
        for regime in FIGURES[figure].regimes:
            check_plane(arrays, numbers, regime)
        if figure == "2":
            np.testing.assert_allclose(arrays["chain"].sum(axis=1), 1)
        if figure == "3":
            check_quadrants(arrays, numbers)


def check_plane(arrays: Any, numbers: dict[str, Any], regime: str) -> None:
    """One pixel of a plane is the game that the file's own numbers make."""
    at = (7, 30)
    rows, columns = (arrays[axis] for axis in arrays["axes"])
    (p1, p2), latency = numbers["success"], tuple(arrays[f"latency {regime}"])
    cost = (numbers["c1"], p2 * (numbers["c1"] / p1 - columns[at[1]]))
    game = Game(numbers["value"], rows[at[0]], (p1, p2), latency, cost)
    eq = solve(game)
    assert game.regime == regime
    assert arrays["rules"][arrays[f"rule {regime}"][at]] == eq.rule
    assert arrays[f"cost {regime}"][at] == pytest.approx(eq.cost)
    assert arrays[f"abandon {regime}"][at] == eq.abandon
    assert arrays[f"gap {regime}"][at] == pytest.approx(eq.misalignment[0])
    s = arrays[f"cascade {regime}"][at]
    assert np.isnan(s) if eq.route == 2 else s == pytest.approx(eq.cascade[0])
    slowed = {way: name for name, way in THROTTLED.items()}.get(regime)
    if slowed and f"gain {slowed}" in arrays:
        quick = Game(game.value, game.penalty, game.success, tuple(numbers["quick"]), game.cost)
        gain = solve(quick).cost - eq.cost
        assert arrays[f"gain {slowed}"][at] == pytest.approx(gain, abs=1e-12)


def check_quadrants(arrays: Any, numbers: dict[str, Any]) -> None:
    """One pixel of Figure 3, by the reply to its game."""
    at = (2, 25)
    (p1, p2), value = numbers["success"], numbers["value"]
    latency = (value * p1 - arrays["xi1"][at[1]], value * p2 - arrays["xi2"][at[0]])
    game = Game(value, 1.0, (p1, p2), latency, (0.1, 0.2))
    assert arrays["reply"][at] == pytest.approx(best_reply(game, 1, 0.25).abandon, abs=1e-6)
