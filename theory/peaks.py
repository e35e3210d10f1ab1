"""All global maxima, certified, of a user's utility as a function of one probability of staying.

Let x = 1 - q be the chance of staying after a failure. A task is served a second time with weight
x, a third time with weight x^2, and so on, so the utility is a power series U(x) = sum_m u_m x^m
whose m-th coefficient is what pass m + 1 brings if the user never leaves. Some passes are worth
their time, others are not: U = R - D, where R collects what passes with xi > 0 bring (the reward)
and D what those with xi < 0 take (the damage). R and D are power series with coefficients >= 0. On
[0, 1] all their derivatives are therefore convex and increasing, though those of U can have any
sign, and U any number of peaks.

**One inequality.** On a cell [a, b] a convex function lies below its chord and above its tangents.
So for convex f and g

    f - g  <=  (chord of f from a to b)  -  max(tangent of g at a, tangent of g at b),

which is largest at a, at b, or where the tangents cross. It is used three times:

    value       f, g = R, D        can the cell hold anything better than what has been seen?
    slope       f, g = R', D'      does U fall (or, with f and g exchanged, rise) on the whole cell?
    curvature   f, g = R'', D''    is U concave on the whole cell, so that it has one peak at most?

**Branch and bound.** Cells start as an even partition of [0, 1]. One that holds nothing better is
closed. One on which U is monotone is closed, because its best point is an end, which has been seen
(and if that is a peak, with U' = 0, it is kept as one). One on which U is concave is closed, and if
U' changes sign there, the zero of U' is a peak. All others are halved. Whatever the bounds cannot
decide shrinks until R and D are so straight that the value decides. Nothing is lost: no x in [0, 1]
has a utility above that of the peaks returned by more than the slack, 1e-12 of the gross payoff
R + D there (from x = 1/2 down, of the gross payoff at 1/2).

**Ends.** x = 0 and x = 1 are peaks if U falls from there inwards: the first derivative that is not
0 up to rounding decides. An end beside which U rises is none, although it may miss the peak next to
it by less than any tolerance; an end at which U' and U'' vanish and U''' decides is one, exactly.

All of it is done for many functions at once. Points are given by q, since near q = 0 a chain that
rarely ends asks for q to a small fraction of itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from routing_game.theory.numbers import TIE, Array

Jet = Callable[[Array, Array], Array]
"""From the functions' numbers, (n,), and points q, (n,), to the derivatives of R and D with respect
to x = 1 - q: orders 0 to 3, shape (4, 2, n)."""

_ROUNDING = 1e-13  # a derivative smaller than this part of its gross value counts as zero
_EPS = float(np.finfo(np.float64).eps)
_STEPS = 100


class Survey(NamedTuple):
    """B functions, each seen at the same points."""

    points: Array
    """q, (K,), falling from 1 to 0 through 1/2."""
    jets: Array
    """(4, 2, K, B)."""

    def of(self, whose: Array) -> Survey:
        """The same of some of the functions."""
        return Survey(self.points, self.jets[..., whose])


class _Cells(NamedTuple):
    """N intervals of x, each of one function."""

    owner: Array
    """Number of the function, (n,)."""
    left: Array
    """Q at the end with the smaller x (and the larger q)."""
    right: Array
    at_left: Array
    """The function's jet there, (4, 2, n)."""
    at_right: Array

    def where(self, chosen: Array) -> _Cells:
        return _Cells(*(x[..., chosen] for x in self))


def favourite_peak(user: Jet, ally: Jet, count: int, cells: int = 16) -> Array:
    """The best q, (B,), for the user; of equals, or if q is of no effect, the best for its ally.

    Args:
        user: U, as R and D, of functions 0 to B - 1.
        ally: the same of what the user's ally gains.
        count: B.
        cells: number of cells to begin with, even. U counts as constant if its slope vanishes at
            all their ends, so there should be more of them than a slope can have zeros by chance.

    Raises:
        ValueError: a task that nobody leaves goes on for more than about 1e75 passes.
    """
    seen, best = survey(user, count, cells), np.empty(count)
    constant = is_constant(seen)
    for jet, whose in ((user, np.flatnonzero(~constant)), (ally, np.flatnonzero(constant))):
        if not whose.size:
            continue
        part = _renumbered(jet, whose)
        known = seen.of(whose) if jet is user else survey(part, whose.size, cells)
        owner, q = peaks(part, known)
        gained, lost = ally(whose[owner], q)[0]
        order = np.lexsort((q, lost - gained, owner))
        _, first = np.unique(owner[order], return_index=True)
        best[whose] = q[order[first]]
    return best


