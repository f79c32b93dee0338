"""Configuration of the docs: ``sphinx-build -W -n -b html docs build/docs``."""

from __future__ import annotations

import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent / "src")]

from debleed.cli import group  # noqa: E402

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
    "reference",
]
exclude_patterns = ["_build"]
nitpicky = True

# The equations are MathML, converted when the site is built: no script, no network, and the page can be read offline.
html_math_renderer = "mathml"
math_numfig = False
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath", "fieldlist"]
myst_heading_anchors = 3
myst_dmath_double_inline = False

highlight_language = "text"  # blocks without a language are commands
smartquotes_action = "qe"  # two hyphens are an option, no dash

html_theme = "furo"
html_title = f"debleed {release}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False

autodoc_typehints = "signature"
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_default_options = {"members": True, "ignore-module-all": True}  # a name is described where it is defined
add_module_names = False
# Never imported for the docs, so that they come out the same with and without the extras.
autodoc_mock_imports = [
    "torch",
    "safetensors",
    "onnx",
    "onnxscript",
    "onnxruntime",
    "distributed",
    "tensorboard",
    "pytest",
]
napoleon_google_docstring = False
napoleon_numpy_docstring = True
napoleon_use_rtype = False
napoleon_use_ivar = True
napoleon_attr_annotations = False  # the signature has the types

# Names of other projects that the hook in docstrings.py does not see: there is no network to resolve them with.
nitpick_ignore_regex = [
    ("py:class", r"(numpy|collections|pathlib)\..*"),  # behind an alias
    ("py:class", r"rich\.progress\.Progress"),  # imported for types alone
    ("py:class", r"(t|cabc)\..*|Command|ServerState"),  # in methods that are click's or uvicorn's
    ("py:class", r"debleed\.methods\.demix\.tracking\.Kind"),  # a type variable
    ("py:class", r"(tuple|Mapping)\[(str|float)"),  # cut out of the signature of a dataclass with a default factory
]

# sphinx-click names a command by its function, click by what its group calls it; and it shows a path as its repr.
for name in group.list_commands(None):
    command = group.get_command(None, name)
    command.name = name
    for parameter in command.params:
        if isinstance(parameter.default, Path):
            parameter.default = str(parameter.default)
