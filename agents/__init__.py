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
from routing_game.agents.reinforce import ReinforceBlind
from routing_game.agents.structural import Structural
from routing_game.agents.zooming import Zooming

if TYPE_CHECKING:
    from routing_game.agents.gradient import GibbsGradient, ImplicitGradient, SimultaneousGradient
    from routing_game.agents.ppo import DQNUser, PPOAnswerUser, PPOModelUser, PPOUser
    from routing_game.agents.rl import A2CProvider, DQNProvider, PPOProvider, SACProvider, TD3Provider
    from routing_game.agents.saved import load_provider, load_user, save_policy
    from routing_game.agents.session_rl import PPOBeliefUser, PPOBlind, PPOReputation, PPOWindowUser, RecurrentUser

_LAZY = {
    "GibbsGradient": "routing_game.agents.gradient",
    "ImplicitGradient": "routing_game.agents.gradient",
    "SimultaneousGradient": "routing_game.agents.gradient",
    "DQNUser": "routing_game.agents.ppo",
    "PPOAnswerUser": "routing_game.agents.ppo",
    "PPOModelUser": "routing_game.agents.ppo",
    "PPOUser": "routing_game.agents.ppo",
    "A2CProvider": "routing_game.agents.rl",
    "DQNProvider": "routing_game.agents.rl",
    "PPOProvider": "routing_game.agents.rl",
    "SACProvider": "routing_game.agents.rl",
    "TD3Provider": "routing_game.agents.rl",
    "load_provider": "routing_game.agents.saved",
    "load_user": "routing_game.agents.saved",
    "save_policy": "routing_game.agents.saved",
    "PPOBeliefUser": "routing_game.agents.session_rl",
    "PPOBlind": "routing_game.agents.session_rl",
    "PPOReputation": "routing_game.agents.session_rl",
    "PPOWindowUser": "routing_game.agents.session_rl",
    "RecurrentUser": "routing_game.agents.session_rl",
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
