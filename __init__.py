"""The package, for a clone called routing_game when Python runs in the folder that holds it.

There Python takes this folder for the package and never looks at the installed one. So the folder
stands for it: what lies in `src/routing_game` is run here, and its subpackages are found here.
Nothing else imports this file.
"""

from pathlib import Path

if __name__ == "routing_game":
    _here = Path(__file__).resolve().parent
    _inner = _here / "src" / "routing_game"
    __path__ = [str(_inner), str(_here)]
    exec(
        compile(
            (_inner / "__init__.py").read_text(encoding="utf-8"), _inner / "__init__.py", "exec"
        )
    )
