"""Providers and users: exact policies, learners, and the protocols they share.

What needs torch or stable-baselines3 is imported when first asked for, so that importing this package stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from routing_game.agents.bandits import UCB, Thompson
from routing_game.agents.exact import (
    BestResponseUser,
    EquilibriumProvider,
    FixedProvider,
    FixedUser,
    QuantalUser,
    StoppingUser,
)
from routing_game.agents.protocol import ModelUser, Provider, Trainable, User
from routing_game.agents.reinforce import ReinforceBlind
from routing_game.agents.structural import Structural

if TYPE_CHECKING:
    from routing_game.agents.gradient import GibbsGradient, ImplicitGradient, SimultaneousGradient
    from routing_game.agents.ppo import PPOModelUser, PPOUser
    from routing_game.agents.rl import A2CProvider, DQNProvider, PPOProvider, SACProvider, TD3Provider
    from routing_game.agents.saved import load_provider, load_user, save_policy

_LAZY = {
    "GibbsGradient": "routing_game.agents.gradient",
    "ImplicitGradient": "routing_game.agents.gradient",
    "SimultaneousGradient": "routing_game.agents.gradient",
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
}

__all__ = [
    "UCB",
    "A2CProvider",
    "BestResponseUser",
    "DQNProvider",
    "EquilibriumProvider",
    "FixedProvider",
    "FixedUser",
    "GibbsGradient",
    "ImplicitGradient",
    "ModelUser",
    "PPOModelUser",
    "PPOProvider",
    "PPOUser",
    "Provider",
    "QuantalUser",
    "ReinforceBlind",
    "SACProvider",
    "SimultaneousGradient",
    "StoppingUser",
    "Structural",
    "TD3Provider",
    "Thompson",
    "Trainable",
    "User",
    "load_provider",
    "load_user",
    "save_policy",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
