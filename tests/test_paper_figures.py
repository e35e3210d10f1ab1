"""The paper's figures: their border lines lie on the right pixels, and the picture does not depend on our choice."""

from __future__ import annotations

import importlib
import itertools
import json

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from routing_game.experiments.paper.maps import HEATS, LINES, LOOKS, RC, draw, write_figure
from routing_game.experiments.paper.planes import CHOICES, FIGURES, UNITS, Border, Plane
from routing_game.theory import RULES, Game, solve

REGIMES = ("++", "--", "-+", "+-")
PLANES = [
    pytest.param(CHOICES[name], regime, id=f"{name} {regime}")
    for name in CHOICES
    for regime in REGIMES
]


def pixels(plane: Plane, line: Border) -> np.ndarray:
    """(row, column) of a border's points, shape (n, 2), a pixel's centre at whole numbers; only points on the plane."""
    (c2_end, p_end), n = plane.choice.reach, plane.size
    points = np.stack(
        [line.penalty / p_end * n - 0.5, (line.c2 - 1) / (c2_end - 1) * n - 0.5], axis=1
    )
    return points[((points > -0.5) & (points < n - 0.5)).all(axis=1)]


def sides(plane: Plane, line: Border) -> tuple[np.ndarray, np.ndarray]:
    """The pixels, as (row, column), one pixel away on either side of a border; those on the plane on both sides."""
    points = pixels(plane, line)
    tangent = np.gradient(points, axis=0)
    normal = tangent[:, ::-1] * (1, -1) / np.linalg.norm(tangent, axis=1, keepdims=True)
    one, other = (np.rint(points + side * normal).astype(int) for side in (1, -1))
    inside = ((one >= 0) & (one < plane.size) & (other >= 0) & (other < plane.size)).all(axis=1)
    turn, meet = plane.choice.success[1] / plane.choice.success[0], 1 / plane.choice.success[0]
    joint = pixels(plane, Border("", np.array([turn]), np.array([meet])))
    clear = (
        np.abs(points - joint).max(axis=1) > 3
    )  # where the lines meet, another side is a pixel away too
    return one[inside & clear], other[inside & clear]


def changes(plane: Plane) -> np.ndarray:
    """(row, column) halfway between each two neighbouring pixels with different rules."""
    kind, found = np.asarray(plane.solution.kind), []
    for step in ((0, 1), (1, 0)):
        first = kind[: kind.shape[0] - step[0], : kind.shape[1] - step[1]]
        found.append(np.argwhere(first != kind[step[0] :, step[1] :]) + np.array(step) / 2)
    return np.concatenate(found)


def adjacency(plane: Plane) -> set[frozenset[str]]:
    """The pairs of rules that share a border of more than a few pixels."""
    kind, rules = np.asarray(plane.solution.kind), np.array(list(RULES))
    pairs = [*zip(kind[:, 1:].ravel(), kind[:, :-1].ravel(), strict=True)]
    pairs += [*zip(kind[1:].ravel(), kind[:-1].ravel(), strict=True)]
    found, count = np.unique(
        [sorted(pair) for pair in pairs if pair[0] != pair[1]], axis=0, return_counts=True
    )
    return {frozenset(rules[pair].tolist()) for pair in found[count > 3]}


@pytest.mark.parametrize(("choice", "regime"), PLANES)
def test_the_policy_differs_on_the_two_sides_of_a_border(choice, regime):
    plane = Plane(choice, regime)
    kind = np.asarray(plane.solution.kind)
    assert plane.borders
    for line in plane.borders:
        one, other = sides(plane, line)
        assert len(one) > 300, line.name
        assert np.all(kind[*one.T] != kind[*other.T]), line.name


@pytest.mark.parametrize(("choice", "regime"), PLANES)
def test_the_policy_changes_nowhere_else(choice, regime):
    plane = Plane(choice, regime)
    lines = np.concatenate([pixels(plane, line) for line in plane.borders])
    found = changes(plane)
    assert len(found) > 300
    for part in np.array_split(found, 20):
        gap = np.abs(part[:, None] - lines).max(axis=2).min(axis=1)
        assert gap.max() <= 1


@pytest.mark.parametrize("choice", CHOICES.values(), ids=CHOICES)
@pytest.mark.parametrize("regime", ["--", "-+", "+-"])
def test_the_gain_changes_sign_at_break_even(choice, regime):
    plane = Plane(choice, regime)
    sign = np.sign(plane.heat("gain"))
    one, other = sides(plane, plane.break_even)
    assert len(one) > 300
    assert set(sign[*one.T] * sign[*other.T]) == {-1.0}


@pytest.mark.parametrize("regime", REGIMES)
def test_the_picture_does_not_depend_on_the_choice(regime):
    """The same regions with the same neighbours, in the same order along every edge, and the same lines."""
    first, second = (Plane(choice, regime) for choice in CHOICES.values())
    assert first.choice != second.choice
    assert (
        first.game.regime.tolist()
        == np.full((401, 401), regime).tolist()
        == second.game.regime.tolist()
    )
    assert adjacency(first) == adjacency(second)
    assert [line.name for line in first.borders] == [line.name for line in second.borders]
    for edge in ((0, slice(None)), (-1, slice(None)), (slice(None), 0), (slice(None), -1)):
        orders = []
        for plane in (first, second):
            kind = np.asarray(plane.solution.kind)[edge]
            orders.append(kind[np.append(True, kind[1:] != kind[:-1])].tolist())
        assert orders[0] == orders[1]


