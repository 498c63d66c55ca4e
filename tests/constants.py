"""What a file of an adapter has in its constants, without importing the framework."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any


def constants(path: Path) -> dict[str, Any]:
    """What the assignments at the top of a file evaluate to."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Assign)]
    found: dict[str, Any] = {}
    exec(compile(tree, str(path), "exec"), found)
    return found
