"""Providers and users: exact policies, learners, and the protocols they share.

What needs torch or stable-baselines3 is imported when first asked for, so that importing this
package stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from routing_game.agents.bandits import EXP3, UCB, Elimination, EpsilonGreedy, Thompson, UCBTuned
from routing_game.agents.exact import (
    BestResponseUser,
    EquilibriumProvider,
    FixedProvider,
    FixedUser,
    QuantalUser,
    StoppingUser,
)
from routing_game.agents.followers import (
    Follower,
    MultiplicativeWeights,
    NoLearning,
    StructuralUser,
    TabularUser,
)
from routing_game.agents.protocol import ModelUser, Planner, Provider, Tally, Trainable, User
from routing_game.agents.reinforce import ReinforceBlind
from routing_game.agents.sessions import (
    BeliefUser,
    ConstantCascade,
    PlanningProvider,
    PlanningUser,
    ReputationProvider,
    SessionProvider,
)
from routing_game.agents.structural import Structural
from routing_game.agents.zooming import Zooming

if TYPE_CHECKING:
    from routing_game.agents.gradient import GibbsGradient, ImplicitGradient, SimultaneousGradient
    from routing_game.agents.saved import load_provider, load_user, save_policy
    from routing_game.agents.sb3_providers import (
        A2CProvider,
        DQNProvider,
        PPOProvider,
        SACProvider,
        TD3Provider,
    )
    from routing_game.agents.sb3_sessions import (
        PPOBeliefUser,
        PPOBlind,
        PPOReputation,
        PPOWindowUser,
        RecurrentUser,
    )
    from routing_game.agents.sb3_users import DQNUser, PPOAnswerUser, PPOModelUser, PPOUser

_LAZY = {
    "GibbsGradient": "routing_game.agents.gradient",
    "ImplicitGradient": "routing_game.agents.gradient",
    "SimultaneousGradient": "routing_game.agents.gradient",
    "DQNUser": "routing_game.agents.sb3_users",
    "PPOAnswerUser": "routing_game.agents.sb3_users",
    "PPOModelUser": "routing_game.agents.sb3_users",
    "PPOUser": "routing_game.agents.sb3_users",
    "A2CProvider": "routing_game.agents.sb3_providers",
    "DQNProvider": "routing_game.agents.sb3_providers",
    "PPOProvider": "routing_game.agents.sb3_providers",
    "SACProvider": "routing_game.agents.sb3_providers",
    "TD3Provider": "routing_game.agents.sb3_providers",
    "load_provider": "routing_game.agents.saved",
    "load_user": "routing_game.agents.saved",
    "save_policy": "routing_game.agents.saved",
    "PPOBeliefUser": "routing_game.agents.sb3_sessions",
    "PPOBlind": "routing_game.agents.sb3_sessions",
    "PPOReputation": "routing_game.agents.sb3_sessions",
    "PPOWindowUser": "routing_game.agents.sb3_sessions",
    "RecurrentUser": "routing_game.agents.sb3_sessions",
}

__all__ = [
    "EXP3",
    "UCB",
    "A2CProvider",
    "BeliefUser",
    "BestResponseUser",
    "ConstantCascade",
    "DQNProvider",
    "DQNUser",
    "Elimination",
    "EpsilonGreedy",
    "EquilibriumProvider",
    "FixedProvider",
    "FixedUser",
    "Follower",
    "GibbsGradient",
    "ImplicitGradient",
    "ModelUser",
    "MultiplicativeWeights",
    "NoLearning",
    "PPOAnswerUser",
    "PPOBeliefUser",
    "PPOBlind",
    "PPOModelUser",
    "PPOProvider",
    "PPOReputation",
    "PPOUser",
    "PPOWindowUser",
    "Planner",
    "PlanningProvider",
    "PlanningUser",
    "Provider",
    "QuantalUser",
    "RecurrentUser",
    "ReinforceBlind",
    "ReputationProvider",
    "SACProvider",
    "SessionProvider",
    "SimultaneousGradient",
    "StoppingUser",
    "Structural",
    "StructuralUser",
    "TD3Provider",
    "TabularUser",
    "Tally",
    "Thompson",
    "Trainable",
    "UCBTuned",
    "User",
    "Zooming",
    "load_provider",
    "load_user",
    "save_policy",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
