"""What the rules of a user who does not see s do, in words: for pages and for lists of names."""

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
