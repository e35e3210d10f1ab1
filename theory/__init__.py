"""The game solved exactly: payoffs, replies, equilibria, welfare, extensions. Needs numpy only.

The two-model game is here by name, and what the paper names and leaves open (`subscription`,
`remedies`, `fading`, `belief_success`, on the ground of `menu`). The extensions and the rest are
modules of their own: `chain` and `chain_solve` (N models, rounds, users who see the model),
`mixture` (correlated retries), `simultaneous` and `noisy` (s hidden, or seen through noise),
`belief`, `belief_rules`, `belief_plan`, `lock_in` and `reputation` (s guessed, task after task),
`frequencies` (how often each optimum occurs), `exchange` (JSON, TOML, Gambit), `certify` (the
judge).
"""

from routing_game.theory.belief_success import Doubt, PlugInLoss, failures_endured, plug_in_loss
from routing_game.theory.catalog import (
    GAMES,
    PAIRS,
    TASK_TYPES,
    RealPair,
    TaskType,
    load,
    sample_games,
)
from routing_game.theory.fading import Session, faded, lag_cost, patience, solve_session
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.kinds import RULES
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.provider import Equilibrium, Piece, outcome, provider_regret, solve
from routing_game.theory.remedies import (
    SelfSelection,
    deterring_refund,
    guarantee,
    price_of_predictability,
    self_selection,
)
from routing_game.theory.robust import RobustCommitment, robust_commitment, worst_cost
from routing_game.theory.simultaneous import SimultaneousPlay, simultaneous
from routing_game.theory.subscription import Subscription, deterring_cancel, solve_subscription
from routing_game.theory.user import (
    BestResponse,
    Thresholds,
    best_response,
    thresholds,
    user_regret,
)
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
    "TASK_TYPES",
    "BestResponse",
    "Commitment",
    "Doubt",
    "Equilibrium",
    "ForcedThrottling",
    "Game",
    "Participation",
    "Payoffs",
    "Piece",
    "PlugInLoss",
    "RealPair",
    "RobustCommitment",
    "SelfSelection",
    "Session",
    "SimultaneousPlay",
    "Subscription",
    "Task",
    "TaskType",
    "Thresholds",
    "Throttling",
    "best_response",
    "deterring_cancel",
    "deterring_refund",
    "faded",
    "failures_endured",
    "forced_throttling",
    "guarantee",
    "lag_cost",
    "load",
    "observability",
    "outcome",
    "participation",
    "patience",
    "payoffs",
    "plug_in_loss",
    "price_of_predictability",
    "provider_regret",
    "robust_commitment",
    "sample_games",
    "self_selection",
    "simultaneous",
    "solve",
    "solve_session",
    "solve_subscription",
    "thresholds",
    "throttle",
    "throttling_gain",
    "user_regret",
    "worst_cost",
]
