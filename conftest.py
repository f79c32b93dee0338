"""Modules that need PyTorch have their examples run where it is installed."""

import importlib.util
import re
from pathlib import Path

collect_ignore = (
    []
    if importlib.util.find_spec("torch")
    else [
        str(path)
        for path in Path(__file__).parent.joinpath("src", "debleed").rglob("*.py")
        if re.search(r"^(import|from) (torch|debleed\.nets\.(?!weights))", path.read_text("utf-8"), re.MULTILINE)
    ]
)
