"""Games between an LLM provider that routes tasks and a user who may leave.

Importing the package registers its Gymnasium environments, `RoutingGame/Provider-v0`, `User-v0`,
`Session-v0`, `Models-v0`, `Options-v0` and `World-v0`, and for `gym.make_vec` alone `Answer-v0`, by
name only: their modules, PyTorch and Stable-Baselines3 are loaded when something asks for them.
"""

from routing_game import interrupts

interrupts.end_at_once()  # before anything that takes long to import

import gymnasium  # noqa: E402

__version__ = "0.1.0"

gymnasium.register(
    id="RoutingGame/Provider-v0",
    # not `additional_wrappers`: make_vec refuses ids with both those and an engine of their own
    entry_point="routing_game.envs:boxed_provider",
    order_enforce=False,  # any step is a whole task
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
    id="RoutingGame/Answer-v0",  # there are only many at once
    vector_entry_point="routing_game.envs:AnswerVectorEnv",
)
