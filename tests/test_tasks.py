"""The tasks of noxfile.py and .ci/run are the README's commands, and name what is there."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TASKS = (ROOT / "noxfile.py").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CI = (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def commands() -> set[str]:
    """Commands of the tasks, as they are typed."""
    calls = re.findall(r"session\.run\(((?:\"[^\"]*\"(?:, )?)+)", TASKS)
    return {" ".join(re.findall(r"\"([^\"]*)\"", call)) for call in calls}


def test_the_two_commands_of_the_readme_are_tasks() -> None:
    lines = re.findall(r"^python3 -m venv .*$", README, re.MULTILINE)
    ends = [line.rpartition("&& .venv/bin/")[2] for line in lines]
    assert ends == ["debleed demo", "pytest -q -n 2"]
    assert set(ends) <= commands()


def test_ci_runs_every_check() -> None:
    sessions = set(re.findall(r"^@nox\.session.*\ndef (\w+)", TASKS, re.MULTILINE))
    run = {name.replace("-", "_") for line in re.findall(r"for name in ([^;]*); do", CI) for name in line.split()}
    # the tests run as the README says, and are covered in the same run; the wheel's tests run the demo
    assert run == sessions - {"demo", "tests", "coverage"}


def test_the_tests_of_the_wheel_exist() -> None:
    chosen = re.findall(r"\"(tests/\w+\.py)\"", TASKS)
    assert chosen
    assert all((ROOT / name).is_file() for name in chosen)


def test_the_lock_file_names_no_registry() -> None:
    assert "://registry" not in (ROOT / "package-lock.json").read_text(encoding="utf-8")
