"""The game as environments: one for each player, each also batched, and sessions of many tasks.

They play by the rules of `routing_game.theory.game` and `.payoffs` and do not know the solution;
what judges them is asked of `envs.judge`. `envs.sb3`, which connects the engines to
Stable-Baselines3, is imported on its own because it loads PyTorch, and so is `envs.pettingzoo_v0`,
the game for both players, because it needs PettingZoo. Worlds to draw games from are in
`envs.worlds`, sessions by the thousand in `envs.crowd`.
"""

from routing_game.box import from_box, to_box
from routing_game.envs.answer import AnswerEnv, AnswerVectorEnv
from routing_game.envs.encodings import BoxAction, GridAction, MultiDiscreteAction
from routing_game.envs.models import ModelsEnv
from routing_game.envs.observation import BeliefObservation
from routing_game.envs.options import OptionsEnv
from routing_game.envs.provider import ProviderEnv, boxed_provider
from routing_game.envs.provider_engine import ProviderVectorEnv
from routing_game.envs.session import SessionEnv
from routing_game.envs.session_engines import ProviderSessions, UserSessions
from routing_game.envs.session_user import CertaintyEquivalentUser
from routing_game.envs.user import UserEnv
from routing_game.envs.user_engine import UserVectorEnv
from routing_game.envs.worlds import WorldEnv

__all__ = [
    "AnswerEnv",
    "AnswerVectorEnv",
    "BeliefObservation",
    "BoxAction",
    "CertaintyEquivalentUser",
    "GridAction",
    "ModelsEnv",
    "MultiDiscreteAction",
    "OptionsEnv",
    "ProviderEnv",
    "ProviderSessions",
    "ProviderVectorEnv",
    "SessionEnv",
    "UserEnv",
    "UserSessions",
    "UserVectorEnv",
    "WorldEnv",
    "boxed_provider",
    "from_box",
    "to_box",
]
