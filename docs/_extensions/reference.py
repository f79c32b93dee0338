"""List the modules of the package on the pages of the API reference, so that none is forgotten.

A line ``<!-- modules: NAME ... -->`` becomes a section for each module named. A package stands for itself and for those
of its own modules that no page names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parents[1]
SOURCE = DOCS.parent / "src"
MARKER = re.compile(r"^<!-- modules: (.*?) -->$", re.MULTILINE)


def modules_in(package: str) -> list[str]:
    """List the modules of a package, without those of the packages in it.

    >>> modules_in("debleed.bench")[:1]
    ['debleed.bench']
    """
    folder = SOURCE.joinpath(*package.split("."))
    inside = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    return [package, *(f"{package}.{name}" for name in inside)]


def named() -> set[str]:
    """Collect the names that the pages have in their markers."""
    pages = [path.read_text("utf-8") for path in (DOCS / "api").glob("*.md")]
    return {name for page in pages for marker in MARKER.findall(page) for name in marker.split()}


def listed(marker: str) -> list[str]:
    """Return the modules that a marker stands for, in their order."""
    names = marker.split()
    rest = [m for name in names if SOURCE.joinpath(*name.split(".")).is_dir() for m in modules_in(name)]
    return [*names, *(module for module in rest if module not in named())]


def expanded(text: str) -> str:
    """Replace the markers of a page by sections."""

    def sections(match: re.Match[str]) -> str:
        parts = [f"## {m}\n\n```{{eval-rst}}\n.. automodule:: {m}\n```\n" for m in listed(match[1])]
        return "\n".join(parts)

    return MARKER.sub(sections, text)


def setup(app: Sphinx) -> dict[str, bool]:
    """Expand the markers when a page is read."""

    def read(app: Sphinx, name: str, source: list[str]) -> None:
        if name.startswith("api/"):
            source[0] = expanded(source[0])

    app.connect("source-read", read)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
