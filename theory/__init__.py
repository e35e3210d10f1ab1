"""The game solved exactly: payoffs, best responses, equilibria, welfare. Needs numpy only."""

from routing_game.theory.catalog import GAMES, PAIRS, RealPair, load, sample_games
from routing_game.theory.game import Commitment, Game, Task
from routing_game.theory.payoffs import Payoffs, payoffs
from routing_game.theory.provider import RULES, Equilibrium, Piece, outcome, provider_regret, solve
from routing_game.theory.robust import RobustCommitment, robust_commitment, worst_cost
from routing_game.theory.user import BestResponse, Thresholds, best_response, thresholds, user_regret
from routing_game.theory.welfare import Participation, Throttling, participation, throttle

__all__ = [
    "GAMES",
    "PAIRS",
    "RULES",
    "BestResponse",
    "Commitment",
    "Equilibrium",
    "Game",
    "Participation",
    "Payoffs",
    "Piece",
    "RealPair",
    "RobustCommitment",
    "Task",
    "Thresholds",
    "Throttling",
    "best_response",
    "load",
    "outcome",
    "participation",
    "payoffs",
    "provider_regret",
    "robust_commitment",
    "sample_games",
    "solve",
    "thresholds",
    "throttle",
    "user_regret",
    "worst_cost",
]
