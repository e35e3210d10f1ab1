"""Do the tests of theory notice when theory is wrong? Mutants of cosmic-ray against their tests.

    python tests/mutate.py --sample 100 --workers 16 --seed 1 user provider

Each worker has a copy of the tree in which `routing_game` imports nothing but its folders: besides
cosmic-ray, numpy, scipy, mpmath, pytest and hypothesis do. Tests that fail unmutated are left out.
"""

import argparse
import ast
import difflib
import os
import queue
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / "tests" / "mutation.toml").read_text(encoding="utf-8"))
MODULES = CONFIG["modules"]
NOT_PYTHON = ""
OUTCOMES = {
    1: "killed",
    0: "survived",
    124: "timeout",
    125: "not run",
}  # else "incompetent": it cannot be imported


def sample(module: str, count: int, seed: int) -> list[tuple[str, str, str]]:
    """(operator, code, diff) of some mutants of a module, none in an annotation alone."""
    code = (ROOT / "theory" / f"{module}.py").read_text(encoding="utf-8")
    nodes, places, mutants = list(ast_nodes(get_ast(code))), [], []
    for name in operator_names():
        kind = get_operator(name)
        if not kind.arguments() and not re.search(CONFIG["skip"], name):
            number = sum(len(list(kind().mutation_positions(node))) for node in nodes)
            places += [(name, k) for k in range(number)]
    random.Random(f"{seed} {module}").shuffle(places)
    while places and len(mutants) < count:
        name, k = places.pop()
        mutant = mutate_code(code, get_operator(name)(), k)
        if meaning(mutant) not in (meaning(code), NOT_PYTHON):
            diff = difflib.unified_diff(code.split("\n"), mutant.split("\n"), lineterm="", n=0)
            mutants.append((name, mutant, "\n".join([*diff][2:])))
    return mutants


def meaning(code: str) -> str:
    """The syntax tree without annotations."""
    try:
        tree = ast.parse(code)
    except SyntaxError:
        return NOT_PYTHON
    for node in ast.walk(tree):
        vars(node).update(dict.fromkeys({"annotation", "returns"} & {*node._fields}))
    return ast.dump(tree)


def copy_tree(parent: str) -> Path:
    """A checkout whose packages import nothing by themselves: no Gymnasium is needed."""
    tree = Path(tempfile.mkdtemp(dir=parent))
    for folder in ("theory", "envs", "agents", "experiments"):
        shutil.copytree(ROOT / folder, tree / "routing_game" / folder)
    shutil.copytree(ROOT / "tests", tree / "tests")
    shutil.copytree(ROOT / "docs", tree / "docs")
    for package in (tree / "routing_game", tree / "routing_game" / "envs"):
        (package / "__init__.py").write_text("")
    shutil.copy(ROOT / "pyproject.toml", tree)
    return tree


def judge(
    trees: Any,
    tests: list[str],
    limit: float,
    end: float = float("inf"),
    name: str = "game.py",
    code: str = "",
) -> tuple[int, float]:
    """Exit code of pytest on a mutant, or unmutated, 124 if it takes too long; and the seconds."""
    tree, whole = trees.get(), (ROOT / "theory" / name).read_text(encoding="utf-8")
    path, start = tree / "routing_game" / "theory" / name, time.perf_counter()
    options = ["-x", "-q", "-m", "not slow", "-p", "no:cacheprovider", "--hypothesis-seed=0"]
    command = [sys.executable, "-B", "-m", "pytest", *options, *(f"tests/{test}" for test in tests)]
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(tree)}
    env = os.environ | alone | {"PYTHONPYCACHEPREFIX": os.devnull}
    path.write_text(code or whole, encoding="utf-8")
    try:
        if time.monotonic() > end:
            return 125, 0.0
        done = subprocess.run(command, cwd=tree, env=env, timeout=limit, capture_output=True)
        return done.returncode, time.perf_counter() - start
    except subprocess.TimeoutExpired:
        return 124, limit
    finally:
        path.write_text(whole, encoding="utf-8")
        trees.put(tree)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("modules", nargs="*", default=[*MODULES], help="of theory; all by default")
    parser.add_argument("--sample", type=int, default=10, help="mutants of each module")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0, help="after which none is begun")
    told, trees = parser.parse_args(), queue.Queue[Path]()
    with tempfile.TemporaryDirectory() as parent, ThreadPoolExecutor(told.workers) as pool:
        for _ in range(told.workers):
            trees.put(copy_tree(parent))
        files, count = sorted({test for m in told.modules for test in MODULES[m]}), Counter()
        runs = pool.map(lambda test: judge(trees, [test], 900), files)
        base = dict(zip(files, runs, strict=True))
        print("left out, as they do not pass unmutated:", *(t for t in files if base[t][0]))
        end, jobs = time.monotonic() + 60 * told.minutes, []
        for module in told.modules:
            tests = [test for test in MODULES[module] if base[test][0] == 0]
            limit = 30 + 3 * sum(base[test][1] for test in tests)
            mutants = sample(module, told.sample, told.seed) if tests else []
            for turn, (operator, code, diff) in enumerate(mutants):
                jobs.append(
                    (turn, module, operator, diff, (tests, limit, end, f"{module}.py", code))
                )
        jobs.sort(key=lambda job: job[0])  # a first mutant of each module, a second, ...
        told_of = [(*job[1:4], pool.submit(judge, trees, *job[4])) for job in jobs]
        for module, operator, diff, job in told_of:
            outcome = OUTCOMES.get(job.result()[0], "incompetent")
            count[module, outcome] += 1
            if outcome in ("survived", "timeout"):
                print(f"\n{outcome}: theory/{module}.py, {operator}\n{diff}", flush=True)
    for module in told.modules:
        counts = (f"{count[module, x]:6} {x}" for x in (*OUTCOMES.values(), "incompetent"))
        print(f"{module:16}" + "".join(counts))


if __name__ == "__main__":
    main()
