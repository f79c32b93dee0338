"""Run the commands that a page shows and write what they print below them.

    python docs/transcripts.py docs/tutorial-command-line.md ...

Works on fenced blocks of the kind ``console``: a line ``$ command`` is run, what stands below it is replaced by its
output. All commands of a page run one after the other in one empty folder, so later ones find what earlier ones wrote.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)
WIDTH = 88
"""Columns that the commands believe to have; wider blocks scroll on a page."""


def run(command: str, folder: Path) -> str:
    """Run a command and return what it prints, and the exit code where that is not 0."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "COLUMNS": str(WIDTH), "NO_COLOR": "1", "PATH": path}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
    if done.returncode:
        raise SystemExit(f"'{command}' ended with {done.returncode}:\n{said}")
    return said


def commands(block: str) -> list[str]:
    r"""Return the commands of a block; a line that ends with a backslash goes on in the next.

    >>> commands("$ first\nits output\n$ second\n")
    ['first', 'second']
    """
    return [found.removeprefix("$ ") for found in re.findall(r"^\$ (?:.*\\\n)*.*$", block, re.MULTILINE)]


def renewed(text: str, folder: Path) -> str:
    """Run a page."""

    def one(match: re.Match[str]) -> str:
        return match[1] + "".join(f"$ {command}\n{run(command, folder)}" for command in commands(match[2])) + match[3]

    return BLOCK.sub(one, text)


def main() -> None:
    """Renew all pages named."""
    for page in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            page.write_text(renewed(page.read_text("utf-8"), Path(folder)), "utf-8")


if __name__ == "__main__":
    main()
