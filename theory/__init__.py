"""The game solved exactly: payoffs, best responses, equilibria, welfare, extensions. Needs numpy only.

The two-model game is here by name. The extensions and the rest are modules of their own: `chain` and `chain_solve`
(N models, rounds, users who see the model), `mixture` (correlated retries), `simultaneous` and `noisy` (s hidden, or
seen through noise), `belief`, `belief_rules`, `belief_plan`, `lock_in` and `reputation` (s guessed, task after task),
`frequencies` (how often each optimum occurs), `exchange` (JSON, TOML, Gambit), `certify` (the judge).
"""

from routing_game.theory.catalog import GAMES, PAIRS, RealPair, load, sample_games
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.provider import RULES, Equilibrium, Piece, outcome, provider_regret, solve
from routing_game.theory.robust import RobustCommitment, robust_commitment, worst_cost
from routing_game.theory.simultaneous import SimultaneousPlay, simultaneous
from routing_game.theory.user import BestResponse, Thresholds, best_response, thresholds, user_regret
from routing_game.theory.welfare import (
    ForcedThrottling,
    Participation,
    Throttling,
    forced_throttling,
    observability,
    participation,
    throttle,
    throttling_gain,
)

__all__ = [
    "GAMES",
    "PAIRS",
    "RULES",
    "BestResponse",
    "Commitment",
    "Equilibrium",
    "ForcedThrottling",
    "Game",
    "Participation",
    "Payoffs",
    "Piece",
    "RealPair",
    "RobustCommitment",
    "SimultaneousPlay",
    "Task",
    "Thresholds",
    "Throttling",
    "best_response",
    "forced_throttling",
    "load",
    "observability",
    "outcome",
    "participation",
    "payoffs",
    "provider_regret",
    "robust_commitment",
    "sample_games",
    "simultaneous",
    "solve",
    "thresholds",
    "throttle",
    "throttling_gain",
    "user_regret",
    "worst_cost",
]
