"""The learners by name: what each is, and how much practice and how many seeds a profile gives it.

`trainers` has what a cell runs, `suite` what a run of them is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from routing_game.agents import (
    EXP3,
    UCB,
    Elimination,
    EpsilonGreedy,
    EquilibriumProvider,
    RefiningThompson,
    RefiningUCB,
    Thompson,
    UCBTuned,
    Zooming,
    off_policy,
    schemes,
)
from routing_game.agents.descents import (
    GibbsDescents,
    ImplicitDescents,
    SimultaneousDescents,
)
from routing_game.agents.plain import Plain
from routing_game.agents.policy_gradient import ALGORITHMS
from routing_game.agents.races import Race
from routing_game.agents.stacked_ppo_users import (
    StackedPPOAnswerUser,
    StackedPPOModelUser,
    StackedPPOUser,
)
from routing_game.agents.stacked_q_users import StackedQUser
from routing_game.agents.walkers import walk
from routing_game.agents.windowed import Windowed
from routing_game.experiments.check import controls, own
from routing_game.experiments.check.traces import Trace
from routing_game.experiments.check.trainers import (
    Seed,
    Trainer,
    answer,
    has_values,
    in_blocks,
    is_blind,
    knows_structure,
    model,
    oracle,
    pair,
    plans,
    rehearsed,
    reinforce_blind,
    sb3,
    sb3_user,
    stacked,
    stacked_user,
    strategy,
    structural,
    told,
)
from routing_game.theory import Game

Family = Literal[
    "control", "bandits", "gradients", "deep RL", "pairs", "users", "your own", "unknown"
]
"""Controls do not learn, so they do not count among those that do: the exact policy is given the
answer, the others never look at the game. In a pair a user learns, too. Unknown are those that
another version of this package had, and a run of then names.
"""
Role = Literal["provider", "user"]


@dataclass(frozen=True)
class Learner:
    """One entry of the registry.

    Attributes:
        family: what it is drawn with, and in whose colours.
        about: one line for people.
        train: what a batch of cells runs.
        budgets: profile to (practice per cell, seeds).
        counts: what its practice is counted in; a user's decision is to stay or leave after one
            failed pass.
        sees_model: a user who sees which model has just failed, and so has another best response.
        limit: what it cannot do by its nature, as the end of a sentence.
        costly: many seconds a cell; it plays few games unless they are named (`suite.played_by`).
        batch: how many cells may train together, as one.
        fixed_grid: plays 21 commitments, even in s, and no others.
        seeks: the equilibrium of which game it seeks by its nature: that in which the user answers
            the commitment before it, or that of simultaneous play, in which the user sees no s. The
            latter's play is judged by `measures.beside_hidden`.
        answers: it is a user, though of no family of ours.
    """

    family: Family
    about: str
    train: Trainer
    budgets: dict[str, tuple[int, int]]
    counts: Literal["tasks", "decisions", "iterations"] = "tasks"
    sees_model: bool = False
    limit: str = ""
    costly: bool = False
    batch: int = 1
    fixed_grid: bool = False
    seeks: Literal["Stackelberg", "simultaneous"] = "Stackelberg"
    answers: bool = False

    @property
    def role(self) -> Role:
        """Whose policy it learns, and is judged: of a pair, the provider's."""
        return "user" if self.family == "users" or self.answers else "provider"


CANNOT_MIX = ", as it can only stay or leave where the best answer is mixed"


OWN_BUDGETS = {"smoke": (300, 2), "default": (30_000, 5), "full": (30_000, 20)}
"""Of an agent of one's own: few tasks, as nobody knows how long it takes over one."""


class Registry(dict[str, Learner]):
    """Learners by name; ``module:Agent`` finds one that is not ours.

    So that the report of a run that another version made can be made, any other name stands for a
    learner that is unknown: it cannot train, and what it is goes by its name.
    """

    def __missing__(self, name: str) -> Learner:
        if not own.is_own(name):
            return unknown(name)

        def train(
            games: Sequence[Game], tasks: int, worlds: Sequence[Seed], agents: Sequence[Seed]
        ) -> list[Trace]:
            made = own.find(name)  # by each worker anew
            with own.located(name):
                return told(made)(games, tasks, worlds, agents)

        return Learner("your own", "an agent of your own", train, OWN_BUDGETS)


