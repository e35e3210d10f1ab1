"""What the paper says about its figures, and whether our pictures bear it out.

The words are the paper's, in LaTeX, the reasons ours. A verdict is computed from the facts that
`facts` measures in a picture, and is about this picture: another choice of numbers can turn it.
Reasons are templates, filled with the same facts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from routing_game.experiments.paper.facts import MEASURES, Facts
from routing_game.experiments.paper.scene import Scene

MOST = 0.5
"""A share above this counts as "most"."""
ALMOST_ALWAYS = 0.895
"""A share from this on counts as "almost always": nine in ten, to the per cent."""


class Sentence(NamedTuple):
    """A claim of the paper about a figure."""

    figure: str
    panel: str
    """The panel that it is about; "" where the figure has one, "both" or "all" for several."""
    words: str
    """The paper's."""
    holds: Callable[[Facts], Any]
    """Whether it holds in a picture with these facts."""
    because: str
    """Why, where it holds."""
    but: str = ""
    """Why not, where it does not."""
    erratum: str = ""
    """The entry of docs/errata.md on the sentence, by its test's name without `test_`."""


class Verdict(NamedTuple):
    """A sentence held against one picture."""

    sentence: Sentence
    holds: bool
    why: str


def judge(figure: str, scene: Scene) -> tuple[Verdict, ...]:
    """All sentences about a figure, in the paper's order."""
    facts = MEASURES[figure](scene)
    return tuple(held(sentence, facts) for sentence in SENTENCES if sentence.figure == figure)


def held(sentence: Sentence, facts: Facts) -> Verdict:
    """One sentence against the facts."""
    holds = bool(sentence.holds(facts))
    return Verdict(sentence, holds, (sentence.because if holds else sentence.but).format(**facts))


def joined(*parts: str) -> str:
    """A sentence from its lines, which a formatter leaves apart."""
    return "".join(parts)


EITHER_MODEL = joined(
    "Most importantly, providers will reduce costs from throttling either ",
    "(or both) models.",
)
SWEEP = (
    r"we hold $c_1 = 1$ constant and sweep the difference in cost-of-pass $c_1/p_1 - c_2/p_2$ "
    "as well as $P$."
)

FIGURE_1 = (
    Sentence(
        "1",
        "",
        "User behavior depends on the state of the two models in terms of providing utility "
        "versus the delay incurred from inference compute.",
        lambda f: f["kinds_of_reply"] == 4,
        "the four quadrants have four different replies to (i, s)",
    ),
    Sentence(
        "1",
        "",
        "Provider policies must follow different thresholding rules in each region.",
        lambda f: f["kinds_of_rule"] == 4,
        "the four quadrants have four different sets of optima",
    ),
    Sentence(
        "1",
        "",
        "When both models deliver positive (respectively, negative) value, users stay "
        "(respectively, churn) regardless of routing.",
        lambda f: f["stay"] and f["leave"],
        "q* = 0, or 1, for every i and s (at value 0 it is a set)",
        erratum="best_responses_at_zero_net_value",
    ),
    Sentence(
        "1",
        "",
        "When the models differ, users churn or stay depending on the cascade likelihood.",
        lambda f: f["replies_mixed"] > 1,
        "on route 1 the reply changes with s in both mixed quadrants",
    ),
    Sentence(
        "1",
        "",
        joined(
            "When models deliver similar value, the optimal policy is to route with no cascade ",
            "to one of the models.",
        ),
        lambda f: f["cascades_same"] == 0,
        "if similar means of one sign: no cascade is optimal there",
        erratum="similar_value",
    ),
    Sentence(
        "1",
        "",
        joined(
            "In the mixed cases, some regimes reveal routing to the standard model and then ",
            "cascading is optimal.",
        ),
        lambda f: f["cascades_mixed"] > 0,
        "a cascade is optimal on at least {cascades_mixed:.1%} of each mixed plane",
    ),
    Sentence(
        "1",
        "",
        joined(
            "Users receive sub-optimal utility when the model quality and provider costs rank ",
            "differently.",
        ),
        lambda f: f["ranks_rule"],
        "if value per success, ξ/p, is the quality: where both are positive the gap is open "
        "exactly where its rank and that of cost differ",
        erratum="cheaper_and_more_successful",
    ),
    Sentence(
        "1",
        "",
        "Misalignment arises when the models deliver different net value, when churn penalties "
        "are low, or when cost-per-success rankings conflict with user utility rankings.",
        lambda f: f["aligned_at_low_penalty"] == 0 and f["gap_at_high_penalty"] == 0,
        "a gap at the lowest P everywhere, at the highest nowhere",
        "low P is no cause: with both values positive {aligned_at_low_penalty:.0%} "
        "of the lowest row of P have no gap; with only M2's positive {gap_at_high_penalty:.0%} "
        "of the highest have one",
        erratum="causes_of_misalignment",
    ),
    Sentence(
        "1",
        "",
        "Low churn penalties can incentivize providers to throttle latency.",
        lambda f: f["gains_low"] == 1,
        "throttling gains wherever P is under a tenth of c₁/p₁",
    ),
    Sentence(
        "1",
        "",
        "providers can lower their costs by discouraging repeated use and increasing latency, "
        "thereby deteriorating user utility.",
        lambda f: f["worse_for_user"],
        "wherever throttling both gains, the user loses (it need not, for slowing M1 alone)",
        erratum="throttling_that_changes_nothing",
    ),
)

