"""The game as environments: one for each player, each also batched, and sessions of many tasks.

They play by the rules of `routing_game.theory.game` and `.payoffs` and do not know the solution.
`envs.sb3`, which connects the engines to Stable-Baselines3, is imported on its own because it loads
PyTorch, and so is `envs.pettingzoo_v0`, the game for both players, because it needs PettingZoo.
"""

from routing_game.envs.encodings import (
    BeliefObservation,
    BoxAction,
    GridAction,
    MultiDiscreteAction,
    from_box,
    to_box,
)
from routing_game.envs.provider import ProviderEnv, ProviderVectorEnv, boxed_provider
from routing_game.envs.session import BelievingUser, SessionEnv
from routing_game.envs.session_engines import ProviderSessions, UserSessions
from routing_game.envs.user import UserEnv, UserVectorEnv

__all__ = [
    "BeliefObservation",
    "BelievingUser",
    "BoxAction",
    "GridAction",
    "MultiDiscreteAction",
    "ProviderEnv",
    "ProviderSessions",
    "ProviderVectorEnv",
    "SessionEnv",
    "UserEnv",
    "UserSessions",
    "UserVectorEnv",
    "boxed_provider",
    "from_box",
    "to_box",
]
