"""What is asked of generated packages: every module is imported, and mypy --strict and black have nothing to say."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_RUNTIME = Path(__file__).parent.parent.parent / "runtime"
_IMPORTING = """
import importlib, pathlib, sys
root = pathlib.Path(sys.argv[1])
sys.path.insert(0, str(root))
failed = 0
for path in sorted(root.rglob("*.py")):
    name = ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    try:
        importlib.import_module(name)
    except Exception as error:
        failed += 1
        print(f"{name}: {type(error).__name__}: {error}")
sys.exit(failed > 0)
"""


def modules(root: Path) -> list[Path]:
    """The generated modules in a folder of packages."""
    return sorted(path for path in root.rglob("*.py") if path.name != "__init__.py")


def imported(root: Path) -> str:
    """Import everything in a fresh interpreter, warnings being errors; what went wrong, or nothing."""
    return _run([sys.executable, "-W", "error", "-c", _IMPORTING, str(root)])


def typed(root: Path) -> str:
    """What mypy --strict has to say."""
    packages = [str(path) for path in sorted(root.iterdir()) if path.is_dir() and not path.name.startswith(".")]
    cache = f"--cache-dir={root / '.mypy_cache'}"
    mypy = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--config-file="]
    return _run([*mypy, cache, *packages], root)


def formatted(root: Path) -> str:
    """What black would change. Files are named one by one: black leaves out of a folder what git ignores."""
    told = _run([sys.executable, "-m", "black", "--check", *map(str, modules(root))])
    return "\n".join(line for line in told.splitlines() if line.startswith(("would", "error"))) or told


def _run(command: Sequence[str], folder: Path | None = None) -> str:
    """The output of a program that is not content; nothing when it is."""
    paths = os.pathsep.join(filter(None, [str(_RUNTIME), os.environ.get("PYTHONPATH")]))
    environment = os.environ | {"PYTHONPATH": paths, "MYPYPATH": f"{_RUNTIME}:{_RUNTIME.parent}"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return ""
    return (done.stdout + done.stderr).strip() or f"{command[2]} gave {done.returncode}"
