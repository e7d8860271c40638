"""The JSON files of a folder of vectors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_vectors(folder: Path) -> list[dict[str, Any]]:
    """Every vector of every file, with the file's stem as `file`."""
    found = []
    for path in sorted(folder.glob("*.json")):
        found += [vector | {"file": path.stem} for vector in json.loads(path.read_text(encoding="utf-8"))]
    return found
