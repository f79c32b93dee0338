"""The words of the first house are gone: the field has its own."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

OLD = {
    "voice": r"voices?\b|\bvoice",
    "guide": r"\bguides?\b",
    "suppression": r"suppression",
    "preamp": r"\bpreamps?\b",
    "evidence": r"\bevidence\b",
    "predictable share": r"predictable[ _]share",
    "founding": r"founding(?!\.md)",
    "fitted method": r"\b(?-i:Fitted[A-Z])",
    "judging": r"\bjudging\b",
}
"""Word → pattern; ``founding.md`` stays, since scripts read it."""

EXEMPT = {"spelling.py", "vocabulary.py", "CHANGELOG.md", "changelog.md", "glossary.md", "test_words.py"}
"""The tables of old spellings and of what consoles say, and what documents the change."""

LINES = re.compile(r"--voice|['\"]voices['\"]|`\[voices\]`|\"founding-linear\"|\"-voice\"")
"""Lines that accept an old spelling, or name it to say so, and the option of Flite."""


def files() -> list[Path]:
    found = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "noxfile.py"]
    for folder, kinds in {
        "src": ("py", "js", "html", "css"),
        "docs": ("md", "py"),
        "examples": ("py", "ipynb"),
        "benchmarks": ("py", "toml", "md"),
        "tests": ("py",),
    }.items():
        found += [path for kind in kinds for path in sorted((ROOT / folder).rglob(f"*.{kind}"))]
    return [path for path in found if path.name not in EXEMPT]


@pytest.mark.parametrize("word", OLD)
def test_old_words_are_gone(word: str) -> None:
    pattern = re.compile(OLD[word], re.IGNORECASE)
    left = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
        if pattern.search(line) and not LINES.search(line)
    ]
    assert not left, "\n".join(left)
