"""1024 tasks in one step of the batched engine, and the best of 1024 random commitments."""

import gymnasium as gym

import routing_game  # noqa: F401  registers the environments

tasks = gym.make_vec("RoutingGame/Provider-v0", num_envs=1024, game="t4-cascade")
tasks.reset(seed=0)
tasks.action_space.seed(0)
_, rewards, *_, infos = tasks.step(tasks.action_space.sample())
print(f"mean reward {rewards.mean():.3f}, least regret {infos['final_info']['regret'].min():.4f}")
