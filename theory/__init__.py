"""The game solved exactly: payoffs, replies, equilibria, welfare, extensions. Needs numpy only.

Every function here that takes a game takes its name, its file or a dict of its fields as well
(`load`), so `solve("t4-cascade")`.

The two-model game is here by name, and what the paper names and leaves open (`subscription`,
`remedies`, `fading`, `belief_success`, on the ground of `menu`). The extensions and the rest are
modules of their own: `chain` and `chain_solve` (N models, rounds, users who see the model),
`mixture` (correlated retries), `simultaneous` and `noisy` (s hidden, or seen through noise),
`glimpses` (what answers lose to a user who sees a part of s),
`belief`, `belief_rules`, `belief_plan`, `lock_in` and `reputation` (s guessed, task after task),
`frequencies` (how often each optimum occurs), `exchange` (JSON, TOML, Gambit), `certify` (the
judge).
"""

from routing_game.theory import belief_success as _belief_success
from routing_game.theory import fading as _fading
from routing_game.theory import payoffs as _payoffs
from routing_game.theory import provider as _provider
from routing_game.theory import remedies as _remedies
from routing_game.theory import robust as _robust
from routing_game.theory import simultaneous as _simultaneous
from routing_game.theory import subscription as _subscription
from routing_game.theory import user as _user
from routing_game.theory import welfare as _welfare
from routing_game.theory.belief_success import Doubt, PlugInLoss
from routing_game.theory.catalog import (
    GAMES,
    PAIRS,
    TASK_TYPES,
    GameLike,
    RealPair,
    TaskType,
    load,
    sample_games,
)
from routing_game.theory.fading import Session, lag_cost, solve_session
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.kinds import RULES
from routing_game.theory.named import named as _named
from routing_game.theory.payoffs import Payoffs
from routing_game.theory.provider import Equilibrium, Piece
from routing_game.theory.remedies import SelfSelection
from routing_game.theory.robust import RobustCommitment
from routing_game.theory.simultaneous import SimultaneousPlay
from routing_game.theory.subscription import Subscription
from routing_game.theory.user import BestResponse, Thresholds
from routing_game.theory.welfare import ForcedThrottling, Participation, Throttling

# What is asked of a game may be asked here of its name, its file or its fields as well.
payoffs = _named(_payoffs.payoffs)
best_response = _named(_user.best_response)
thresholds = _named(_user.thresholds)
user_regret = _named(_user.user_regret)
outcome = _named(_provider.outcome)
provider_regret = _named(_provider.provider_regret)
solve = _named(_provider.solve)
robust_commitment = _named(_robust.robust_commitment)
worst_cost = _named(_robust.worst_cost)
worst_reply = _named(_robust.worst_reply)
simultaneous = _named(_simultaneous.simultaneous)
forced_throttling = _named(_welfare.forced_throttling)
observability = _named(_welfare.observability)
participation = _named(_welfare.participation)
throttle = _named(_welfare.throttle)
throttling_gain = _named(_welfare.throttling_gain)
deterring_cancel = _named(_subscription.deterring_cancel)
solve_subscription = _named(_subscription.solve_subscription)
deterring_refund = _named(_remedies.deterring_refund)
guarantee = _named(_remedies.guarantee)
price_of_predictability = _named(_remedies.price_of_predictability)
self_selection = _named(_remedies.self_selection)
faded = _named(_fading.faded)
patience = _named(_fading.patience)
failures_endured = _named(_belief_success.failures_endured)
plug_in_loss = _named(_belief_success.plug_in_loss)

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
    "GameLike",
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
    "worst_reply",
]
