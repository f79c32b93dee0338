"""The commands of the README and of .ci/run as tasks: ``nox --list`` shows them, ``nox -s tests`` runs one.

Each session makes an environment of its own and keeps it; ``nox --no-venv --no-install`` uses the one at hand.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "venv"
nox.options.reuse_venv = "yes"
nox.options.sessions = ["lint", "types", "js-lint", "tests"]
nox.options.error_on_missing_interpreters = True

ROOT = Path(__file__).parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]

OLDEST = int(PROJECT["requires-python"].removeprefix(">=3."))
"""The minor version of the oldest Python that the package supports."""

SMOKE = ("tests/test_audio.py", "tests/test_session.py", "tests/test_cli_remove.py", "tests/test_neural.py")
"""Of the tests, those that say within a minute whether the package works on an interpreter."""

WHOLE = (
    "tests/test_contract.py",
    *SMOKE,
    "tests/test_stage.py",
    "tests/test_job.py",
    "tests/test_report.py",
    "tests/test_web_sessions.py",
)
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
    """Build the documentation into build/docs; a warning is an error, as is a reference that leads nowhere."""
    session.install("-e", ".[docs]")
    session.run("sphinx-build", "-W", "-n", "-q", "-b", "html", "docs", "build/docs", *session.posargs)


@nox.session
def examples(session: nox.Session) -> None:
    """Run the example scripts and notebooks, each in a folder of its own."""
    session.install("-e", ".[docs]")
    runners = {".py": ["python"], ".ipynb": ["jupyter", "execute"]}
    for example in sorted((ROOT / "examples").iterdir()):
        if runner := runners.get(example.suffix):
            with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
                session.run(*runner, shutil.copy(example, folder))


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
        found = pythons(session)
        oldest, newest = min(found), max(found)
        if oldest < newest:
            try_wheel(session, path, found[oldest], SMOKE, floors() if oldest == OLDEST else [])
        try_wheel(session, path, found[newest], WHOLE)


def holds_the_package(session: nox.Session, path: Path) -> None:
    """Compare the files in a wheel with those in the source tree: all but what only training needs."""
    expected = {
        file.relative_to(ROOT / "src").as_posix()
        for file in (ROOT / "src").rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and file.suffix != ".safetensors"
    }
    with zipfile.ZipFile(path) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    if found != expected:
        session.error(f"the wheel lacks {sorted(expected - found)} and has {sorted(found - expected)} too many")
    session.log(f"{path.name}: {len(found)} files, {path.stat().st_size / 1e6:.1f} MB")


def pythons(session: nox.Session) -> dict[int, str]:
    """Find the released Pythons of this machine that the package supports: minor version → path."""
    environment = dict(os.environ)
    if shutil.which("pyenv"):  # its stand-ins find the versions that are named here
        versions = subprocess.run(["pyenv", "versions", "--bare"], capture_output=True, text=True, check=True)
        environment["PYENV_VERSION"] = ":".join(versions.stdout.split())
    # a Python without ensurepip cannot make an environment (Debian's without python3-venv)
    ask = "import ensurepip, sys; print(sys.executable, sys.version_info.minor, sys.version_info.releaselevel)"
    found: dict[int, str] = {}
    for name in filter(shutil.which, (f"python3.{minor}" for minor in range(OLDEST, 100))):
        answer = subprocess.run([name, "-c", ask], capture_output=True, text=True, env=environment)
        if answer.returncode == 0:
            executable, minor, level = answer.stdout.rstrip().rsplit(" ", 2)
            if level == "final":
                found[int(minor)] = executable
    if not found:
        session.error(f"no Python {PROJECT['requires-python']} that can make environments is on this machine")
    return found


def floors() -> list[str]:
    """Name the oldest releases that pyproject.toml allows of what the tests of a wheel install."""
    extras = PROJECT["optional-dependencies"]
    return [line.replace(">=", "==") for line in (*PROJECT["dependencies"], *extras["neural"], *extras["test"])]


def try_wheel(
    session: nox.Session, path: Path, python: str, chosen: tuple[str, ...], constraints: Sequence[str] = ()
) -> None:
    """Install a wheel where nothing else is, run the demo, and the chosen tests from a copy of them."""
    with tempfile.TemporaryDirectory() as folder, session.chdir(folder):
        Path("constraints.txt").write_text("\n".join(constraints), encoding="utf-8")
        session.run(python, "-m", "venv", "venv", external=True)
        binaries = Path(folder, "venv", "Scripts" if os.name == "nt" else "bin")
        install = [str(binaries / "pip"), "install", "--quiet", "--constraint", "constraints.txt"]
        session.run(*install, str(path), external=True)
        session.run(str(binaries / "debleed"), "demo", external=True)
        session.run(*install, f"{path}[test,neural]", external=True)
        shutil.copytree(ROOT / "tests", "tests", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", "pyproject.toml")  # how pytest runs
        session.run(str(binaries / "pytest"), "-q", "-n", "2", *chosen, external=True)
