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
from routing_game.agents.followers import Follower, NoLearning, StructuralUser
from routing_game.agents.gradient import GibbsGradient, ImplicitGradient, SimultaneousGradient
from routing_game.agents.protocol import (
    ModelUser,
    Planner,
    Provider,
    SessionProvider,
    Tally,
    Trainable,
    User,
)
from routing_game.agents.refining import RefiningThompson, RefiningUCB
from routing_game.agents.rehearsing import RehearsingUser
from routing_game.agents.reinforce import ReinforceBlind
from routing_game.agents.session_learning import ExploringUser
from routing_game.agents.sessions import (
    BeliefUser,
    ConstantCascade,
    PlanningProvider,
    PlanningUser,
    ReputationProvider,
)
from routing_game.agents.structural import Structural
from routing_game.agents.table_users import MultiplicativeWeights, TabularUser
from routing_game.agents.zooming import Zooming

if TYPE_CHECKING:
    from routing_game.agents.callbacks import RegretCallback
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
    "callbacks": ("RegretCallback",),
    "saved": ("load_provider", "load_user", "save_policy"),
    "sb3_providers": ("A2CProvider", "DQNProvider", "PPOProvider", "SACProvider", "TD3Provider"),
    "sb3_sessions": (
        "PPOBeliefUser",
        "PPOBlind",
        "PPOReputation",
        "PPOWindowUser",
        "RecurrentUser",
    ),
    "sb3_users": ("DQNUser", "PPOAnswerUser", "PPOModelUser", "PPOUser"),
}
"""What needs torch: a module, and what is imported from it when first asked for."""

_HOME = {name: module for module, names in _LAZY.items() for name in names}

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
    "ExploringUser",
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
    "RefiningThompson",
    "RefiningUCB",
    "RegretCallback",
    "RehearsingUser",
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
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
