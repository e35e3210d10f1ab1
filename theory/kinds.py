"""The kinds of optimum that a game can have, by name, in the order in which ties are broken."""

RULES = {
    "stay-1": "serve with M1 and never escalate; the user stays until the task is solved",
    "s_L": "start with M1 and escalate as often as the user tolerates without ever leaving",
    "interior": "start with M1 and escalate so often that the user sometimes leaves",
    "leave-1": "serve one pass of M1; the user leaves if it fails",
    "s0": "start with M1 and escalate just often enough that the user stays",
    "stay-2": "serve with M2; the user stays until the task is solved",
    "leave-2": "serve one pass of M2; the user leaves if it fails",
}
"""Every kind of optimum in words, by route and, within each regime, by cascade.

The keys are `Equilibrium.rule`.
"""
