"""Configuration of the docs: ``sphinx-build -W -n -b html docs build/docs``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent / "src")]

project = "debleed"
author = "The debleed developers"
copyright = "2026, the debleed developers"
version = release = re.search(
    r'^__version__ = "(.+)"$', (HERE.parent / "src" / "debleed" / "__init__.py").read_text("utf-8"), re.MULTILINE
)[1]

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "docstrings",
    "mathml",
]
exclude_patterns = ["_build"]
nitpicky = True

# The equations are MathML, converted when the site is built: no script, no network, and the page can be read offline.
html_math_renderer = "mathml"
math_numfig = False
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_dmath_double_inline = False

html_theme = "furo"
html_title = f"debleed {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "show-inheritance": True}
# Never imported for the docs, so that they come out the same with and without the extras.
autodoc_mock_imports = ["torch", "safetensors", "onnx", "onnxscript", "onnxruntime", "distributed", "tensorboard"]
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True

# Names of other projects: the docs are built without a network, so there are no inventories to resolve them with.
nitpick_ignore_regex = [
    (r"py:.*", r"(np|numpy|NDArray|scipy|click|rich|starlette|uvicorn|soundfile|torch)\b.*"),
    (r"py:.*", r"(collections|concurrent|contextlib|io|logging|pathlib|socket|subprocess|threading|types|typing)\..*"),
    (r"py:.*", r"Path|Any|Literal|Protocol|TypeVar"),
    (r"py:class", r"Floats|debleed\..*\.(Job|Outcome|Part|Real)"),  # an alias in many modules, and type variables
    (r"py:class", r"tuple\[str"),  # Sphinx cuts it out of the signature of a dataclass with a default factory
]
