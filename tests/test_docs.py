"""The docs say what is true: their examples run, their commands exist, and the API reference has every module."""

import doctest
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import debleed
from debleed.cli import group

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
EXAMPLES = ROOT / "examples"


@pytest.mark.parametrize(
    "page", [page for page in PAGES if ">>> " in page.read_text("utf-8")], ids=lambda page: page.stem
)
def test_the_examples_of_a_page_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "path", [*sys.path])  # a page may add to it
    assert doctest.testfile(str(page), module_relative=False).failed == 0


def commands() -> list[str]:
    """List the commands of all pages and the README: lines of code blocks that begin with debleed."""
    found = []
    for page in (*PAGES, ROOT / "README.md"):
        for block in re.findall(r"^```(?:console|)\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE):
            lines = block.replace("\\\n", " ").splitlines()
            found += [line.strip().removeprefix("$ ") for line in lines if re.match(r" *(\$ )?debleed ", line)]
    return sorted(set(found))


@pytest.mark.parametrize("line", commands())
def test_a_command_exists_with_its_options(line: str) -> None:
    words = line.partition(" #")[0].split()[1:]
    context = click.Context(group)
    command: click.Command = group
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command = found
    known = {name for parameter in command.params for name in parameter.opts}
    used = {word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)}
    assert used <= known, line


def test_the_reference_has_every_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs" / "_extensions"))
    reference = importlib.import_module("reference")
    package = Path(debleed.__file__).parent
    modules = set()
    for path in package.rglob("*.py"):
        parts = path.relative_to(package.parent).with_suffix("").parts
        modules.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    pages = [reference.expanded(page.read_text("utf-8")) for page in (ROOT / "docs" / "api").glob("*.md")]
    listed = re.findall(r"automodule:: (\S+)", "\n".join(pages))
    assert sorted(listed) == sorted(modules)


def test_the_method_of_the_docs_passes_the_contract() -> None:
    path = os.pathsep.join([str(EXAMPLES), *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "debleed.contract", "subtract:Subtract", "-q"]
    done = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout


def test_the_notebook_is_kept_without_outputs() -> None:
    for path in EXAMPLES.glob("*.ipynb"):
        cells = json.loads(path.read_text("utf-8"))["cells"]
        assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)
