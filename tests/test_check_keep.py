"""What learners ended with, as policies: they play what they were judged by, and nothing old."""

import json
from pathlib import Path

import numpy as np
import pytest

from routing_game.agents import load_provider, load_user
from routing_game.envs import ProviderEnv
from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.check.learners import CHECK
from routing_game.experiments.cli import main
from routing_game.theory import GAMES, payoffs

CHECKED = ["check", "--profile", "smoke", "--games", "t4-cascade", "--engine", "serial"]
CHECKED += ["--learners", "ucb,ppo-user,ppo-user-model", "--seeds", "1"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("kept") / "run"
    assert main([*CHECKED, "--out", str(out), "--keep-policies"]) == 0
    return out


def traces(run: Path):
    records = RunDirectory.open(CHECK, run).records()
    return {record.learner: record.trace for record in records}


def cell(run: Path, learner: str) -> Path:
    return run / "policies" / f"{learner}__t4-cascade__000"


def test_a_provider_is_the_commitment_it_recommended(run: Path) -> None:
    trace = traces(run)["ucb"]
    provider = load_provider(cell(run, "ucb"))
    assert tuple(provider.recommend()) == (trace.route[-1], trace.cascade[-1])


@pytest.mark.parametrize("learner", ["ppo-user", "ppo-user-model"])
def test_a_user_answers_as_it_was_judged(run: Path, learner: str) -> None:
    trace, user = traces(run)[learner], load_user(cell(run, learner))
    last = slice(len(trace.route) - 102, None)
    for model, leave in ((1, trace.leave_1), (2, trace.leave_2)):
        asked = trace.route[last], trace.cascade[last]
        said = user.abandon(*asked) if learner == "ppo-user" else user.abandon_after(*asked, model)
        runs = (np.array(trace.route[last]) == 1) | (model == 2)  # no M1 on route 2
        np.testing.assert_allclose(said[runs], np.array(leave[last])[runs])
    assert user.observes == {"ppo-user": "strategy", "ppo-user-model": "model"}[learner]


def test_kept_policies_play_in_environments_and_tournaments(run: Path, capsys) -> None:
    user = load_user(cell(run, "ppo-user"))
    env = ProviderEnv("t4-cascade", user=user)
    env.reset(seed=0)
    assert env.step((1, 0.305))[-1]["abandon"] == float(user.abandon(1, 0.305))
    words = ["tournament", "t4-cascade", "--json"]
    words += ["--provider", str(cell(run, "ucb")), "--user", str(cell(run, "ppo-user"))]
    assert main(words) == 0
    table = json.loads(capsys.readouterr().out)
    route, s = load_provider(cell(run, "ucb")).recommend()
    paid = payoffs(GAMES["t4-cascade"], route, s, user.abandon(route, s))
    met = table["cost"]["ucb__t4-cascade__000"]["ppo-user__t4-cascade__000"]
    assert met == pytest.approx(float(paid.cost), rel=1e-12)


def test_a_policy_that_is_not_there_may_be_a_zip(tmp_path: Path, capsys) -> None:
    (tmp_path / "model.zip").write_bytes(b"")
    (tmp_path / "empty").mkdir()
    for place, words in (
        ("nowhere", "nowhere (No such file or directory)"),
        ("model", f"model, perhaps {tmp_path / 'model.zip'} (No such"),
        ("empty", "empty (No such file or directory: policy.json)"),
    ):
        assert main(["tournament", "t4-cascade", "--user", str(tmp_path / place)]) == 2
        assert f"save_policy, got {tmp_path / words}" in capsys.readouterr().err


def test_a_tournament_says_whom_it_cannot_seat(run: Path, capsys) -> None:
    place = str(cell(run, "ppo-user-model"))
    assert main(["tournament", "t4-cascade", "--user", place]) == 2
    assert 'observes="model"' in capsys.readouterr().err
    place = str(cell(run, "ucb"))
    assert main(["tournament", "t4-cascade", "--provider", place, "--provider", place]) == 2
    assert "two would be called" in capsys.readouterr().err
    assert main(["tournament", "t4-cascade", "--user", place]) == 2
    assert "expected a user" in capsys.readouterr().err


def test_policies_of_a_run_made_without_them_and_none_of_cells_that_are_gone(
    run: Path, capsys
) -> None:
    record = run / "cells" / "ucb__t4-cascade__000.json"
    before, text = (cell(run, "ucb") / "policy.json").read_text(), record.read_text()
    record.unlink()
    assert main(["report", str(run), "--keep-policies"]) == 0
    assert not (cell(run, "ucb") / "policy.json").exists()
    record.write_text(text)
    assert main(["report", str(run), "--keep-policies"]) == 0
    assert (cell(run, "ucb") / "policy.json").read_text() == before
    assert "policies: " in capsys.readouterr().out


def test_the_hidden_suite_has_no_policies_to_keep(capsys, tmp_path: Path) -> None:
    words = ["check", "--suite", "hidden", "--keep-policies", "--out", str(tmp_path / "run")]
    assert main(words) == 2
    assert "expected --keep-policies of learners" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []
