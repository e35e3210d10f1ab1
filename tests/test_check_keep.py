"""What learners ended with, as policies: they play what they were judged by, and nothing old."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binom
from stable_baselines3 import PPO

from routing_game.agents import (
    load_provider,
    load_user,
    save_policy,
    sb3_users,
    stacked_ppo_users,
    stacked_q_users,
)
from routing_game.agents.kept import Whole
from routing_game.envs import ProviderEnv, UserEnv
from routing_game.experiments.cells.records import RunDirectory
from routing_game.experiments.check.learners import LEARNERS
from routing_game.experiments.check.suite import CHECK, learn, make_spec
from routing_game.experiments.cli import main
from routing_game.theory import GAMES, payoffs, solve

pytestmark = pytest.mark.usefixtures("without_pictures")

CHECKED = ["check", "--profile", "smoke", "--games", "t4-cascade", "--engine", "serial"]
CHECKED += ["--learners", "ucb,ppo-user,ppo-user-model,dqn-user-sb3", "--seeds", "1"]
USERS = [name for name, learner in LEARNERS.items() if learner.role == "user"]
OFF_GRID = np.random.default_rng(5).random(200)
"""Values of s that no user is judged on."""


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


@pytest.mark.parametrize("learner", ["ppo-user", "ppo-user-model", "dqn-user-sb3"])
def test_a_user_answers_as_it_was_judged(run: Path, learner: str) -> None:
    trace, user = traces(run)[learner], load_user(cell(run, learner))
    last = slice(len(trace.route) - 102, None)
    for model, leave in ((1, trace.leave_1), (2, trace.leave_2)):
        asked = trace.route[last], trace.cascade[last]
        sees = learner == "ppo-user-model"
        said = user.abandon_after(*asked, model) if sees else user.abandon(*asked)
        np.testing.assert_array_equal(said, leave[last])
    assert user.observes == ("model" if learner == "ppo-user-model" else "strategy")


def trained(learner: str, monkeypatch):
    """A cell's trace, and the very object that learnt in it."""
    agents = []
    for module, name in (
        *((stacked_ppo_users, f"StackedPPO{kind}User") for kind in ("", "Answer", "Model")),
        (stacked_q_users, "StackedQUser"),
        *((sb3_users, name) for name in ("PPOUser", "PPOAnswerUser", "PPOModelUser", "DQNUser")),
    ):
        monkeypatch.setattr(getattr(module, name), "train", told(getattr(module, name), agents))
    spec = make_spec("smoke", ("t4-cascade",), (learner,), seeds=1)
    (trace,) = learn(spec, spec.cells())
    return trace, agents[-1]


def told(kind, agents):
    """Training that also says who was trained."""
    train = kind.train

    def wrapped(self):
        agents.append(self)
        return train(self)

    return wrapped


@pytest.mark.parametrize("learner", USERS)
def test_a_user_is_kept_whole(learner: str, monkeypatch, tmp_path: Path) -> None:
    """It answers s between those it was judged on as the learner itself does, to the bit."""
    trace, agent = trained(learner, monkeypatch)
    assert isinstance(trace.policy, Whole), trace.policy
    trace.policy.put(tmp_path)
    user = load_user(tmp_path)
    route = 1 + (np.arange(len(OFF_GRID)) % 5 == 4)
    for model in (1, 2):
        if LEARNERS[learner].sees_model:
            own = agent.abandon_after(route, OFF_GRID, model)
            said = user.abandon_after(route, OFF_GRID, model)
        else:
            own, said = agent.abandon(route, OFF_GRID), user.abandon(route, OFF_GRID)
        np.testing.assert_array_equal(said, np.ravel(own))
        assert said.dtype == np.float64
        assert len({*said.tolist()}) > 1


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
        assert f"expected a policy's folder, got {tmp_path / words}" in capsys.readouterr().err


def test_a_user_who_sees_the_model_meets_everybody(run: Path, capsys) -> None:
    place = cell(run, "ppo-user-model")
    assert main(["tournament", "t4-cascade", "--user", str(place), "--json"]) == 0
    met = json.loads(capsys.readouterr().out)["utility"]["always-escalate"][place.name]
    q1, q2 = (float(load_user(place).abandon_after(1, 1.0, model)) for model in (1, 2))
    p, t = GAMES["t4-cascade"].success, GAMES["t4-cascade"].latency
    after = p[1] - t[1]  # V = 1; a pass of M2, then again unless it leaves
    rest = after / (1 - (1 - p[1]) * (1 - q2))
    assert met == pytest.approx(p[0] - t[0] + (1 - p[0]) * (1 - q1) * rest, rel=1e-9)


def test_a_run_is_no_policy_but_has_some(run: Path, capsys) -> None:
    for place in (run, run / "policies"):
        assert main(["tournament", "t4-cascade", "--user", str(place)]) == 2
        first = run / "policies" / "dqn-user-sb3__t4-cascade__000"
        assert f"got {place}, perhaps {first} (No such" in capsys.readouterr().err


