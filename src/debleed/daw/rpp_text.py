"""The text of REAPER projects, by lines.

A block begins with a line ``<NAME ...`` and ends with ``>``; between them are lines and further blocks. Lines hold
words, of which those with spaces are quoted. Libraries that parse whole projects (rpp 0.5, and reaproj 0.1 on top of
it) write other quotes than they read, refuse empty lines and blocks nested 1000 deep, and take 0.4 s a megabyte. Here,
lines that are not changed stay as they are, to the byte.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from debleed.recording import InputError

DEEPEST = 64
"""Blocks inside each other; REAPER has about six."""

LARGEST = 2**30
"""Bytes; the states of many plug-ins take some 100 MB."""

LINES = re.compile(r"[^\n]*\n|[^\n]+")
"""Lines end with a line feed only; names may hold other separators."""

WORDS = re.compile(r'"([^"]*)"|\'([^\']*)\'|`([^`]*)`|(\S+)')


@dataclass
class Block:
    """A block of a project.

    Parameters
    ----------
    lines
        Its first line, and then its lines and blocks in order, without the one that closes it. Lines keep their indent
        and the end of the line.
    """

    lines: list[str | Block] = field(default_factory=list)
    closing: str = ""

    @property
    def head(self) -> list[str]:
        """The words of the first line."""
        return words(str(self.lines[0]).strip()[1:])

    @property
    def kind(self) -> str:
        """The name of the block."""
        return (self.head or [""])[0]

    def blocks(self, kind: str) -> list[Block]:
        """Return the blocks of a kind that are directly inside this one."""
        return [one for one in self.lines if isinstance(one, Block) and one.kind == kind]

    def set(self, key: str, values: str) -> None:
        """Replace what follows a word in the first line that begins with it, or add the line after the first one."""
        for k, line in enumerate(self.lines):
            if k and isinstance(line, str) and starts_with(line, key):
                self.lines[k] = f"{indent(line)}{key} {values}{ending(line)}"
                return
        first = str(self.lines[0])
        self.lines.insert(1, f"{indent(first)}  {key} {values}{ending(first)}")

    def values(self, key: str) -> list[str] | None:
        """Return the words after the first line that begins with a word, or ``None``."""
        for line in self.lines[1:]:
            if isinstance(line, str) and starts_with(line, key):
                return words(line.strip())[1:]
        return None

    def text(self) -> Iterator[str]:
        """Yield all lines."""
        for line in self.lines:
            if isinstance(line, str):
                yield line
            else:
                yield from line.text()
        yield self.closing


def indent(line: str) -> str:
    """Return the spaces before a line."""
    return line[: len(line) - len(line.lstrip())]


def ending(line: str) -> str:
    """Return the end of a line: CR LF or LF."""
    return "\r\n" if line.endswith("\r\n") else "\n"


def starts_with(line: str, key: str) -> bool:
    """Return whether the first word of a line is a key."""
    return line.split(None, 1)[:1] == [key]


def words(line: str) -> list[str]:
    r"""Split a line into words.

    Examples
    --------
    >>> words('NAME "Kick in" 0 \'say "hi"\' ""')
    ['NAME', 'Kick in', '0', 'say "hi"', '']
    """
    return ["".join(part or "" for part in match.groups()) for match in WORDS.finditer(line)]


def quoted(word: str) -> str:
    r"""Quote a word as REAPER does, with the first of three quotes that it does not contain.

    Examples
    --------
    >>> print(quoted("Kick in"), quoted('say "hi"'), quoted("6' \" pipe"))
    "Kick in" 'say "hi"' `6' " pipe`
    """
    word = re.sub(r"[\r\n]", " ", word)
    for quote in "\"'`":
        if quote not in word:
            return f"{quote}{word}{quote}"
    return "`" + word.replace("`", "'") + "`"


def read(path: Path) -> Block:
    """Read a file, whose only block is the project.

    Raises
    ------
    InputError
        If it is no project of REAPER, or damaged.
    """
    if path.stat().st_size > LARGEST:
        raise InputError(f"'{path}' has {path.stat().st_size / 2**30:.1f} GiB, which no project has")
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    if not text.startswith("<REAPER_PROJECT"):
        raise InputError(f"'{path}' is no project of REAPER; save it again as RPP")
    root = Block()
    stack = [root]
    for number, line in enumerate(LINES.findall(text), 1):
        plain = line.strip()
        if plain.startswith("<"):
            block = Block([line])
            stack[-1].lines.append(block)
            stack.append(block)
            if len(stack) > DEEPEST:
                raise InputError(f"'{path}' is damaged: its blocks are nested too deeply in line {number}")
        elif plain == ">" and len(stack) > 1:
            stack.pop().closing = line
        else:
            stack[-1].lines.append(line)
    if len(stack) > 1 or len(root.blocks("REAPER_PROJECT")) != 1:
        raise InputError(f"'{path}' is damaged: it ends before its blocks do; open it in REAPER and save it again")
    return root
