import ast
import subprocess
import sys
from pathlib import Path

import debleed

HOUSE = Path(debleed.__file__).parent
FLOORS = (  # who stands on a floor may import from the floors below and from its own room, and from nothing else
    {"recording", "progress", "seeding", "spelling", "decibels", "clock", "interruption"},
    {"io", "dsp", "inspection", "naming"},
    {"nets", "workers"},
    {"methods", "scenes"},
    {"soundcheck"},
    {"stage", "assignment", "scoring"},
    {"remove", "live"},
    {"contract"},
    {"report", "bench", "training", "daw"},
    {"intake"},
    {"resuming"},
    {"record"},
    {"job"},
    {"batch"},
    {"feedback"},
    {"cli"},
    {"web"},
)


def imports(path: Path) -> set[str]:
    """Modules of the package that a file imports, and outside packages by their first name with a dot before."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            full = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            inner = node.module == "debleed"
            full = [f"debleed.{alias.name}" for alias in node.names] if inner else [node.module or ""]
        else:
            continue
        found |= {name.split(".")[1] if name.startswith("debleed.") else "." + name.split(".")[0] for name in full}
    return found - {"__version__", *debleed.__all__}


def modules() -> dict[Path, str]:
    files = {path: path.relative_to(HOUSE).parts[0].removesuffix(".py") for path in sorted(HOUSE.rglob("*.py"))}
    return {path: name for path, name in files.items() if name != "__init__"}


def test_imports_point_one_way() -> None:
    floor = {name: k for k, names in enumerate(FLOORS) for name in names}
    homeless = set(modules().values()) - set(floor)
    assert not homeless, f"say in FLOORS where these stand: {', '.join(homeless)}"
    for path, name in modules().items():
        for other in imports(path):
            if not other.startswith(".") and other != name:
                assert floor[other] < floor[name], f"{path.relative_to(HOUSE)} must not import {other}"


def test_sound_files_have_few_users() -> None:
    users = {path.name for path in modules() if {".soundfile", ".soxr"} & imports(path)}
    assert users == {"audio_file.py", "writing.py", "excerpts.py"}
    assert {path.name for path in modules() if ".av" in imports(path)} == {"m4a.py"}


def test_frameworks_have_few_users() -> None:
    users = {path.name for path in modules() if {".torch", ".onnx", ".safetensors"} & imports(path)}
    users |= {path.name for path in sorted((HOUSE / "nets").rglob("*.py")) if {".torch"} & imports(path)}
    assert users <= {path.name for path in (HOUSE / "nets").glob("*.py")} | {"train.py"}
    assert {path.name for path in modules() if ".onnxruntime" in imports(path)} == {"neural.py"}


def test_the_package_is_light_to_import() -> None:
    code = "import sys, debleed; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "numpy" in loaded
    assert not {"scipy", "soundfile", "soxr", "click", "rich", "pyroomacoustics", "torch", "onnxruntime"} & set(loaded)
