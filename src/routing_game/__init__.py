"""Games between an LLM provider that routes tasks and a user who may leave.

    >>> import routing_game
    >>> routing_game.solve("t4-cascade")
    Equilibrium(s0: route=1, s=0.2105, q=0, J*=0.5824)

`solve`, `best_response`, `Game`, `load` and the names of games are here; all else is in the
subpackages `theory`, `envs`, `agents` and `experiments`.

Importing the package registers its Gymnasium environments, `RoutingGame/Provider-v0`, `User-v0`,
`Answer-v0`, `Session-v0`, `Models-v0`, `Options-v0` and `World-v0`, by name only. Those, the names
above, PyTorch and Stable-Baselines3 are loaded when something asks for them.
"""

from routing_game import command

command.look_here_last()  # before anything is imported that might lie here

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING, Any  # noqa: E402

from routing_game import interrupts  # noqa: E402

interrupts.end_at_once()  # before anything that takes long to import

import gymnasium  # noqa: E402

if TYPE_CHECKING:
    from routing_game import agents, box, envs, experiments, theory
    from routing_game.theory import GAMES, PAIRS, Game, best_response, load, solve

__version__ = "0.1.0"

__all__ = [
    "GAMES",
    "PAIRS",
    "Game",
    "agents",
    "best_response",
    "box",
    "envs",
    "experiments",
    "load",
    "solve",
    "theory",
]
_OF_THEORY = ("GAMES", "PAIRS", "Game", "best_response", "load", "solve")


def __getattr__(name: str) -> Any:
    """A subpackage, or what stands at the front of theory, loaded now."""
    if name in _OF_THEORY:
        return getattr(import_module("routing_game.theory"), name)
    if name in __all__:
        return import_module(f"routing_game.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    """What is there, loaded or not."""
    return sorted({*globals(), *__all__})


gymnasium.register(
    id="RoutingGame/Provider-v0",
    # not `additional_wrappers`: make_vec refuses ids with both those and an engine of their own
    entry_point="routing_game.envs:boxed_provider",
    order_enforce=False,  # any step is a whole task
    disable_env_checker=True,  # it fails where the first step comes before a reset
    vector_entry_point="routing_game.envs:ProviderVectorEnv",
)
gymnasium.register(
    id="RoutingGame/User-v0",
    entry_point="routing_game.envs:UserEnv",
    order_enforce=False,  # does so itself
    vector_entry_point="routing_game.envs:UserVectorEnv",
)
gymnasium.register(id="RoutingGame/Session-v0", entry_point="routing_game.envs:SessionEnv")
gymnasium.register(id="RoutingGame/Models-v0", entry_point="routing_game.envs:ModelsEnv")
gymnasium.register(id="RoutingGame/Options-v0", entry_point="routing_game.envs:OptionsEnv")
gymnasium.register(id="RoutingGame/World-v0", entry_point="routing_game.envs:WorldEnv")
gymnasium.register(
    id="RoutingGame/Answer-v0",
    entry_point="routing_game.envs:AnswerEnv",
    order_enforce=False,  # does so itself
    vector_entry_point="routing_game.envs:AnswerVectorEnv",
)
