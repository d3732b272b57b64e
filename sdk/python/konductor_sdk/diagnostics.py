"""What a person should read, tied to a place in the inputs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Step = str | int
Path = tuple[Step, ...]

_PLAIN = re.compile(r"[\w\-/:$@]+")
_STEP = re.compile(r'\[(\d+)\]|\["((?:\\.|[^"\\])*)"\]|\.?([^.\[\]]+)')
_ESCAPE = re.compile(r"\\(.)")


def path_text(path: Path) -> str:
    """Writes a path as people do: `rules[0].port`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _PLAIN.fullmatch(step):
            text += f".{step}" if text else step
        else:
            escaped = step.replace("\\", "\\\\").replace('"', '\\"')
            text += f'["{escaped}"]'
    return text


def path_from(text: str) -> Path:
    """Reads a path as `path_text` writes it."""
    steps: list[Step] = []
    for index, quoted, plain in _STEP.findall(text):
        steps.append(int(index) if index else _ESCAPE.sub(r"\1", quoted) if quoted else plain)
    return tuple(steps)


@dataclass(frozen=True)
class Diagnostic:
    """One finding: what is wrong, what was expected, and what to do."""

    summary: str
    detail: str = ""
    help: str = ""
    at: Path = ()
    severity: Literal["error", "warning", "info"] = "error"

    @property
    def full_detail(self) -> str:
        """What was expected and what to do, as the interface carries it."""
        return "; ".join(part for part in (self.detail, self.help) if part)