def _renumbered(jet: Jet, whose: Array) -> Jet:
    return lambda owner, q: jet(whose[owner], q)


def survey(jet: Jet, count: int, cells: int = 16) -> Survey:
    """Functions 0 to ``count`` - 1 at the ends of an even number of equal cells."""
    points = np.linspace(1.0, 0.0, cells + 1)
    owner = np.tile(np.arange(count), points.size)
    with np.errstate(over="ignore", invalid="ignore"):
        jets = jet(owner, np.repeat(points, count))
    if not np.all(np.isfinite(jets)):
        limit = "if the user stays, a pass must end the task with a chance of at least about 1e-75"
        raise ValueError(f"{limit}: slopes of the payoffs overflow")
    return Survey(points, jets.reshape(4, 2, points.size, count))


def is_constant(seen: Survey) -> Array:
    """Whether U does not depend on q, (B,): where it was seen its slope is 0 up to rounding."""
    reward, damage = seen.jets[1]
    return np.asarray(np.all(np.abs(reward - damage) <= TIE * (reward + damage), axis=0))


def peaks(jet: Jet, seen: Survey) -> tuple[Array, Array]:
    """(owner, q): for each function all global maxima of U over q in [0, 1], some more than once.

    Sorted by owner, then by q.
    """
    count, ends = seen.jets.shape[-1], _ends(seen)
    end, whose = np.nonzero(ends.peak)
    tops = [(whose, 1.0 - end), *_inner(jet, seen, ends.level)]
    owner, q = (np.concatenate(column) for column in zip(*tops, strict=True))
    order = np.lexsort((q, owner))
    owner, q = owner[order], q[order]
    reward, damage = jet(owner, q)[0]
    best = np.full(count, -np.inf)
    np.maximum.at(best, owner, reward - damage)
    slack = TIE * np.maximum(reward + damage, _gross_at_half(seen)[owner])
    global_ = reward - damage >= best[owner] - slack
    return owner[global_], q[global_]