def test_a_tournament_says_whom_it_cannot_seat(run: Path, tmp_path: Path, capsys) -> None:
    model = PPO("MlpPolicy", UserEnv("t4-cascade", observes="noisy:0.1"), device="cpu")
    save_policy(model, tmp_path / "hazy")
    assert main(["tournament", "t4-cascade", "--user", str(tmp_path / "hazy")]) == 2
    said = capsys.readouterr().err
    assert f'got {tmp_path / "hazy"}, which was trained with observes="noisy:0.1"; leave it' in said
    assert "save_policy" not in said  # which made it
    place = str(cell(run, "ucb"))
    assert main(["tournament", "t4-cascade", "--provider", place, "--provider", place]) == 2
    assert "two would be called" in capsys.readouterr().err
    assert main(["tournament", "t4-cascade", "--user", place]) == 2
    assert "expected a user" in capsys.readouterr().err


def test_a_user_who_saw_tosses_is_seated_with_them(tmp_path: Path, capsys) -> None:
    """Whatever their number, as its environment shows it: the mean over all is met."""
    game = GAMES["t4-cascade"]
    model = PPO("MlpPolicy", UserEnv(game, observes="samples:3"), device="cpu", seed=0)
    with torch.no_grad():  # the head begins near 0, and would answer each number alike
        model.policy.action_net.weight.mul_(3000)
        model.policy.action_net.bias[1] += 5
    save_policy(model, tmp_path / "counting")
    words = ["tournament", "t4-cascade", "--user", str(tmp_path / "counting"), "--json"]
    assert main(words) == 0
    met = json.loads(capsys.readouterr().out)
    s = float(solve(game).cascade[0])
    seen = torch.tensor([[1.0, k] for k in range(4)])
    q = model.policy.get_distribution(seen).distribution.probs[:, 1].tolist()
    assert max(q) - min(q) > 0.2
    each = [payoffs(game, 1, s, x) for x in q]
    chance = binom(3, s).pmf(range(4))
    for table, of in (("cost", "cost"), ("utility", "utility")):
        expected = sum(p * getattr(x, of) for p, x in zip(chance, each, strict=True))
        assert met[table]["equilibrium"]["counting"] == pytest.approx(expected, rel=1e-6)


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


def test_a_record_of_an_earlier_version_gives_the_answers_it_has(run: Path, capsys) -> None:
    record = run / "cells" / "ppo-user__t4-cascade__000.json"
    text = record.read_text()
    facts = json.loads(text)
    del facts["trace"]["policy"]
    record.write_text(json.dumps(facts))
    assert main(["report", str(run), "--keep-policies"]) == 0
    said = capsys.readouterr().err
    assert "warning: 1 user is kept by answers to 102 commitments" in said
    assert "ppo-user__t4-cascade__000: their cells are of a version that kept no more" in said
    assert [file.name for file in cell(run, "ppo-user").iterdir()] == ["policy.json"]
    trace, user = traces(run)["ppo-user"], load_user(cell(run, "ppo-user"))
    np.testing.assert_allclose(user.abandon(1, 0.3), trace.leave_1[-102:][30])
    record.write_text(text)
    assert main(["report", str(run), "--keep-policies"]) == 0
    assert "warning" not in capsys.readouterr().err
    assert len([*cell(run, "ppo-user").iterdir()]) == 2


def test_a_policy_that_cannot_be_kept_costs_no_cell(monkeypatch, tmp_path: Path, capsys) -> None:
    def fails(self):
        raise RuntimeError("no room")

    monkeypatch.setattr(stacked_ppo_users.StackedPPOUser, "policies", fails)
    words = ["--learners", "ppo-user", "--out", str(tmp_path / "run"), "--keep-policies"]
    assert main([*CHECKED, *words]) == 0
    said = capsys.readouterr().err
    assert "ppo-user__t4-cascade__000: RuntimeError: no room" in said
    assert traces(tmp_path / "run")["ppo-user"].policy == "RuntimeError: no room"
    assert load_user(cell(tmp_path / "run", "ppo-user")).abandon(1, 0.5) >= 0


def test_a_folder_that_takes_no_policy_costs_no_cell(tmp_path: Path, capsys) -> None:
    out = tmp_path / "run"
    words = [*CHECKED, "--learners", "constant,ppo-user", "--out", str(out)]
    assert main(words) == 0
    before = {file.name: file.read_bytes() for file in (out / "cells").iterdir()}
    (out / "policies").mkdir()
    (out / "policies" / "ppo-user__t4-cascade__000").write_text("in the way")
    capsys.readouterr()
    assert main([*words, "--keep-policies"]) == 2
    assert "ppo-user__t4-cascade__000" in capsys.readouterr().err
    assert {file.name: file.read_bytes() for file in (out / "cells").iterdir()} == before


def test_policies_of_rules_are_refused_in_a_report_too(tmp_path: Path, capsys) -> None:
    out = tmp_path / "run"
    out.mkdir()
    (out / "run.json").write_text(json.dumps({"suite": "hidden", "spec": {}, "versions": {}}))
    assert main(["report", str(out), "--keep-policies"]) == 2
    assert "expected --keep-policies of learners" in capsys.readouterr().err
