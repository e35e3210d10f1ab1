"""Providers and users: exact policies, learners, and the protocols they share.

What needs torch or stable-baselines3 is imported when first asked for, so that importing this package stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from routing_game.agents.bandits import EXP3, UCB, Elimination, EpsilonGreedy, Thompson, UCBTuned
from routing_game.agents.beliefs import (
    BeliefUser,
    ConstantCascade,
    PlanningProvider,
    PlanningUser,
    ReputationProvider,
    SessionProvider,
)
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
from routing_game.agents.structural import Structural
from routing_game.agents.zooming import Zooming

if TYPE_CHECKING:
    from routing_game.agents.gradient import GibbsGradient
    from routing_game.agents.ppo import PPOModelUser, PPOProvider, PPOUser
    from routing_game.agents.saved import load_provider, load_user, save_policy

_LAZY = {
    "GibbsGradient": "routing_game.agents.gradient",
    "PPOModelUser": "routing_game.agents.ppo",
    "PPOProvider": "routing_game.agents.ppo",
    "PPOUser": "routing_game.agents.ppo",
    "load_provider": "routing_game.agents.saved",
    "load_user": "routing_game.agents.saved",
    "save_policy": "routing_game.agents.saved",
}

__all__ = [
    "EXP3",
    "UCB",
    "BeliefUser",
    "BestResponseUser",
    "ConstantCascade",
    "Elimination",
    "EpsilonGreedy",
    "EquilibriumProvider",
    "FixedProvider",
    "FixedUser",
    "Follower",
    "GibbsGradient",
    "ModelUser",
    "MultiplicativeWeights",
    "NoLearning",
    "PPOModelUser",
    "PPOProvider",
    "PPOUser",
    "Planner",
    "PlanningProvider",
    "PlanningUser",
    "Provider",
    "QuantalUser",
    "ReputationProvider",
    "SessionProvider",
    "StoppingUser",
    "Structural",
    "StructuralUser",
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
