"""The verdicts in words, for a terminal and for a page."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from routing_game.experiments.paper.latex import FIRM, plain
from routing_game.experiments.paper.scene import Scene
from routing_game.experiments.paper.sentences import Verdict, judge


def terminal(verdicts: Sequence[Verdict], width: int = 96) -> str:
    """A few lines for each sentence: the verdict, the paper's words, the reason."""
    lines = [line for verdict in verdicts for line in _terminal(verdict, width)]
    return "\n".join(lines).replace(FIRM, " ")


def _terminal(verdict: Verdict, width: int) -> list[str]:
    sentence = verdict.sentence
    mark = "  holds    " if verdict.holds else "  not here "
    where = f"{sentence.panel}: " if sentence.panel else ""
    words = textwrap.wrap(f"{where}“{plain(sentence.words)}”", width - len(mark))
    why = textwrap.wrap(verdict.why, width - len(mark) - 2)
    first, *rest = words
    indent = " " * len(mark)
    lines = [mark + first, *(indent + line for line in rest)]
    return [*lines, *(f"{indent}  {line}" for line in why)]


def markdown(figure: str, scenes: Sequence[Scene]) -> str:
    """A list of the sentences about a figure: the paper's words, the verdicts of each set, why."""
    rows = zip(*(judge(figure, scene) for scene in scenes), strict=True)
    names = [scene.name for scene in scenes]
    return "\n".join(_item(names, verdicts) for verdicts in rows)


def _item(names: Sequence[str], verdicts: Sequence[Verdict]) -> str:
    sentence = verdicts[0].sentence
    told = [*zip(names, verdicts, strict=True)]
    if len({verdict.holds for verdict in verdicts}) == 1:
        result = "holds" if verdicts[0].holds else "does not hold"
    else:
        result = ", ".join(f"{name} {'holds' if v.holds else 'does not hold'}" for name, v in told)
    if len({verdict.why for verdict in verdicts}) == 1:
        why = verdicts[0].why
    else:
        why = "; ".join(f"{name}: {verdict.why}" for name, verdict in told)
    where = f" ({sentence.panel})" if sentence.panel else ""
    link = f" [Erratum](errata.md#test_{sentence.erratum})." if sentence.erratum else ""
    result = result[0].upper() + result[1:]
    item = f"“{sentence.words}”{where} **{result}**: {why}.{link}"
    return filled(item)


def filled(item: str) -> str:
    """An item of a list in lines of at most 98 columns; no formula is broken."""
    whole = re.sub(r"\$[^$]*\$", lambda formula: formula[0].replace(" ", FIRM), item)
    lines = textwrap.fill(
        whole,
        98,
        initial_indent="- ",
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines.replace(FIRM, " ")
