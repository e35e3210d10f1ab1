"""The judging of facts and the report: exact, complete, self-contained."""

import base64
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import polars as pl
import pytest
from matplotlib.figure import Figure
from scipy import stats

from routing_game.agents import UCB, BestResponseUser, StoppingUser
from routing_game.experiments.cells.records import Record, RunDirectory
from routing_game.experiments.cells.run import run
from routing_game.experiments.cells.spec import Plan, Spec
from routing_game.experiments.check import game_figure
from routing_game.experiments.check.cost_curve import draw_costs
from routing_game.experiments.check.judge import WITHIN, grid_floor, judge, user_answers
from routing_game.experiments.check.known import GROUPS, control, group
from routing_game.experiments.check.learners import LEARNERS, Learner
from routing_game.experiments.check.report import interval, quiet, times, write_report
from routing_game.experiments.check.sentences import (
    answer,
    of_them,
    percent,
    practice_words,
    reason,
    rules,
    seeds_of,
)
from routing_game.experiments.check.shades import shade
from routing_game.experiments.check.suite import CHECK, make_spec
from routing_game.experiments.check.terminal import WIDTH, terminal_table
from routing_game.experiments.check.traces import NOTHING, QUESTIONS, Trace, user_trace
from routing_game.experiments.check.verdicts import HALF, MOST, least, standings, verdict
from routing_game.experiments.intervals import means, wilson
from routing_game.experiments.play import checkpoints, play
from routing_game.theory import GAMES, Commitment, Game, Task, outcome, payoffs, solve

BOTH = ("t4-cascade", "value-cheap")
QUICK = tuple(
    name for name in LEARNERS if not name.endswith("-sb3") or name in ("a2c-sb3", "ppo-user-sb3")
)
"""All, but of the controls that are slow one of either side."""
SPEC = replace(make_spec("smoke", BOTH, QUICK, seeds=2), profile="default")


def record(learner, game, seed, trace, error=None):
    return Record(learner, game, seed, SPEC.digest, "abc", 1.0, error, trace)


def provider(*commitments):
    return Trace(
        [*range(1, len(commitments) + 1)],
        [i for i, _ in commitments],
        [s for _, s in commitments],
        [],
        [],
    )


def report(directory):
    return write_report(judge(directory.spec, directory.records()), directory)


def table(directory):
    return terminal_table(judge(directory.spec, directory.records()))


# --- judging ---


def test_regret_is_that_of_the_paper_s_numbers():
    s0 = float(solve(GAMES["t4-cascade"]).cascade[0])
    trace = provider((2, 0.0), (1, 0.0), (1, s0))
    rows = judge(SPEC, [record("ucb", "t4-cascade", 0, trace)]).rows
    # THEORY, section 7: J* = .5824, route 2 costs .75, and leaving at once .15 + 1.5 x .7 = 1.2
    np.testing.assert_allclose(
        rows["regret"], [0.75 / 0.58235294 - 1, 1.2 / 0.58235294 - 1, 0], atol=1e-7
    )
    assert rows["route_right"].to_list() == [False, True, True]
    assert rows["q_right"].to_list() == [True, False, True]


@pytest.mark.parametrize("name", GAMES)
def test_the_exact_policy_has_no_regret(name):
    streams = [np.random.SeedSequence(1)], [np.random.SeedSequence(2)]
    (trace,) = LEARNERS["equilibrium"].train([GAMES[name]], 30, *streams)
    rows = judge(make_spec("default", (name,)), [record("equilibrium", name, 0, trace)]).rows
    assert rows["regret"].abs().max() < 1e-12
    assert rows["route_right"].all()
    assert rows["q_right"].all()


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize(
    ("learner", "user"), [("ppo-user", BestResponseUser), ("ppo-user-model", StoppingUser)]
)
def test_exact_users_have_no_regret(name, learner, user):
    trace = user_trace(user(GAMES[name]), [1])
    answers = user_answers(GAMES[name], learner, trace)
    assert answers["regret"].max() < 1e-12
    rows = judge(make_spec("default", (name,)), [record(learner, name, 0, trace)]).rows
    assert rows["q_error"].item() < 1e-12


def test_a_user_is_judged_by_the_utility_it_loses():
    game = GAMES["t4-cascade"]
    route, cascade = QUESTIONS
    never = Trace([1] * 102, route.tolist(), cascade.tolist(), [0.0] * 102, [0.0] * 102)
    regret = user_answers(game, "ppo-user", never)["regret"].to_numpy()
    # staying at s = 0 for good is worth (.3 - .4) / .3 = -1/3, leaving at the first failure -.1;
    # V = 1
    assert regret[0] == pytest.approx(1 / 3 - 0.1)
    assert regret[101] == 0  # route 2: staying is best


