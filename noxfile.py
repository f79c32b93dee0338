"""The commands of the README and of .ci/run as tasks: ``nox --list`` shows them, ``nox -s tests`` runs one.

Each session makes an environment of its own and keeps it; ``nox --no-venv --no-install`` uses the one at hand.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "js-lint", "tests"]
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

SMOKE = ("tests/test_audio.py", "tests/test_session.py", "tests/test_cli_remove.py", "tests/test_neural.py")
"""Of the tests, those that say within a minute whether the package works on an interpreter."""

WHOLE = ("tests/test_contract.py", *SMOKE, "tests/test_report.py", "tests/test_web_sessions.py")
"""Those that go through every method and through every file that a wheel must hold: weights, pages, styles, scripts."""


@nox.session
def demo(session: nox.Session) -> None:
    """Install the package alone and run the main job on the embedded example."""
    session.install(".")
    session.run("debleed", "demo", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "2", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests and report what they cover; no number is enforced."""
    session.install("-e", ".[dev]")
    session.run("pytest", "-q", "-n", "2", "--cov", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check the style of the Python files."""
    session.install("-e", ".[dev]")
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Check the types."""
    session.install("-e", ".[dev]")
    session.run("mypy")


@nox.session(name="js-lint", venv_backend="none")
def js_lint(session: nox.Session) -> None:
    """Check the JavaScript of the page and of the report."""
    session.run("npm", "ci", "--silent", "--no-fund", "--no-audit", external=True)
    session.run("npm", "run", "--silent", "lint", external=True)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation into docs/_build; a warning is an error, as is a reference that leads nowhere."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "-n", "--keep-going", "-q", "docs", "docs/_build", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the example scripts and notebooks, each in a folder of its own."""
    session.install("-e", ".[docs]")
    for example in sorted((ROOT / "examples").glob("*.py")):
        with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
            session.run("python", str(example))
    for example in sorted((ROOT / "examples").glob("*.ipynb")):
        with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
            session.run("jupyter", "execute", str(example))


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, and test the wheel without the source tree, on the oldest and the newest Python here."""
    session.install("build", "twine")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder, silent=True)
        built = sorted(Path(folder).iterdir())
        session.run("twine", "check", "--strict", *map(str, built))
        (path,) = Path(folder).glob("*.whl")
        holds_the_package(session, path)
        *older, newest = ends(session)
        for python in older:
            try_wheel(session, path, python, SMOKE)
        try_wheel(session, path, newest, WHOLE)


def holds_the_package(session: nox.Session, path: Path) -> None:
    """Compare the files in a wheel with those in the source tree: all but what only training needs."""
    expected = {
        file.relative_to(ROOT / "src").as_posix()
        for file in (ROOT / "src" / "debleed").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".safetensors"
    }
    with zipfile.ZipFile(path) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    if found != expected:
        session.error(f"the wheel lacks {sorted(expected - found)} and has {sorted(found - expected)} too many")
    session.log(f"{path.name}: {len(found)} files, {path.stat().st_size / 1e6:.1f} MB")


def ends(session: nox.Session) -> list[str]:
    """Find the oldest and the newest released Python on this machine that the package supports: one or two paths."""
    names = [f"python3.{minor}" for minor in range(int(PROJECT["requires-python"].removeprefix(">=3.")), 100)]
    environment = dict(os.environ)
    if shutil.which("pyenv"):  # its stand-ins find the versions that are named here
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True)
        environment["PYENV_VERSION"] = ":".join(versions.stdout.split())
    # a Python without ensurepip cannot make an environment (Debian's without python3-venv)
    ask = "import ensurepip, json, sys; print(json.dumps([sys.executable, *sys.version_info]))"
    found: dict[int, str] = {}
    for name in filter(shutil.which, names):
        answer = subprocess.run([name, "-c", ask], capture_output=True, text=True, env=environment)
        if answer.returncode == 0:
            executable, _, minor, _, level, _ = json.loads(answer.stdout)
            if level == "final":
                found[minor] = executable
    if not found:
        session.error(f"none of the Pythons of this machine is {PROJECT['requires-python']} and can make environments")
    return [found[minor] for minor in sorted({min(found), max(found)})]


def try_wheel(session: nox.Session, path: Path, python: str, chosen: tuple[str, ...]) -> None:
    """Install a wheel where nothing else is, run the demo, and the chosen tests from a copy of them."""
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        session.run(python, "-m", "venv", "venv", external=True)
        binaries = Path(folder, "venv", "Scripts" if os.name == "nt" else "bin")
        session.run(str(binaries / "pip"), "install", "--quiet", str(path), external=True)
        session.run(str(binaries / "debleed"), "demo", external=True)
        session.run(str(binaries / "pip"), "install", "--quiet", f"{path}[test,neural]", external=True)
        shutil.copytree(ROOT / "tests", "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", "pyproject.toml")  # how pytest runs
        session.run(str(binaries / "pytest"), "-q", "-n", "2", *chosen, external=True)