def _gross_at_half(seen: Survey) -> Array:
    return np.asarray(seen.jets[0, :, seen.points.size // 2].sum(axis=0))


class _Ends(NamedTuple):
    """The ends of [0, 1], q = 1 and q = 0, of B functions: arrays (2, B)."""

    peak: Array
    """Whether U falls from there inwards, or does not change."""
    level: Array
    """Whether, besides, U' = 0 there up to rounding: a zero of U' next to the end is the end."""


def _ends(seen: Survey) -> _Ends:
    """Inwards x rises from 0 and falls from 1; the first derivative not 0 up to rounding tells."""
    jets = seen.jets[1:, :, [0, -1]]
    turns = np.array([[1, -1], [1, 1], [1, -1]])[..., None]
    slopes = turns * (jets[:, 0] - jets[:, 1])
    signs = np.where(np.abs(slopes) > _ROUNDING * jets.sum(axis=1), np.sign(slopes), 0)
    first = np.argmax(signs != 0, axis=0)[None]
    peak = np.take_along_axis(signs, first, axis=0)[0] <= 0
    return _Ends(peak, peak & (signs[0] == 0))


def _inner(jet: Jet, seen: Survey, level: Array) -> list[tuple[Array, Array]]:
    """(owner, q) of peaks between the ends, in lots; all global ones are among them."""
    half = _gross_at_half(seen)
    best = (seen.jets[0, 0] - seen.jets[0, 1]).max(axis=0)
    cells, lots = _first_cells(seen), []
    while cells.owner.size:
        slack = TIE * np.maximum(cells.at_left[0].sum(axis=0), half[cells.owner])
        surplus = _bound(cells, 0) - best[cells.owner]
        cells, surplus, slack = (cells.where(k := surplus >= -slack), surplus[k], slack[k])
        concave = (_bound(cells, 2) <= 0) | (surplus <= slack)
        monotone = _monotone(cells)
        first, last = level[:, cells.owner]
        end = (first & (cells.left == 1)) | (last & (cells.right == 0))
        lots.append(_summits(jet, cells.where(concave & ~monotone & ~end)))
        cells = _halves(jet, cells.where(~concave & ~monotone))
        np.maximum.at(best, cells.owner, cells.at_right[0, 0] - cells.at_right[0, 1])
    return lots


def _first_cells(seen: Survey) -> _Cells:
    cells, count = seen.points.size - 1, seen.jets.shape[-1]
    owner = np.tile(np.arange(count), cells)
    left, right = (np.repeat(q, count) for q in (seen.points[:-1], seen.points[1:]))
    at_left, at_right = seen.jets[:, :, :-1], seen.jets[:, :, 1:]
    return _Cells(owner, left, right, *(x.reshape(4, 2, -1) for x in (at_left, at_right)))


def _bound(cells: _Cells, order: int, exchanged: bool = False) -> Array:
    """Upper bound on each cell of U's derivative of this order; exchanged: of that of -U."""
    f, g = (1, 0) if exchanged else (0, 1)
    a, b, h = cells.at_left, cells.at_right, cells.left - cells.right
    f_a, f_b = a[order, f], b[order, f]
    g_a, g_b, turn_a, turn_b = a[order, g], b[order, g], a[order + 1, g], b[order + 1, g]
    with np.errstate(invalid="ignore", divide="ignore"):
        share = (turn_b * h - (g_b - g_a)) / ((turn_b - turn_a) * h)  # where the tangents cross
        share = np.clip(np.where(turn_b > turn_a, share, 0.0), 0.0, 1.0)
        crossing = f_a + share * (f_b - f_a) - (g_a + share * h * turn_a)
    return np.asarray(np.maximum(np.maximum(f_a - g_a, f_b - g_b), crossing))


def _monotone(cells: _Cells) -> Array:
    """Whether U falls on all of a cell, or rises on it and beyond.

    Where it rises to a point with U' = 0 the next cell may fall from there: a peak, to be kept.
    """
    falls, rises = _bound(cells, 1) <= 0, _bound(cells, 1, exchanged=True) <= 0
    beyond = (cells.at_right[1, 0] > cells.at_right[1, 1]) | (cells.right == 0)
    return np.asarray(falls | (rises & beyond))


def _halves(jet: Jet, cells: _Cells) -> _Cells:
    """Each cell cut in two, those too small for it dropped."""
    middle = (cells.left + cells.right) / 2
    wide = (cells.right < middle) & (middle < cells.left)
    cells, middle = cells.where(wide), middle[wide]
    between = jet(cells.owner, middle)
    first = cells._replace(right=middle, at_right=between)
    second = cells._replace(left=middle, at_left=between)
    return _Cells(*(np.concatenate(pair, axis=-1) for pair in zip(first, second, strict=True)))


def _summits(jet: Jet, cells: _Cells) -> tuple[Array, Array]:
    """(owner, q) of the zero of U' in every cell on which it changes sign downwards."""
    rising, falling = (x[1, 0] - x[1, 1] for x in (cells.at_left, cells.at_right))
    turns = (rising >= 0) & (falling <= 0)
    cells, rising, falling = cells.where(turns), rising[turns], falling[turns]
    with np.errstate(invalid="ignore"):
        share = np.nan_to_num(falling / (falling - rising), nan=0.5)
    q = cells.right + share * (cells.left - cells.right)  # where a straight U' would be 0
    return cells.owner, _zero_of_slope(jet, cells.owner, cells.left, cells.right, q)


def _zero_of_slope(jet: Jet, owner: Array, left: Array, right: Array, q: Array) -> Array:
    """Newton's method on U' in a shrinking bracket; a step that does not halve the last bisects."""
    last = left - right
    moving = np.flatnonzero(left > right)
    for _ in range(_STEPS):
        if not moving.size:
            break
        at = jet(owner[moving], q[moving])
        slope, bend = at[1:3, 0] - at[1:3, 1]
        here = q[moving]
        left[moving] = np.where(slope >= 0, here, left[moving])
        right[moving] = np.where(slope <= 0, here, right[moving])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            there = here + slope / bend
            noise = 4 * _EPS * np.abs(at[1].sum(axis=0) / bend)
        newton = (bend < 0) & (right[moving] < there) & (there < left[moving])
        newton &= np.abs(there - here) <= last[moving] / 2
        there = np.where(newton, there, (left[moving] + right[moving]) / 2)
        q[moving], last[moving] = there, np.abs(there - here)
        moving = moving[last[moving] > np.maximum(np.spacing(there), np.nan_to_num(noise))]
    return q