def test_answers_to_what_cannot_happen_do_not_count():
    game, (route, cascade) = GAMES["t4-cascade"], QUESTIONS
    best = StoppingUser(game)
    leave_1, leave_2 = (best.abandon_after(route, cascade, model) for model in (1, 2))
    leave_1 = np.where(route == 2, 1 - leave_1, leave_1)  # M1 never runs on route 2
    leave_2 = np.where(
        (route == 1) & (cascade == 0), 1 - leave_2, leave_2
    )  # nor M2 on route 1 without escalation
    trace = Trace([1] * 102, route.tolist(), cascade.tolist(), leave_1.tolist(), leave_2.tolist())
    answers = user_answers(game, "ppo-user-model", trace)
    for column in ("leave_1", "target_1"):
        assert answers.filter(pl.col(column).is_null())["route"].to_list() == [2]
    for column in ("leave_2", "target_2"):
        assert answers.filter(pl.col(column).is_null())["cascade"].to_list() == [0]
    row = judge(
        make_spec("default", ("t4-cascade",)), [record("ppo-user-model", "t4-cascade", 0, trace)]
    ).rows
    assert (row["q_error"].item(), row["regret"].item()) == (0, 0)


@pytest.mark.parametrize(
    ("first_cost", "yardstick"), [(-0.1, 0.2), (0.0, 1.0)]
)  # J* = c1 / p1 = -.2 or 0
def test_regret_is_no_gain_whatever_the_sign_of_the_optimal_cost(first_cost, yardstick):
    game = Game(2, 1, (0.5, 0.8), (0.1, 0.3), (first_cost, 0.6), ordered=False)
    spec = Spec("mine", {"g": game}, {"ucb": Plan(("g",), 10, 1)})
    row = judge(spec, [record("ucb", "g", 0, provider((2, 0.0)))]).rows
    assert row["regret"].item() == pytest.approx((0.75 - first_cost / 0.5) / yardstick)
    assert grid_floor(game) == 0


def test_a_game_that_costs_nothing_has_a_report(tmp_path):
    game = Game(2, 1, (0.5, 0.8), (0.1, 0.3), (0.0, 0.6))
    directory = RunDirectory.create(
        CHECK, tmp_path, Spec("mine", {"g": game}, {"ucb": Plan(("g",), 10, 1)})
    )
    directory.keep(
        Record("ucb", "g", 0, directory.spec.digest, None, 1.0, None, provider((2, 0.0)))
    )
    text = report(directory).read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "Profile <code>mine</code>." in text
    assert "1 seed decides nothing (it takes 4): ucb 0 of 1 within." in text


def test_the_interval_is_student_s_t():
    regrets = [0.1, 0.4, 0.2, 0.2, 0.3]
    frame = pl.DataFrame({"learner": ["a"] * 5 + ["b"] * 4, "regret": [*regrets, *regrets[:4]]})
    table = means(frame, ["learner"])
    low, high = stats.t.interval(0.95, 4, np.mean(regrets), stats.sem(regrets))
    assert table["mean"][0] - table["half"][0] == pytest.approx(low)
    assert table["mean"][0] + table["half"][0] == pytest.approx(high)
    assert table["n"].to_list() == [5, 4]
    assert np.isnan(table["half"][1])  # four say next to nothing


def test_summary_has_a_row_for_every_pair_and_counts_failures():
    records = [
        record("ucb", "t4-cascade", 0, provider((1, 0.25), (1, 0.9))),
        record("ucb", "t4-cascade", 1, provider((1, 0.25), (1, 0.25))),
        record("ucb", "value-cheap", 0, Trace([], [], [], [], []), "ValueError: no"),
    ]
    rows = {(row["learner"], row["game"]): row for row in judge(SPEC, records).summary.to_dicts()}
    assert len(rows) == sum(len(plan.games) for plan in SPEC.plans.values())
    row = rows["ucb", "t4-cascade"]
    assert (row["n"], row["failures"], row["practice"]) == (2, 0, 2)
    assert row["best"] < row["last"]
    assert row["best"] == pytest.approx(grid_floor(GAMES["t4-cascade"]))  # s = .25 is the best arm
    assert (rows["ucb", "value-cheap"]["n"], rows["ucb", "value-cheap"]["failures"]) == (0, 1)
    assert rows["ppo", "value-cheap"]["n"] == 0


def test_no_bandit_arm_beats_the_grid_floor():
    for game in GAMES.values():
        costs = [
            payoffs(game, i, s, BestResponseUser(game).abandon(i, s)).cost for i, s in UCB().arms
        ]
        assert grid_floor(game) == pytest.approx(min(costs) / solve(game).cost - 1, abs=1e-12)


# --- the loop ---


def test_checkpoints_are_log_spaced_and_end_at_the_end():
    looks = checkpoints(30_000)
    assert looks[0] == 10
    assert looks[-1] == 30_000
    ratios = np.diff(np.log(looks[5:]))
    assert ratios.max() < 1.5 * ratios.min()
    assert 300_000 in checkpoints(1_000_000)
    assert checkpoints(3) == [3]