FIGURE_2 = (
    Sentence(
        "2",
        "",
        r"The model successfully completes the task with probability $p_i$, which transitions to "
        r"the Success state and yields the user value $V$.",
        lambda f: f["success"] < 1e-12,
        "the arrows to Success",
    ),
    Sentence(
        "2",
        "",
        "If the model fails, the user abandons the task with probability $q$, which transitions "
        "to the Abandon state and incurs provider penalty $P$.",
        lambda f: f["abandon"] < 1e-12 and f["rows"] < 1e-12,
        "the arrows to Abandon; all arrows out of a model sum to 1",
    ),
    Sentence(
        "2",
        "",
        r"If the user remains and the provider initially tried $M_1$, they can cascade to $M_2$ "
        r"with probability $s$ or stay at $M_1$ with probability $1 - s$.",
        lambda f: abs(f["cascade"] - 0.25) < 1e-12,
        "at s = .25 a quarter of those who stay at M1",
    ),
    Sentence(
        "2",
        "",
        "Finally, depending on the initial model, the user success probability and total delay "
        "yield closed-form expressions:",
        lambda f: f["forms"] < 1e-12,
        joined(
            "the chain, solved as equations at s = q = .25, gives S₁ = {S1:.4f}, and so does the ",
            "formula",
        ),
    ),
)

FIGURE_3 = (
    Sentence(
        "3",
        "",
        "When both models are value-dominated (top right) or latency-dominated (bottom left), the "
        "user best response is static.",
        lambda f: f["top_right"] == 0 and f["bottom_left"] == 1,
        "q* = 0 on all of the one, 1 on all of the other",
    ),
    Sentence(
        "3",
        "",
        "When the models differ in their regime (top left and bottom right), the user response "
        r"depends on $\xi_1, \xi_2$.",
        lambda f: 0 < f["leaves_top_left"] < 1 and 0 < f["stays_bottom_right"] < 1,
        "top left it leaves on {leaves_top_left:.0%} of the quadrant; bottom right it stays on "
        "{stays_bottom_right:.0%} and leaves for sure on {leaves_bottom_right:.0%}",
    ),
    Sentence(
        "3",
        "",
        r"Note that $q^* \in (0, 1)$ is in the interior only in certain regimes for "
        r"$\xi_1 > 0 > \xi_2$.",
        lambda f: f["interior"] > 0 and f["interior_elsewhere"] == 0,
        "on {interior:.1%} of the quadrant, between the lines of s_L and s_H, and nowhere else",
    ),
    Sentence(
        "3",
        "",
        "If both models are value-dominated, the user should stay in the system regardless of the "
        "routing and cascade policy.",
        lambda f: f["always_stays"] == 0,
        "q* = 0 also for s = 0, .5, 1 and for route 2",
    ),
    Sentence(
        "3",
        "",
        "If both models are latency-dominated, the user should abandon the task.",
        lambda f: f["always_leaves"] == 1,
        "q* = 1 for the same policies",
    ),
    Sentence(
        "3",
        "",
        r"users should only accept routing to $M_1$ if the likelihood of cascading is high, i.e., "
        "$s > s_0$.",
        lambda f: f["stays_below_zero"] == 0,
        "no task in which the user stays is worth less than nothing to it",
        "above the line of s₀ it stays once it has begun, but on {stays_below_zero:.0%} of that "
        "part the task is worth less than nothing: it would not begin",
        erratum="accepting_to_start_at_m1",
    ),
    Sentence(
        "3",
        "",
        "This is the only scenario where user behavior is stochastic",
        lambda f: f["interior_elsewhere"] == 0,
        "0 < q* < 1 only there",
    ),
)

