"""What a capture is called: its folder below `captures/`, and among all captures of one problem."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_NAME = re.compile(r"(?P<adapter>[^@#]+)(?:@(?P<route>[^@#]+))?(?:#(?P<copy>\d+))?")
_VERSION = re.compile(r"-\d[\w.]*$")


@dataclass(frozen=True)
class CaptureName:
    """The name of a capture, written `torch`, `chainer-6.3`, `torch@autograd_grad` or `torch#2`.

    adapter: the adapter in its environment, such as `chainer-6.3`.
    route: the route by which it was made; empty for the primary one.
    copy: 1, and from 2 on for further captures that are called the same, of folders that are judged together.
    """

    adapter: str
    route: str = ""
    copy: int = 1

    @classmethod
    def read(cls, text: str) -> CaptureName:
        """The name that a text stands for; a text that is no name of a capture is taken for the name of an adapter."""
        found = _NAME.fullmatch(text)
        if found is None:
            return cls(text)
        return cls(found["adapter"], found["route"] or "", int(found["copy"] or 1))

    def __str__(self) -> str:
        route = f"@{self.route}" if self.route else ""
        return f"{self.adapter}{route}" + (f"#{self.copy}" if self.copy > 1 else "")

    @property
    def primary(self) -> CaptureName:
        """The capture of the primary route of the same adapter, which captures of other routes are held against."""
        return CaptureName(self.adapter)

    @property
    def framework(self) -> str:
        """The framework, as far as the name tells: the adapter's name without the version of its environment."""
        return _VERSION.sub("", self.adapter)

    def numbered(self, copy: int) -> CaptureName:
        """The name of this capture as copy number `copy`, where several captures are called the same."""
        return replace(self, copy=copy)
