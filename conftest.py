"""Modules that need PyTorch have their examples run where it is installed; reports that pytest-xdist can send."""

import importlib.util
import re
from pathlib import Path

import pytest

collect_ignore = (
    []
    if importlib.util.find_spec("torch")
    else [
        str(path)
        for path in Path(__file__).parent.joinpath("src", "debleed").rglob("*.py")
        if re.search(r"^(import|from) (torch|debleed\.nets\.(?!weights))", path.read_text("utf-8"), re.MULTILINE)
    ]
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Escape names of files that are not UTF-8 in what a test has logged: pytest-xdist cannot send them."""
    report = yield
    report.sections = [(name, text.encode("utf-8", "backslashreplace").decode()) for name, text in report.sections]
    return report