def test_play_shows_the_provider_each_task_of_its_own_commitment():
    class Probe:
        def __init__(self):
            self.seen = []

        def act(self):
            return Commitment(1 + len(self.seen) % 2, 0.25)

        def update(self, commitment, task):
            self.seen.append((commitment, task))

        def recommend(self):
            return Commitment(2, 0.0)

    from routing_game.envs import ProviderEnv

    probe = Probe()
    assert [*play(ProviderEnv(GAMES["value-cheap"]), probe, 20, seed=5)][-1] == 20
    assert len(probe.seen) == 20
    for commitment, task in probe.seen:
        assert isinstance(task, Task)
        assert (task.standard == 0) == (commitment.route == 2)


# --- the report ---


class Page(HTMLParser):
    """What a test asks of a page: its text, its addresses and its tables' rows."""

    def __init__(self, text):
        super().__init__()
        self.text, self.addresses, self.ids, self.rows, self.pictures, self.tags = (
            [],
            [],
            set(),
            [],
            [],
            set(),
        )
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.add(tag)
        self.addresses += [
            attributes[key] for key in ("src", "href", "data", "action") if key in attributes
        ]
        self.ids.add(attributes.get("id"))
        if tag == "img":
            self.pictures.append(attributes)
        if tag == "tr":
            self.rows.append([])

    def handle_data(self, data):
        self.text.append(data)
        if self.rows and data.strip():
            self.rows[-1].append(data.strip())


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A tiny run of the `QUICK` learners, one of which is made to fail, on two games."""
    with pytest.MonkeyPatch.context() as patch:

        def broken(*_):
            raise RuntimeError("<b>diverged</b> & gone")

        patch.setitem(LEARNERS, "thompson", Learner("bandits", "broken", broken, {}))
        directory = RunDirectory.create(CHECK, tmp_path_factory.mktemp("run"), SPEC)
        assert sum(record.error is not None for record in run(directory, "serial")) == 4
    return directory


@pytest.fixture(scope="module")
def page(directory):
    return Page(report(directory).read_text(encoding="utf-8"))


def test_the_report_needs_nothing_from_outside(page):
    assert page.addresses
    beside = {"results.csv", "results.parquet"}  # written beside the page
    assert all(address.startswith(("#", "data:")) for address in {*page.addresses} - beside)
    assert beside <= {*page.addresses}
    assert not page.tags & {"script", "link", "iframe", "object"}
    assert {address[1:] for address in page.addresses if address.startswith("#")} <= page.ids


def test_the_report_has_a_picture_of_every_game_and_of_those_who_learn(page):
    described = [picture["alt"].split(":")[0] for picture in page.pictures]
    learn = [name for name in SPEC.plans if not control(name) and name != "thompson"]  # it failed
    assert described[0] == "every learner"
    assert {*described[1:3]} == {*described[3:5]} == {*SPEC.games}  # users played these, too
    assert described[5:] == [f"learner {name}" for name in learn]
    for picture in page.pictures:
        kind, data = picture["src"].split(",", 1)
        assert kind == "data:image/webp;base64"
        assert base64.b64decode(data)[8:12] == b"WEBP"


def test_the_report_s_table_has_every_pair_with_its_regret_practice_and_failures(page, directory):
    table = {}
    for row in page.rows:
        if row and row[0] in SPEC.plans and row[1] in SPEC.games:
            table.setdefault((row[0], row[1]), row)  # later ones are of the table of failures
    rows = judge(SPEC, directory.records()).summary.to_dicts()
    assert {*table} == {(row["learner"], row["game"]) for row in rows}
    for row in rows:
        shown = table[row["learner"], row["game"]]
        if row["n"]:
            assert percent(row["last"]) in shown
            assert f"{int(row['practice']):,} {LEARNERS[row['learner']].counts}" in shown
        else:
            assert shown[-1] == "2"
            assert row["learner"] == "thompson"


def test_the_report_names_failures_seeds_versions_and_commit(page, directory):
    text = " ".join(" ".join(page.text).split())
    assert text.count("RuntimeError: <b>diverged</b> & gone") == 4  # escaped, not bold
    assert "b" not in {tag for row in page.rows for tag in row}
    assert " 2 (0 to 1) " in text
    assert "torch 2" in text
    commit = next(directory.records()).commit
    assert (commit or "not a git checkout") in text
    assert SPEC.digest in text


def test_times_are_summed_by_learner_and_the_longest_comes_first(page):
    seconds = {"ucb": [1.0, 2.5], "gradient": [0.002, 0.004, 0.003], "thompson": [40.0]}
    records = [
        replace(record(name, "t4-cascade", seed, NOTHING, "ValueError: no"), seconds=each)
        for seed in range(3)
        for name, taken in seconds.items()
        for each in taken[seed : seed + 1]
    ]
    rows = times(judge(SPEC, records).done)
    assert [row["learner"] for row in rows] == ["thompson", "ucb", "gradient"]
    assert [row["cells"] for row in rows] == [1, 2, 3]
    np.testing.assert_allclose([row["each"] for row in rows], [40.0, 1.75, 0.003])
    np.testing.assert_allclose([row["all"] for row in rows], [40.0, 3.5, 0.009])
    assert "worker seconds" in " ".join(page.text)


def test_a_learner_whose_cells_failed_reaches_nothing(page, directory):
    judged = judge(SPEC, directory.records())
    found = {one.learner: one for one in standings(judged, "fresh", {})}
    assert found["thompson"].single_verdict == "failed"
    assert found["thompson"].worst is None
    text = " ".join(" ".join(page.text).split())
    assert "no verdict, as cells failed: thompson" in text
    assert f"{len(SPEC.cells())} of {len(SPEC.cells())} cells (" in text
    assert ") done, 4 of them failed . Profile" in text
    assert "0 of 0" not in text
    assert "no cell finished" in text


@pytest.mark.parametrize(
    ("learner", "game", "facts", "words"),
    [
        (
            "simultaneous",
            "t4-cascade",
            {"simultaneous": 9},
            "9 of 10 seeds end in the outcome of simultaneous play, which costs 0.168 a task more",
        ),
        ("ppo", "t4-cascade", {"route_right": 0.7}, "3 of 10 seeds end on the wrong route"),
        (
            "ppo",
            "t4-cascade",
            {"q_right": 0.8},
            "2 of 10 seeds end where the user answers otherwise than at the optimum",
        ),
        ("ppo", "t4-cascade", {}, "on average its s is 0.1 from the nearest optimal s"),
        ("zooming", "t4-cascade", {"last": 0.0063, "gap": 0.02}, "on average its s is 0.02 from"),
        ("oracle", "t4-cascade", {"last": 0.0167}, "on average its s is 0.1 from"),
        (
            "ucb-fixed",
            "t4-cascade",
            {"last": 0.0167},
            "the best commitment on its fixed grid loses 1.7 %",
        ),
        ("ucb-fixed", "t4-cascade", {"last": 0.1}, "on average its s is 0.1 from"),
        ("q-user", "t5-cascade", {}, "its q is off by 0.20 on average"),
        ("a-learner-of-old", "t4-cascade", {"gap": None}, ""),
    ],
)
def test_a_reason_is_what_was_measured(learner, game, facts, words):
    usual = {"route_right": 1.0, "q_right": 1.0, "gap": 0.1, "q_error": 0.2, "simultaneous": 0}
    told = reason(GAMES[game], row(learner, game, n=10, last=0.02) | usual | facts)
    assert told.startswith(words)
    assert bool(told) == bool(words)
    assert not any(guess in told for guess in ("noise", "because", "as it"))


def test_pairs_are_told_the_equilibrium_they_found(tmp_path):
    spec = make_spec("default", ("t4-cascade", "value-cheap"), ("simultaneous",), seeds=2)
    directory = RunDirectory.create(CHECK, tmp_path, spec)
    for seed, (s, q) in enumerate([(0.0, 1.0), (0.25, 0.0)]):
        for game in spec.games:
            trace = Trace([1], [1], [s], [q], [q])
            directory.keep(Record("simultaneous", game, seed, spec.digest, None, 1.0, None, trace))
    rows = {row["game"]: row for row in judge(spec, directory.records()).summary.to_dicts()}
    found = rows["t4-cascade"]
    assert (found["Stackelberg"], found["simultaneous"], found["neither"]) == (1, 0, 1)
    played = [payoffs(GAMES["t4-cascade"], 1, s, q).cost for s, q in [(0.0, 1.0), (0.25, 0.0)]]
    assert found["played"] == pytest.approx(np.mean(played) / solve(GAMES["t4-cascade"]).cost - 1)
    text = " ".join(report(directory).read_text().split())
    assert "t4-cascade: J* = 0.5824, simultaneous play costs 0.75" in text
    assert "value-cheap: J*" not in text  # there commitment is worth nothing


def test_who_seeks_simultaneous_play_is_held_against_that_too(tmp_path):
    """M2 alone, from which the user never leaves, is simultaneous play in this cascade."""
    spec = make_spec("default", ("t4-cascade",), ("gradient-simultaneous", "blocks"), seeds=2)
    directory = RunDirectory.create(CHECK, tmp_path, spec)
    for seed, q in enumerate((0.0, 1.0)):  # costs .75 and .6 + .2 x 1.5 = .9
        trace = Trace([1], [2], [0.0], [q], [q])
        for name in spec.plans:
            directory.keep(Record(name, "t4-cascade", seed, spec.digest, None, 1.0, None, trace))
    judged = judge(spec, directory.records())
    seekers = judged.rows.filter(learner="gradient-simultaneous").sort("seed")
    np.testing.assert_allclose(seekers["beside"], [0.0, 0.9 / 0.75 - 1], atol=1e-12)
    assert judged.rows.filter(learner="blocks")["beside"].to_list() == [None, None]
    assert judged.cells["beside"].null_count() == 2
    assert judged.summary["beside"].to_list() == [pytest.approx(0.1), None]
    words = "seek simultaneous play instead: gradient-simultaneous is 10 % off its cost"
    assert words in " ".join(table(directory).split())
    text = " ".join(report(directory).read_text().split())
    assert words in text
    assert "does not seek it" in text


def test_the_floor_of_the_grid_is_drawn_for_those_on_the_grid_alone(monkeypatch):
    drawn = []
    monkeypatch.setattr(game_figure, "draw_floor", lambda axes, floor: drawn.append(floor))
    game = GAMES["t4-cascade"]
    for learners in (["ucb", "zooming"], ["ucb", "ucb-fixed"]):
        records = [record(name, "t4-cascade", 0, provider((1, 0.25))) for name in learners]
        game_figure.game_figure(game, judge(SPEC, records).rows, learners)
    assert drawn == [grid_floor(game)]


def row(learner, game="g", n=2, failures=0, last=0.0, half=0.0):
    return {
        "learner": learner,
        "game": game,
        "n": n,
        "failures": failures,
        "last": last,
        "last_half": half,
    }


@pytest.mark.parametrize(
    ("within", "n", "level", "failures", "says"),
    [
        (2, 2, HALF, 0, "too few"),
        (0, 2, HALF, 0, "too few"),
        (4, 4, HALF, 0, "reaches"),
        (4, 4, HALF, 1, "failed"),
        (0, 4, HALF, 0, "misses"),
        (0, 4, HALF, 1, "misses"),
        (4, 5, HALF, 0, "undecided"),
        (9, 10, HALF, 0, "reaches"),
        (34, 34, MOST, 0, "too few"),
        (35, 35, MOST, 0, "reaches"),
        (90, 100, MOST, 0, "undecided"),
        (3, 8, MOST, 0, "misses"),
        (0, 2, MOST, 0, "misses"),
        (0, 1, MOST, 0, "too few"),  # one that is missed says nothing yet
        (0, 0, MOST, 0, "not run"),
        (0, 0, MOST, 2, "failed"),
    ],
)
def test_a_verdict_takes_evidence_beyond_doubt(within, n, level, failures, says):
    assert verdict(wilson(within, n), n, level, failures) == says


@pytest.mark.parametrize(
    ("within", "n", "failures", "says"),
    [
        (3, 3, 0, "not run"),
        (4, 5, 0, "not run"),
        (4, 4, 0, "reaches"),
        (0, 4, 0, "misses"),
        (3, 3, 1, "failed"),
        (0, 0, 0, "not run"),
    ],
)
def test_while_cells_wait_there_is_no_too_little(within, n, failures, says):
    assert verdict(wilson(within, n), n, HALF, failures, waiting=1) == says


def test_how_many_it_takes_follows_from_the_interval():
    for level in (HALF, MOST):
        n = least(level)
        assert stats.binomtest(n, n).proportion_ci(method="wilson").low > level
        assert stats.binomtest(n - 1, n - 1).proportion_ci(method="wilson").low <= level


def answered(regrets, games=("t4-cascade", "value-cheap"), failing=()):
    """The answer on a run in which each learner's seeds end where M2 alone or the optimum is.

    `regrets` has for each learner how many seeds end wrong on the first game, of so many.
    """
    plans = {name: Plan(games, 1, n) for name, (_, n) in regrets.items()}
    spec = Spec("mine", {name: GAMES[name] for name in games}, plans)
    records = []
    for cell in spec.cells():
        piece = solve(GAMES[cell.game]).pieces[0]
        right = (piece.route, float(piece.cascade[0]))
        wrong = cell.game == games[0] and cell.seed < regrets[cell.learner][0]
        failed = cell.learner in failing and cell.seed == 0
        trace = NOTHING if failed else provider((2, 0.0) if wrong else right)
        error = "ValueError: no" if failed else None
        records.append(Record(*cell, spec.digest, "abc", 1.0, error, trace))
    judged = judge(spec, records)
    return dict(answer(judged, "fresh", {}, standings(judged, "fresh", {})))


def test_who_reaches_it_is_counted_group_by_group_and_controls_are_not():
    told = answered({"ucb": (0, 5), "ppo": (5, 5), "blocks": (0, 5), "constant": (5, 5)})
    assert told["Catalog"] == (
        "2 games, on which settings were chosen: 1 of 2 providers reaches the equilibrium on all "
        "of them (ucb); the pair (blocks) reaches the equilibrium on all of them."
    )
    words = "ppo (29 % of J* on t4-cascade: all 5 seeds end on the wrong route)."
    assert told["The rest"] == f"The equilibrium is missed by {words}"


@pytest.mark.parametrize(
    ("regrets", "said"),
    [
        ({"ucb": (0, 5)}, "the provider (ucb) reaches the equilibrium on all of them."),
        (
            {"ucb": (5, 5)},
            "the provider (ucb 5 of 10 seeds within) misses the equilibrium on at least one of "
            "them.",
        ),
        ({"ucb": (0, 5), "ppo": (0, 5)}, "both providers reach the equilibrium on all of them"),
        (
            {"ucb": (0, 5), "ppo": (0, 5), "zooming": (0, 5)},
            "all 3 providers reach the equilibrium on all of them (ucb, ppo and zooming).",
        ),
        (
            {"ucb": (5, 5), "ppo": (5, 5), "zooming": (0, 5)},
            "1 of 3 providers reaches the equilibrium on all of them (zooming).",
        ),
        (
            {"ucb": (5, 5), "ppo": (5, 5)},
            "both providers miss the equilibrium on at least one of them (ucb 5 of 10 seeds "
            "within, ppo 5 of 10).",
        ),
    ],
)
def test_groups_of_one_two_and_many_are_counted_in_plain_words(regrets, said):
    assert f"chosen: {said}" in answered(regrets)["Catalog"]


@pytest.mark.parametrize(
    ("some", "n", "words"),
    [(1, 1, "its seed"), (2, 2, "both seeds"), (5, 5, "all 5 seeds"), (2, 5, "2 of 5 seeds")],
)
def test_seeds_are_counted_in_plain_words(some, n, words):
    assert seeds_of(some, n) == f"{words} end{'s' * (n == 1)}"


@pytest.mark.parametrize(
    ("cascades", "games", "words"),
    [
        (0, 1, "no cascade"),
        (1, 1, "a cascade"),
        (0, 3, "none of them a cascade"),
        (1, 3, "1 of them a cascade"),
        (2, 3, "2 of them cascades"),
        (3, 3, "all cascades"),
    ],
)
def test_cascades_are_counted_in_plain_words(cascades, games, words):
    assert of_them(cascades, games) == words


def test_blind_pairs_alone_are_not_said_to_miss_what_they_do_not_seek():
    told = answered({"simultaneous": (5, 5)})["The rest"]
    assert told.startswith("Pairs whose user does not see s seek simultaneous play instead: sim")
    both = answered({"simultaneous": (5, 5), "ucb": (0, 5)})["The rest"]
    assert both.startswith(
        "No learner that seeks it misses the equilibrium; none loses anything. Pairs"
    )


def test_practice_is_told_learner_by_learner_and_how_to_make_it_the_same():
    games = ("t4-cascade",)
    table = {name: GAMES[name] for name in games}

    def said(**practice):
        plans = {name.replace("__", ":"): Plan(games, n, 1) for name, n in practice.items()}
        return practice_words(Spec("mine", table, plans))

    assert said(ucb=3000) == "Practice of a cell: 3,000 tasks."
    assert said(ucb=3000, mine__Greedy=300, ppo=3000) == (
        "Practice of a cell: 300 tasks of mine:Greedy; 3,000 tasks of ucb and ppo. "
        "With --tasks N everyone has N."
    )
    many = said(constant=10, random=20, gradient=30, ucb=40, mine__Greedy=300)
    assert many == (
        "Practice of a cell: 300 tasks of mine:Greedy; 10 tasks to 300 tasks (all are in the "
        "report). With --tasks N everyone has N."
    )


def test_two_seeds_are_too_few_for_a_verdict():
    told = answered({"ucb": (0, 2), "ppo": (1, 2), "zooming": (0, 5)})
    assert told["Catalog"] == (
        "2 games, on which settings were chosen: 1 of 3 providers reaches the equilibrium on all "
        "of them (zooming); 2 seeds on each of them decide nothing (it takes 4): ucb 4 of 4 "
        "within, ppo 3 of 4."
    )
    assert told["The rest"].startswith("The most is lost by ppo (")


def test_three_seeds_are_told_seed_by_seed():
    told = answered({"ucb": (3, 3), "structural": (0, 3), "zooming": (0, 3)}, ("t4-cascade",))
    assert told["Catalog"] == (
        "1 game, on which settings were chosen: 3 seeds decide nothing (it takes 4): "
        "ucb 0 of 3 within, structural 3 of 3, zooming 3 of 3."
    )
    words = (
        "The most is lost by ucb (29 % of J* on t4-cascade: all 3 seeds end on the wrong route)."
    )
    assert told["The rest"] == words


def test_of_many_learners_with_few_seeds_those_always_within_are_named():
    names = ("ucb", "ppo", "zooming", "structural", "thompson", "td3", "blocks")
    told = answered({name: (name == "ppo", 1 + (name != "td3")) for name in names})["Catalog"]
    assert told.endswith(
        "1 to 2 seeds on each of them decide nothing (it takes 4) on 6 providers and 1 pair; "
        "of these always within: ucb, zooming, structural, thompson, td3 and blocks."
    )


def test_who_lost_nothing_in_few_seeds_is_not_said_to_reach_it():
    told = answered({"ucb": (0, 2)})["The rest"]
    assert told == "No seed that finished loses anything."


def test_a_learner_that_failed_somewhere_does_not_reach_it_everywhere():
    told = answered({"ucb": (0, 6), "ppo": (0, 6)}, failing=("ppo",))
    assert "1 of 2 providers reaches the equilibrium on all of them (ucb)" in told["Catalog"]
    assert "no verdict, as cells failed: ppo" in told["Catalog"]


def test_a_learner_that_played_few_games_is_not_said_to_reach_it_on_every_game():
    games = {name: GAMES[name] for name in ("t4-cascade", "t5-cascade", "value-cheap")}
    plans = {"ucb": Plan(tuple(games), 1, 4), "ppo-user": Plan(("t4-cascade",), 1, 4)}
    spec = Spec("mine", games, plans)
    records = []
    for cell in spec.cells():
        piece = solve(games[cell.game]).pieces[0]
        trace = provider((piece.route, float(piece.cascade[0])))
        if cell.learner == "ppo-user":
            trace = user_trace(BestResponseUser(games[cell.game]), [1])
        records.append(Record(*cell, spec.digest, "abc", 1.0, None, trace))
    judged = judge(spec, records)
    told = dict(answer(judged, "fresh", {}, standings(judged, "fresh", {})))["Catalog"]
    assert told == (
        "3 games, on which settings were chosen: the provider (ucb) reaches the equilibrium on "
        "all of them. On the game that they played, the user (ppo-user) reaches the equilibrium."
    )


@pytest.mark.parametrize(
    ("learners", "said", "unsaid"),
    [
        (("ucb",), ["2 % of J*"], ["brackets", "Controls", "of V"]),
        (("ucb", "constant"), ["2 % of J*", "Controls are"], ["brackets", "of V"]),
        (("q-user",), ["at most 0.5 % of V, the value"], ["J*", "brackets", "Controls"]),
        (("ucb", "q-user"), ["of J*, the least cost of a task; users 0.5 % of V"], ["brackets"]),
    ],
)
def test_the_foot_of_the_table_explains_what_is_in_it_alone(learners, said, unsaid):
    games = ("t4-cascade",)
    spec = Spec(
        "mine", {"t4-cascade": GAMES["t4-cascade"]}, {name: Plan(games, 1, 1) for name in learners}
    )
    foot = terminal_table(judge(spec, [])).rpartition("\n\n")[2]
    assert all(words in foot for words in [*said, "Practice of a cell: 1 task."])
    assert not any(words in foot for words in unsaid)


@pytest.mark.parametrize(("scale", "said"), [(1.0, ""), (40.0, "above")])
def test_a_level_of_route_2_beyond_the_axis_is_told_in_its_panel(scale, said):
    game = GAMES["t4-cascade"]
    dear = Game(game.value, game.penalty, game.success, game.latency, (game.cost[0], 0.8 * scale))
    figure = Figure()
    axes, side = figure.subplots(1, 2)
    draw_costs(axes, side, dear, "")
    level = float(outcome(dear, 2, 0.0).cost)
    assert (level > side.get_ylim()[1]) == bool(said)
    told = [text.get_text() for text in side.texts]
    assert told == ([f"{level:.3g}:\nabove\nthe axis"] if said else [])


def test_nobody_learned_in_a_run_of_controls():
    assert "Nobody learned" in answered({"equilibrium": (0, 2)})["Answer"]


def test_who_is_a_control():
    told = {name: control(name) for name in LEARNERS}
    assert {name for name, words in told.items() if words == "stable-baselines3"} == {
        name for name in LEARNERS if name.endswith("-sb3")
    }
    for name in ("constant", "random", "equilibrium", "ucb-fixed", "exp3", "a2c-plain"):
        assert group(name) == "controls"
    for name in ("ucb", "ppo", "td3", "structural", "mine:Agent-plain"):
        assert group(name) == "providers"
    assert group("reinforce-blind") == "blind pairs"


def test_a_learner_that_this_version_lacks_is_told_by_its_name():
    for name, learner in LEARNERS.items():  # by which the role of an unknown one is guessed
        assert ("user" in name.split("-")) == (learner.role == "user")
    assert LEARNERS["spsa-of-old"].family == "unknown"
    assert LEARNERS["spsa-user-of-old"].role == "user"


def test_a_run_with_a_learner_that_this_version_lacks_has_a_report(tmp_path):
    games = {"t4-cascade": GAMES["t4-cascade"]}
    plans = {name: Plan(("t4-cascade",), 1, 2) for name in ("of-old", "user-of-old", "ucb")}
    directory = RunDirectory.create(CHECK, tmp_path, Spec("mine", games, plans))
    for cell in directory.spec.cells():
        trace = provider((1, 0.5))
        if cell.learner == "user-of-old":
            trace = user_trace(BestResponseUser(games["t4-cascade"]), [1])
        directory.keep(Record(*cell, directory.spec.digest, None, 1.0, None, trace))
    text = report(directory).read_text(encoding="utf-8")
    assert "of-old" in table(directory)
    assert "not known to this version" in text


def test_what_is_within_the_limit_is_not_shaded():
    def depth(last):
        return 255 - int(shade({"last": last}).split(",")[-1].rstrip(")"))

    assert depth(0.0) == depth(0.0087) == depth(WITHIN["provider"]) == 0
    beyond = [depth(last) for last in (0.0201, 0.05, 0.3, 1.0)]
    assert beyond == sorted({*beyond})
    assert beyond[0] > 10
    assert depth(3.0) == beyond[-1]


def test_quiet_games_are_those_on_which_nobody_who_learns_loses():
    records = [
        record("ucb", "value-cheap", 0, provider((1, 0.0))),
        record("constant", "value-cheap", 0, provider((2, 0.0))),  # a control may lose
        record("ucb", "t4-cascade", 0, provider((1, 0.9))),
    ]
    assert quiet(judge(SPEC, records), BOTH) == ["value-cheap"]


def test_a_profile_is_called_changed_when_it_was(page, tmp_path):
    assert "Profile default , changed." in " ".join(" ".join(page.text).split())
    usual = report(RunDirectory.create(CHECK, tmp_path, make_spec("default"))).read_text()
    assert "Profile <code>default</code>." in usual


@pytest.mark.parametrize(
    ("mean", "half", "n", "words"),
    [
        (0.02, 0.004, 5, " (1.6 to 2.4)"),
        (0.02, 0.5, 5, " (0 to 52)"),
        (0.02, 0.5, 4, ""),
        (0.02, float("nan"), 1, ""),
        (0.0, 0.1, 9, ""),
    ],
)
def test_an_interval_needs_seeds_and_does_not_go_below_zero(mean, half, n, words):
    assert interval(mean, half, n) == words


def test_the_terminal_has_an_answer_and_a_line_for_each_learner_within_its_width(directory):
    lines = table(directory).splitlines()
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("Catalog. ")
    rows = [line.split() for line in lines if line.startswith("  ")]
    by_name = {words[0]: words[1:] for words in rows if words[0] in SPEC.plans}
    assert {*by_name} == {*SPEC.plans}
    assert by_name["equilibrium"] == ["4", "of", "4", "0", "%"]
    assert by_name["thompson"][-2:] == ["all", "failed"]


def test_a_run_that_has_only_begun_can_be_reported(tmp_path, directory):
    begun = RunDirectory.create(CHECK, tmp_path, SPEC)
    assert "not run" in table(begun)
    assert "No cell of a learner is finished." in report(begun).read_text()
    begun.keep(next(directory.records()))
    assert "equilibrium" in report(begun).read_text()


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0"),
        (-1e-17, "0"),
        (9e-6, "0"),
        (1.1e-5, "0.0011"),
        (0.0001234, "0.012"),
        (0.0199, "2.0"),
        (0.999, "100"),
        (1.0604, "106"),
    ],
)
def test_percent_has_two_digits_and_no_exponent(share, words):
    assert percent(share) == words


def test_the_cost_curve_is_drawn_with_its_jump():
    """In t4-cascade the cost falls from 1.2 to .5824 at s0, with an open circle on either side."""
    game = GAMES["t4-cascade"]
    axes, side = Figure().subplots(1, 2)
    draw_costs(axes, side, game, "cost")
    jump = next(
        line for line in axes.lines if line.get_marker() == "o" and len(line.get_xdata()) == 2
    )
    assert list(jump.get_xdata()) == pytest.approx([4 / 19] * 2)
    assert sorted(jump.get_ydata()) == pytest.approx([solve(game).cost, 1.2], abs=1e-4)


def test_rules_speak_of_what_is_there_alone():
    every = rules(True, True, set(GROUPS))
    assert all(words in every for words in ("J*", "of V", "fresh games", "single game", "Controls"))
    users = rules(False, True, {"users"})
    assert "at most 0.5 % of V." in users
    assert not any(words in users for words in ("J*", "fresh games", "Controls", "35 games"))
    assert "which takes 35 games)" in rules(True, False, {"providers"})
    assert rules(False, False, {"controls"}).endswith("of J*. Controls are not counted.")


def test_of_a_group_of_which_some_are_open_those_who_miss_are_named():
    told = answered({"ucb": (0, 2), "ppo": (5, 5), "zooming": (0, 2)})["Catalog"]
    assert (
        "1 of 3 providers misses the equilibrium on at least one of them (ppo 5 of 10 seeds within)"
        "; 2 seeds on each of them decide nothing (it takes 4): ucb 4 of 4 within, zooming 4 of 4."
    ) in told