FIGURE_4 = (
    Sentence(
        "4",
        "both",
        SWEEP,
        lambda f: f["least_c2"] > 1 and f["differences"][0] < 0 < f["differences"][1],
        "by c₂ > 1 with p held fixed, so that x < 1/p₁ − 1/p₂; c ≤ 1 cannot be had with it",
        erratum="scale_of_figures_4_and_5",
    ),
    Sentence(
        "4",
        "both",
        "For most regimes, the optimal policy is either to route immediately to $M_1$ or to $M_2$ "
        "without any cascading.",
        lambda f: min(f["static_left"], f["static_right"]) > MOST,
        "on {static_left:.0%} of the left plane and {static_right:.0%} of the right",
    ),
    Sentence(
        "4",
        "left",
        r"There exist only some regimes for $\xi_1 > 0 > \xi_2$ where the optimal policy involves "
        r"probabilistic $s \in (0, 1)$.",
        lambda f: f["s0_left"] == 0 and 0 < f["s_L_right"] < 1,
        "only the right plane has such policies",
        "the left plane has them too, (1, s₀), on {s0_left:.1%}; true of the right plane alone: "
        "(1, s_L) on {s_L_right:.1%}",
        erratum="figure_4_caption",
    ),
    Sentence(
        "4",
        "both",
        r"For most settings, a static policy, i.e., "
        r"$(i^*, s^*) \in \lbrace (1, 0), (1, 1), (2, 0) \rbrace$, is optimal.",
        lambda f: min(f["static_left"], f["static_right"]) > MOST,
        "the same shares; (1, 1) is among (1, s ≥ s_H), where nobody ever cascades",
        erratum="cascade_on_failure_that_never_happens",
    ),
    Sentence(
        "4",
        "both",
        "Moreover in both cases, the optimal policy is almost always to route to $M_1$ first.",
        lambda f: min(f["m1_left"], f["m1_right"]) >= ALMOST_ALWAYS,
        "M1 first on {m1_left:.0%} left, {m1_right:.0%} right, as the plane reaches so much "
        "farther to the left than to the right",
        "M1 first on {m1_left:.0%} left and {m1_right:.0%} right: where M2 is cheaper until it "
        "succeeds (x > 0) it comes first",
        erratum="the_weaker_model_first",
    ),
    Sentence(
        "4",
        "both",
        "the role of cascading differs depending on which of the two models is value-dominated.",
        lambda f: f["left_cascades_where"] == [-1.0] and f["right_cascades_where"] == [1.0],
        "left it makes the user of a cheap M1 stay (x < 0); right it calls on a cheap M2 as often "
        "as the user will bear (x > 0)",
    ),
    Sentence(
        "4",
        "right",
        r"If $M_1$ is the only value-dominated model, then cascading is effective specifically "
        r"when the penalty is sufficiently low with respect to $c_1/p_1$;",
        lambda f: f["s_L_low"] > 0,
        "a cascade is optimal for some P < c₁/p₁",
        "the cascade (1, s_L) is for high P: above P₃, never below c₁/p₁",
        erratum="cascading_for_low_penalties",
    ),
    Sentence(
        "4",
        "right",
        "otherwise, the provider is incentivized to remain at the standard model.",
        lambda f: f["m1_alone_beyond"] == 1,
        "above c₁/p₁ the optimum is (1, 0) everywhere",
        "above c₁/p₁ the optimum is (1, 0) on {m1_alone_beyond:.0%}, where x < 0; where x > 0 it "
        "is M2, then the cascade",
        erratum="cascading_for_low_penalties",
    ),
    Sentence(
        "4",
        "left",
        r"If $M_2$ is value-dominated, then aggressive cascading via $s = 1$ is useful only when "
        "$P$ is sufficiently small.",
        lambda f: f["escalating"] > 0,
        "(1, 1) with a user who stays is optimal somewhere",
        "it is optimal nowhere; the cascade that is, at s₀, is for P above P₂",
        erratum="certain_escalation_for_small_penalties",
    ),
)

