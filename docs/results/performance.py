"""Fill docs/results/performance.json and the tables of docs/performance.md from a benchmark's JSON.

    make bench                            # writes .benchmarks/bench.json; a quiet machine, please
    python docs/results/performance.py    # reads it

A table stands on the page between `<!-- table: NAME, NAME -->`, the tables of the benchmarks of
which it is made, and `<!-- end of table -->`. Rates and ratios are rounded to three digits when
they are measured, so the page prints what the file holds. What stands outside is not touched: read
it again.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE, FILE = FOLDER.parent / "performance.md", FOLDER / "performance.json"
MEASURED = FOLDER.parents[1] / ".benchmarks/bench.json"
COLUMNS = ("numpy", "numpy ratio", "compiled", "compiled ratio", "gain", "wanted")
HEAD = re.compile(r"<!-- table: (.*?) -->\n.*?<!-- end of table -->", re.DOTALL)
Rows = dict[str, dict[str, float]]


def tables(bench: Any) -> dict[str, Rows]:
    """The rows of each table, in the order in which they were measured."""
    found: dict[str, Rows] = {}
    for test in bench["benchmarks"]:
        told = test["extra_info"]
        if "table" in told:
            found.setdefault(told["table"], {}).update(told["rows"])
    return found


def machine(bench: Any) -> dict[str, Any]:
    """What it was measured on."""
    about = bench["machine_info"]
    cpu = about.get("cpu", {})
    return {
        "processor": cpu.get("brand_raw", about["machine"]),
        "cores": cpu.get("count", 0),
        "Python": ".".join(about["python_version"].split(".")[:2]),
    }


def shown(x: float | None) -> str:
    """Three digits, thousands apart: 81 000 000, 12.3, .45."""
    if x is None:
        return ""
    if x >= 1000:
        return f"{x:,.0f}".replace(",", " ")
    digits = f"{x:.3g}"
    return digits if "e" not in digits else f"{x:.0f}"


def table(rows: Rows) -> str:
    """The rows in Markdown; only columns that some row fills."""
    columns = [name for name in COLUMNS if any(name in told for told in rows.values())]
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for row, told in rows.items():
        name = re.sub(r"[A-Za-z]\w*(Env|_\w+)(\([^)]*\))?", r"`\g<0>`", row)
        lines.append(f"| {name} | {' | '.join(shown(told.get(c)) for c in columns)} |")
    return "\n".join(lines)


def fill(page: str, found: dict[str, Rows]) -> str:
    """The page with its tables made anew."""

    def anew(match: re.Match[str]) -> str:
        rows: Rows = {}
        for name in match[1].split(", "):
            rows |= found[name]
        mark = "<!-- numbers: results/performance.json -->"
        return f"<!-- table: {match[1]} -->\n{mark}\n{table(rows)}\n\n<!-- end of table -->"

    return HEAD.sub(anew, page)


def values(found: dict[str, Rows], bench: Any) -> dict[str, Any]:
    """Row -> what was measured; a row that several tables have is told of each: a list."""
    rows: dict[str, Any] = {"machine": machine(bench)}
    for table_rows in found.values():
        for row, told in table_rows.items():
            rows.setdefault(row, []).append(told)
    return rows


def main(measured: Path) -> None:
    """Read what was measured, write file and page."""
    bench = json.loads(measured.read_text(encoding="utf-8"))
    found = tables(bench)
    commit = bench["commit_info"]["id"][:7] + "+" * bool(bench["commit_info"]["dirty"])
    made = {"commit": commit, "date": bench["datetime"][:10]}
    told = {"command": "make bench", "made": made, "values": values(found, bench)}
    FILE.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(fill(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8")
    print(f"{FILE}\n{PAGE}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else MEASURED)