def unknown(name: str) -> Learner:
    """A learner of which only the name is left: users are called "...-user", by a rule of ours."""

    def train(*_: object) -> list[Trace]:
        raise ValueError(f"this version has no learner {name!r}")

    parts = name.split("-")
    return Learner(
        "unknown",
        "not known to this version",
        train,
        {},
        sees_model="model" in parts,
        answers="user" in parts,
    )


COARSE = ", as the best of its 21 commitments can be far from the optimum where that s is small"
"""What a fixed grid cannot do: on fresh games it is within 2 % in about half of the cascades."""

LEARNERS = Registry(
    {
        "equilibrium": Learner(
            "control",
            "the exact policy, which knows the game",
            told(EquilibriumProvider),
            {"smoke": (50, 2), "default": (1_000, 2), "full": (1_000, 2)},
        ),
        "constant": Learner(
            "control",
            "never looks at the game: M1 alone",
            told(controls.constant),
            {"smoke": (10, 2), "default": (10, 2), "full": (10, 2)},
        ),
        "random": Learner(
            "control",
            "never looks at the game: a route by a coin, an even s",
            told(controls.random),
            {"smoke": (10, 2), "default": (10, 10), "full": (10, 20)},
        ),
        "structural": Learner(
            "bandits",
            "knows its costs and the structure, learns p and the user's threshold",
            told(structural),
            {"smoke": (100, 2), "default": (5_000, 10), "full": (5_000, 20)},
        ),
        "zooming": Learner(
            "bandits",
            "route 2 and a grid of s that is refined where it is best",
            told(Zooming),
            {"smoke": (3_000, 2), "default": (300_000, 5), "full": (1_000_000, 20)},
        ),
        "ucb": Learner(
            "bandits",
            "upper confidence bounds on route 2 and values of s that multiply where it is best",
            told(RefiningUCB),
            {"smoke": (3_000, 2), "default": (300_000, 5), "full": (300_000, 20)},
        ),
        "ucb-fixed": Learner(
            "bandits",
            "upper confidence bounds on route 2 and 20 values of s",
            told(UCB),
            {"smoke": (300, 2), "default": (30_000, 3), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "ucb-tuned": Learner(
            "bandits",
            "the same with each commitment's own spread",
            told(UCBTuned),
            {"smoke": (300, 2), "default": (30_000, 2), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "thompson": Learner(
            "bandits",
            "Thompson sampling on route 2 and values of s that multiply where it is best",
            told(RefiningThompson),
            {"smoke": (3_000, 2), "default": (300_000, 5), "full": (300_000, 20)},
        ),
        "thompson-fixed": Learner(
            "bandits",
            "Thompson sampling on the same 21 commitments",
            told(Thompson),
            {"smoke": (300, 2), "default": (30_000, 3), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "epsilon-greedy": Learner(
            "bandits",
            "the least mean, any commitment at a falling rate",
            told(EpsilonGreedy),
            {"smoke": (300, 2), "default": (30_000, 2), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "exp3": Learner(
            "bandits",
            "exponential weights, safe against an adversary",
            told(EXP3),
            {"smoke": (300, 2), "default": (30_000, 2), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "elimination": Learner(
            "bandits",
            "successive elimination of the same",
            told(Elimination),
            {"smoke": (3_000, 2), "default": (30_000, 3), "full": (30_000, 10)},
            limit=COARSE,
            fixed_grid=True,
        ),
        "gradient": Learner(
            "gradients",
            "knows the game, descends its cost through a Gibbs follower",
            plans(GibbsDescents),
            {"smoke": (10, 2), "default": (600, 3), "full": (600, 20)},
            counts="iterations",
            batch=64,
        ),
        "gradient-implicit": Learner(
            "gradients",
            "knows the game, follows dJ/ds + dJ/dq dq*/ds",
            plans(ImplicitDescents),
            {"smoke": (10, 2), "default": (100, 3), "full": (400, 20)},
            counts="iterations",
            batch=256,
        ),
        "ppo": Learner(
            "deep RL",
            "PPO walks in log odds of s from many starts, which race; route 2 is compared last",
            stacked(partial(Race, climb=walk("ppo"))),
            {"smoke": (1_000, 2), "default": (327_680, 3), "full": (3_276_800, 10)},
            batch=64,
        ),
        "a2c": Learner(
            "deep RL",
            "A2C walks in log odds of s from many starts, which race; route 2 is compared last",
            stacked(partial(Race, climb=walk("a2c"))),
            {"smoke": (1_000, 2), "default": (327_680, 3), "full": (3_276_800, 10)},
            batch=64,
        ),
        "ppo-plain": Learner(
            "deep RL",
            "a plain PPO: i and s drawn together, noise falls on a schedule",
            stacked(partial(Plain, improve=ALGORITHMS["ppo"])),
            {"smoke": (64, 2), "default": (327_680, 3), "full": (3_276_800, 10)},
            batch=64,
        ),
        "a2c-plain": Learner(
            "deep RL",
            "a plain A2C: i and s drawn together, noise falls on a schedule",
            stacked(partial(Plain, improve=ALGORITHMS["a2c"])),
            {"smoke": (64, 2), "default": (327_680, 3), "full": (3_276_800, 10)},
            batch=64,
        ),
        "ppo-sb3": Learner(
            "deep RL",
            "the plain PPO as stable-baselines3 trains it",
            sb3("ppo"),
            {"smoke": (64, 2), "default": (327_680, 1), "full": (3_276_800, 3)},
            costly=True,
        ),
        "a2c-sb3": Learner(
            "deep RL",
            "the plain A2C as stable-baselines3 trains it",
            sb3("a2c"),
            {"smoke": (64, 2), "default": (327_680, 1), "full": (3_276_800, 3)},
            costly=True,
        ),
        "td3": Learner(
            "deep RL",
            "TD3 in windows on the log odds of s that compete and narrow",
            stacked(partial(Windowed, learner=off_policy.LEARNERS["td3"])),
            {"smoke": (2_000, 2), "default": (589_824, 3), "full": (1_179_648, 10)},
            batch=64,
        ),
        "sac": Learner(
            "deep RL",
            "SAC in windows on the log odds of s that compete and narrow",
            stacked(partial(Windowed, learner=off_policy.LEARNERS["sac"])),
            {"smoke": (2_000, 2), "default": (589_824, 3), "full": (1_179_648, 10)},
            batch=64,
        ),
        "dqn": Learner(
            "deep RL",
            "DQN in windows on the log odds of s that compete and narrow",
            stacked(partial(Windowed, learner=off_policy.LEARNERS["dqn"])),
            {"smoke": (2_000, 2), "default": (589_824, 3), "full": (1_179_648, 10)},
            batch=64,
        ),
        "td3-sb3": Learner(
            "deep RL",
            "TD3 of stable-baselines3, looking closer at s step by step",
            sb3("td3"),
            {"smoke": (48, 2), "default": (1_179_648, 1), "full": (1_179_648, 3)},
            costly=True,
        ),
        "sac-sb3": Learner(
            "deep RL",
            "SAC of stable-baselines3, looking closer at s step by step",
            sb3("sac"),
            {"smoke": (40, 2), "default": (983_040, 1), "full": (983_040, 3)},
            costly=True,
        ),
        "dqn-sb3": Learner(
            "deep RL",
            "DQN of stable-baselines3, looking closer at s step by step",
            sb3("dqn"),
            {"smoke": (128, 2), "default": (655_360, 1), "full": (655_360, 3)},
            costly=True,
        ),
        "oracle": Learner(
            "pairs",
            "follower oracle: a structural user learns first, then UCB learns against it",
            oracle(knows_structure),
            {"smoke": (1_000, 2), "default": (1_000_000, 2), "full": (4_000_000, 10)},
        ),
        "oracle-contextual": Learner(
            "pairs",
            "a user who learns what each answer is worth, before each new commitment of UCB",
            pair(has_values, rehearsed),
            {"smoke": (1_000, 2), "default": (1_000_000, 2), "full": (6_000_000, 10)},
        ),
        "alternating": Learner(
            "pairs",
            "UCB and a structural user learn in turn",
            pair(knows_structure, schemes.alternating, turn=4_000),
            {"smoke": (1_000, 2), "default": (1_000_000, 2), "full": (4_000_000, 10)},
        ),
        "two-timescale": Learner(
            "pairs",
            "UCB, and a user who learns what each answer is worth from five times as many tasks",
            pair(has_values, schemes.two_timescale, ratio=5),
            {"smoke": (1_000, 2), "default": (1_000_000, 2), "full": (6_000_000, 10)},
        ),
        "blocks": Learner(
            "pairs",
            "UCB commits for 8,000 tasks, the user learns anew in each block",
            pair(has_values, in_blocks, remembers=False),
            {"smoke": (1_000, 2), "default": (1_000_000, 2), "full": (6_000_000, 10)},
        ),
        "simultaneous": Learner(
            "pairs",
            "UCB and multiplicative weights blind to s, both from every task",
            pair(is_blind, schemes.simultaneous, leader=UCB),
            {"smoke": (300, 2), "default": (30_000, 2), "full": (60_000, 10)},
            seeks="simultaneous",
        ),
        "gradient-simultaneous": Learner(
            "pairs",
            "both know the game, each follows its own gradient; the user does not see s",
            plans(SimultaneousDescents),
            {"smoke": (10, 2), "default": (2_000, 3), "full": (2_000, 20)},
            counts="iterations",
            batch=256,
            seeks="simultaneous",
        ),
        "reinforce-blind": Learner(
            "pairs",
            "REINFORCE on both sides; the user does not see s",
            reinforce_blind,
            {"smoke": (64, 2), "default": (1_024_000, 3), "full": (1_024_000, 10)},
            batch=64,
            seeks="simultaneous",
        ),
        "ppo-user": Learner(
            "users",
            "PPO as the user who sees (i, s) and decides after each failure",
            stacked_user(StackedPPOUser),
            {"smoke": (64, 2), "default": (491_520, 3), "full": (3_932_160, 10)},
            batch=16,
        ),
        "ppo-user-answer": Learner(
            "users",
            "PPO as the user who sees (i, s) and answers with q",
            stacked_user(StackedPPOAnswerUser),
            {"smoke": (64, 2), "default": (655_360, 3), "full": (2_621_440, 10)},
            batch=16,
        ),
        "ppo-user-model": Learner(
            "users",
            "PPO as the user who also sees which model failed",
            stacked_user(StackedPPOModelUser),
            {"smoke": (64, 2), "default": (491_520, 3), "full": (3_932_160, 10)},
            sees_model=True,
            batch=16,
        ),
        "q-user": Learner(
            "users",
            "Q-values of staying and leaving for the user who sees (i, s): cannot mix",
            stacked_user(StackedQUser),
            {"smoke": (64, 2), "default": (655_360, 3), "full": (655_360, 10)},
            limit=CANNOT_MIX,
            batch=16,
        ),
        "ppo-user-sb3": Learner(
            "users",
            "ppo-user by stable-baselines3: the control",
            sb3_user("PPOUser", "USER", strategy),
            {"smoke": (64, 2), "default": (204_800, 1), "full": (1_966_080, 3)},
            counts="decisions",
            costly=True,
        ),
        "ppo-user-answer-sb3": Learner(
            "users",
            "ppo-user-answer by stable-baselines3: the control",
            sb3_user("PPOAnswerUser", "ANSWER", answer),
            {"smoke": (64, 2), "default": (524_288, 1), "full": (5_242_880, 3)},
            costly=True,
        ),
        "ppo-user-model-sb3": Learner(
            "users",
            "ppo-user-model by stable-baselines3: the control",
            sb3_user("PPOModelUser", "USER", model),
            {"smoke": (64, 2), "default": (204_800, 1), "full": (1_966_080, 3)},
            counts="decisions",
            sees_model=True,
            costly=True,
        ),
        "dqn-user-sb3": Learner(
            "users",
            "DQN (stable-baselines3) at each failure: bootstraps on what hides the model",
            sb3_user("DQNUser", "ALIASED", strategy),
            {"smoke": (64, 2), "default": (655_360, 1), "full": (655_360, 3)},
            counts="decisions",
            limit=CANNOT_MIX,
            costly=True,
        ),
    }
)
