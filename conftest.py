"""Modules that need PyTorch have their examples run where it is installed."""

import importlib.util
import re
from pathlib import Path

import hypothesis
import pytest

# no test may depend on how busy the machine is
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")

pytest.register_assert_rewrite("debleed.contract")  # its tests are no test module by name

collect_ignore = (
    []
    if importlib.util.find_spec("torch")
    else [
        str(path)
        for path in Path(__file__).parent.joinpath("src", "debleed").rglob("*.py")
        if re.search(r"^(import|from) (torch|debleed\.nets\.(?!weights))", path.read_text("utf-8"), re.MULTILINE)
    ]
)
