"""Pictures of a page as people see it: `python tests/report/screenshots.py REPORT.html FOLDER`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from browser import launched, opened
from PIL import Image

SIZES = {"desktop": (1160, 1180), "phone": (390, 844)}


def take(page: Path, folder: Path) -> None:
    """Desktop and phone, light and dark, and the drawing of a network. Raises FileNotFoundError without a Chromium."""
    with launched() as browser:
        for name, (width, height) in SIZES.items():
            for scheme in ("light", "dark"):
                with opened(browser, page, scheme=scheme, width=width) as found:
                    found.page.set_viewport_size({"width": width, "height": height})
                    _save(found.page.screenshot(), folder / f"{name}-{scheme}.png")
        with opened(browser, page, width=SIZES["desktop"][0]) as found:
            _save(found.page.locator(".network[open] .chart").first.screenshot(), folder / "network.png")


def _save(picture: bytes, path: Path) -> None:
    # Text on plain ground: 128 colours show no difference.
    Image.open(io.BytesIO(picture)).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


if __name__ == "__main__":
    take(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
