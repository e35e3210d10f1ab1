"""PPO as the provider, against the exact user: it ends at the equilibrium, M1 and s = 0."""

import gymnasium as gym
import torch
from stable_baselines3 import PPO

import routing_game
from routing_game.envs import from_box

torch.set_num_threads(1)  # networks this small are slower on many threads
env = gym.make("routing_game:RoutingGame/Provider-v0", game="t5-stay")
settings = {"n_steps": 256, "gamma": 1.0, "gae_lambda": 1.0, "seed": 0, "device": "cpu"}
provider = PPO("MlpPolicy", env, **settings).learn(3_000)
observation, _ = env.reset(seed=0)
action, _ = provider.predict(observation, deterministic=True)
route, cascade = from_box(action)
regret = env.step(action)[-1]["regret"]
print(f"learned: route={route}, s={cascade:.4f}; regret {regret:.4f}")
print(routing_game.solve("t5-stay"))