@pytest.mark.parametrize("regime", ["--", "-+", "+-"])
def test_nor_does_where_throttling_gains_and_loses(regime):
    def signs(plane: Plane) -> set[tuple[str, int]]:
        sign = np.sign(np.round(plane.heat("gain"), 12)).astype(int)
        return set(zip(plane.solution.rule.ravel().tolist(), sign.ravel().tolist(), strict=True))

    first, second = (signs(Plane(choice, regime)) for choice in CHOICES.values())
    assert {pair for pair in first if pair[1]} == {pair for pair in second if pair[1]}


@pytest.mark.parametrize("name", FIGURES)
def test_maps_and_lines_are_drawn_in_the_same_coordinates(name):
    """Each pixel covers the square around its game, and every line is drawn as it was computed."""
    planes = [Plane(CHOICES["A"], regime, 11) for regime in FIGURES[name].regimes]
    figure = draw(name, "A", planes)
    panels = [axes for axes in figure.axes if axes.images]
    assert len(panels) == len(planes) * (len(FIGURES[name].heats) + 1)
    for k, axes in enumerate(panels):
        plane, (image,) = planes[k * len(planes) // len(panels)], axes.images
        left, right, bottom, top = image.get_extent()
        np.testing.assert_allclose(left + (right - left) * (np.arange(11) + 0.5) / 11, plane.c2)
        np.testing.assert_allclose(
            bottom + (top - bottom) * (np.arange(11) + 0.5) / 11, plane.penalty
        )
        assert (image.origin, *axes.get_xlim(), *axes.get_ylim()) == (
            "lower",
            left,
            right,
            bottom,
            top,
        )
        for line, drawn in zip(plane.borders, axes.lines, strict=False):
            np.testing.assert_array_equal(drawn.get_xydata().T, (line.c2, line.penalty))
        assert "$c_2$ (units of $c_1$)" in axes.get_xlabel()
        assert "$P$ (units of $c_1$)" in axes.get_ylabel()


@pytest.mark.parametrize("name", FIGURES)
def test_nothing_overlaps(name):
    """Panels and colour bars with their titles and labels, legends and headings keep clear of each other."""
    with mpl.rc_context(RC):
        figure = draw(
            name, "B", [Plane(CHOICES["B"], regime, 101) for regime in FIGURES[name].regimes]
        )
        figure.draw_without_rendering()
        parts = [*figure.axes, *figure.legends, *figure.texts]
        boxes = [part.get_tightbbox(FigureCanvasAgg(figure).get_renderer()) for part in parts]
    assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if a.overlaps(b)]
    assert all(figure.bbox.contains(*corner) for box in boxes for corner in box.corners())


def test_the_lines_of_a_plane_meet():
    for choice in CHOICES.values():
        joint = (choice.success[1] / choice.success[0], 1 / choice.success[0])
        for regime in ("-+", "+-"):
            for line in Plane(choice, regime).borders:
                ends = [(line.c2[k], line.penalty[k]) for k in (0, -1)]
                assert any(end == pytest.approx(joint) for end in ends), line.name


def test_every_rule_line_and_map_has_a_look():
    seen = {
        rule
        for choice in CHOICES.values()
        for r in REGIMES
        for rule in np.unique(Plane(choice, r, 51).solution.rule)
    }
    assert seen == set(LOOKS) == set(RULES) - {"interior"}
    assert (
        len({(colour, hatch) for *_, colour, hatch in LOOKS.values()})
        == len({h for *_, h in LOOKS.values()})
        == 6
    )
    drawn = {line.name for regime in REGIMES for line in Plane(CHOICES["A"], regime).borders}
    assert drawn | {"gain 0"} == set(LINES)
    assert {heat for subject in FIGURES.values() for heat in subject.heats} == set(HEATS)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_three_files_and_its_arrays_are_the_theory(name, tmp_path):
    files = write_figure(name, "B", tmp_path, size=41)
    assert [file.name for file in files] == [
        f"figure-{name}-B{ending}" for ending in (".npz", ".png", ".svg")
    ]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert b"</svg>" in files[2].read_bytes()
    assert len(list(tmp_path.iterdir())) == 3
    with np.load(files[0]) as arrays:  # no pickle
        numbers, units = json.loads(str(arrays["parameters"])), json.loads(str(arrays["units"]))
        assert units == UNITS
        rows, columns = (arrays[axis] for axis in arrays["axes"])
        for regime in FIGURES[name].regimes:
            at = (7, 30)
            game = Game(numbers["value"], rows[at[0]], numbers["success"], tuple(arrays[f"latency {regime}"]),
                        (numbers["c1"], columns[at[1]]))  # fmt: skip
            eq = solve(game)
            assert game.regime == regime
            assert arrays["rules"][arrays[f"rule {regime}"][at]] == eq.rule
            assert arrays[f"cost {regime}"][at] == pytest.approx(eq.cost)
            assert arrays[f"abandon {regime}"][at] == eq.abandon
            s = arrays[f"cascade {regime}"][at]
            assert np.isnan(s) if eq.route == 2 else s == pytest.approx(eq.cascade[0])
            if "gain" in FIGURES[name].heats:
                quick = Game(
                    game.value, game.penalty, game.success, tuple(numbers["quick"]), game.cost
                )
                assert arrays[f"gain {regime}"][at] == pytest.approx(solve(quick).cost - eq.cost)


def test_the_name_that_the_documentation_once_had_still_works():
    assert importlib.import_module("routing_game.experiments.maps").write_figure is write_figure
