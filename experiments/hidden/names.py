"""What has a name here, and what it is in words: questions, and rules of a user who sees no s."""

RULE_WORDS = {
    "Bayes-optimal plan": "maximises what the rest of the session is worth, learning included",
    "plug-in": "answers the mean of its belief as if that were s, after each failure",
    "plug-in, each task": "plug-in, but decided once a task",
    "expected utility": "stays where that is worth more on average over its belief",
    "expected utility, each task": "expected utility, but decided once a task",
    "optimistic, fixed": "answers one standard deviation on the bright side of its mean",
    "optimistic, growing": "optimistic by sqrt(2 log n) standard deviations in task n",
    "Thompson": "answers an s that it draws from its belief once a task",
    "forced stays": "plug-in that stays anyway with chance min(1, 2 / sqrt(n)) in task n",
}
"""Rule of a user who does not see s -> what it does."""
EXPERIMENTS = {
    "trap": "how often a user ends up leaving for good, for every rule, and whom that costs what",
    "converge": "whether a user's belief finds s, how soon, and what stops it",
    "reputation": "whether a provider that learns keeps the user's trust, and when it pays to "
    "spend it",
    "users": "what a user that learns from play infers of s, with counts, a window or a memory",
    "observability": "which equilibrium learning pairs reach as the user sees less and less of s",
}
"""Question, the name of its module -> what it asks."""
FLAGS = {
    "sessions": ("trap", "converge", "users"),
    "seeds": ("reputation", "users", "observability"),
}
"""Flag of `belief` -> the questions that take it."""
