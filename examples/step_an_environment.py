"""A step of the provider's environment is one task; its info says what theory says of it."""

import gymnasium as gym

env = gym.make("routing_game:RoutingGame/Provider-v0", game="t4-cascade").unwrapped
env.reset(seed=0)
for commitment in ((1, 0.1), (1, 0.2106), (2, 0.0)):  # below the user's threshold, at it, route 2
    _, reward, _, _, info = env.step(commitment)
    reply = "leaves" if info["abandon"] else "stays"
    print(f"{commitment}: the user {reply}, reward {reward:.2f}, regret {info['regret']:.4f}")
