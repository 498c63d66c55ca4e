"""Copies of adapters with something changed: a fault put where somebody would write it."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path

from gradconform import paths

# What an operator that is written anew may use, whatever the file it goes to imports.
IMPORTS = {
    "torch": "import torch\nfrom torch.nn import functional as F\n",
    "chainer": "import chainer\nimport numpy as np\nfrom chainer import functions as F\n",
    "nnabla": "import nnabla as nn\nimport numpy as np\nfrom nnabla import functions as F\n",
}


def copied(framework: str, where: Path) -> Path:
    """A copy of an adapter's folder below `where`; its environment is found by the name of the folder."""
    folder = where / framework
    shutil.copytree(paths.adapters_folder() / framework, folder, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def append(folder: Path, file: str, text: str) -> None:
    """Append a text to a file of an adapter; `operators`: each operator to the file that defines it, in its place."""
    if file != "operators":
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write("\n\n" + text)
        return
    for family, part in parts(folder, text).items():
        family.write_text(f"{family.read_text(encoding='utf-8')}\n\n{IMPORTS[folder.name]}\n{part}", encoding="utf-8")


def parts(folder: Path, text: str) -> dict[Path, str]:
    """File of a family -> the operators of a text that it defines, each with what stands around it in the text.

    What names another family's operator stays away. Raises AssertionError for an operator that nobody defines.
    """
    families = {path: path.read_text(encoding="utf-8") for path in sorted((folder / "operators").glob("*.py"))}
    statements = [(statement, ast.get_source_segment(text, statement) or "") for statement in ast.parse(text).body]
    operators = {s.name for s, _ in statements if isinstance(s, ast.FunctionDef) and s.name.startswith("op_")}
    texts: dict[Path, str] = {}
    nowhere = set(operators)
    for path, there in families.items():
        mine = {name for name in operators if re.search(rf"^def {name}\(", there, re.M)}
        if mine:
            others = operators - mine
            kept = [source for s, source in statements if not others & set(re.findall(r"\bop_\w+", source))]
            texts[path] = "\n\n\n".join(kept) + "\n"
            nowhere -= mine
    assert not nowhere, f"no file of {folder.name} defines {sorted(nowhere)}"
    return texts
