import doctest
import re
from pathlib import Path

import debleed

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TESTS = "pytest -q -n 2"


def test_the_examples_run() -> None:
    assert doctest.testfile(str(ROOT / "README.md"), module_relative=False).failed == 0


def test_the_picture_of_the_house_is_true() -> None:
    house = Path(debleed.__file__).parent
    drawn = set(re.findall(r"^[├└]── (\S+)", CONTRIBUTING, re.MULTILINE))
    files = {path.name for path in house.glob("*.py")}
    folders = {f"{path.name}/" for path in house.iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert drawn == files | folders


def test_the_commands_are_those_that_are_checked() -> None:
    assert TESTS in README
    assert TESTS in CONTRIBUTING
    assert TESTS in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_links_lead_somewhere() -> None:
    to_come = {"benchmarks/ACCURACY.md", "benchmarks/SPEED.md"}  # written by the benchmarks
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists() or target in to_come, target


def test_versions_agree() -> None:
    assert f"version: {debleed.__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## [{debleed.__version__}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