FIGURE_5 = (
    Sentence(
        "5",
        "left, middle",
        r"If $\text{sign}(\xi_1) \neq \text{sign}(\xi_2)$, then $\Delta_U = 0$ if and only if "
        r"$\xi_{i^*} > 0$ and $s^* = 0$.",
        lambda f: f["aligned_iff"],
        "no gap on {aligned_left:.0%} of the left plane (M2), on {aligned_right:.0%} of the middle "
        "one (M1); the gap is constant on each region",
        erratum="proposition_1_3_at_zero_net_value",
    ),
    Sentence(
        "5",
        "left, middle",
        joined(
            "Finally if the models are differentiated, any likelihood of cascading exposes the ",
            "user to latency.",
        ),
        lambda f: f["more_is_worse_left"] and f["more_is_worse_middle"],
        "U falls with s in both regimes",
        "true in the middle; left, the user who stays gains from every escalation",
        erratum="any_likelihood_of_cascading",
    ),
    Sentence(
        "5",
        "left, middle",
        joined(
            "highlight this regime for the same parameters as in Figure 4, showing the ",
            "misalignment gap.",
        ),
        lambda f: f["same_numbers"],
        "the same games, and their borders",
    ),
    Sentence(
        "5",
        "left, middle",
        r"Depending on the costs and penalties, a misalignment gap can exist for every possible "
        r"configuration of $\xi_1, \xi_2$.",
        lambda f: f["gap_somewhere"],
        "at our values all four pairs of signs have one somewhere on this plane",
        "some pair of signs has none on this plane",
        erratum="gap_in_every_configuration",
    ),
    Sentence(
        "5",
        "right",
        r"If $P \leq \min\lbrace c_1/p_1, c_2/p_2 \rbrace$, then setting $\hat{t}_i > Vp_i$ "
        r"incurs $J_{post}^* \leq J_{pre}^*$.",
        lambda f: f["gain_below"],
        "below the dashed line throttling both costs nothing",
    ),
    Sentence(
        "5",
        "right",
        r"the gain is $\min_i\lbrace c_i/p_i \rbrace - \min_i\lbrace c_i + P(1 - p_i) \rbrace$, "
        "which is linear in $P$.",
        lambda f: f["bends"] == 0,
        "no kink where it gains",
        "for x > 0 ({bends:.0%} of the width) it has a kink at d below the dashed line",
        erratum="throttling_gain_linear_in_penalty",
    ),
    Sentence(
        "5",
        "right",
        r"Moreover, throttling maximizes misalignment $\Delta_U$,",
        lambda f: f["most_misaligned"] == 1,
        "after throttling the gap is nowhere less than in the other regimes",
        "once both are throttled the gap is at most {greatest_throttled:.2f}, in the other "
        "regimes up to {greatest:.2f}",
        erratum="throttling_maximises_misalignment",
    ),
    Sentence(
        "5",
        "right",
        EITHER_MODEL,
        lambda f: f["m1_idle"] == 0 and f["m2_idle"] == 0,
        "slowing one alone gains wherever slowing both does",
        "both, or M2 alone; slowing M1 alone gains nothing on {m1_idle:.1%} of the region in "
        "which both gain; see the figure on throttling",
        erratum="throttling_either_model",
    ),
    Sentence(
        "5",
        "right",
        r"When $P$ exceeds $\min\lbrace c_1/p_1, c_2/p_2 \rbrace$, the gain from throttling "
        "becomes negative and this misaligned policy loses its dominance.",
        lambda f: f["loss_above"],
        "for both slowed, as in the formula",
        erratum="throttling_gain_above_the_bound",
    ),
)

THROTTLING = (
    Sentence(
        "throttling",
        "both",
        EITHER_MODEL,
        lambda f: f["m1_idle"] == 0 and f["m2_idle"] == 0,
        "slowing one alone gains wherever slowing both does",
        "slowing M2 alone attains all that throttling can give; slowing M1 alone gains nothing on "
        "{m1_idle:.1%} of the region below the dashed line, where the provider turns to M2",
        erratum="throttling_either_model",
    ),
    Sentence(
        "throttling",
        "left",
        r"When $P$ exceeds $\min\lbrace c_1/p_1, c_2/p_2 \rbrace$, the gain from throttling "
        "becomes negative",
        lambda f: f["m1_above"] == 0,
        "negative everywhere above the line",
        "slowing M1 alone costs nothing on {m1_above:.0%} of the region in which slowing both does",
        erratum="throttling_gain_above_the_bound",
    ),
)

SENTENCES = (*FIGURE_1, *FIGURE_2, *FIGURE_3, *FIGURE_4, *FIGURE_5, *THROTTLING)
"""All of them, figure by figure, in the paper's order within each."""
