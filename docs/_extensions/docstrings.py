"""Let docstrings that are written to be read in the source pass through reStructuredText.

They write magnitudes as ``|x|``, which reStructuredText takes for a substitution; describe what a function returns in a
sentence, which napoleon takes for a list of types, one a line; describe constants with a colon, before which napoleon
expects a type; and name objects of other modules without their path. Signatures are shown as they are written.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from functools import cache
from itertools import pairwise, takewhile
from pydoc import locate
from types import ModuleType
from typing import Any

from docutils import nodes
from sphinx.addnodes import desc_annotation, pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.ext.napoleon.docstring import NumpyDocstring
from sphinx.util.inspect import stringify_signature
from sphinx.util.nodes import make_refnode

BEFORE_NAPOLEON, AFTER_NAPOLEON = 400, 600
"""Priorities of hooks; napoleon's is 500."""


def without_substitutions(line: str) -> str:
    r"""Escape bars outside of literals.

    >>> without_substitutions("the power |y|^2, as ``float | None``")
    'the power \\|y\\|^2, as ``float | None``'
    """
    parts = re.split(r"(``.*?``|`.*?`)", line)
    return "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in parts)


def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Escape bars in a docstring, in place, up to its examples."""
    text = list(takewhile(lambda line: line.strip() != "Examples", lines))
    lines[: len(text)] = map(without_substitutions, text)


def constants(module: ModuleType) -> Iterator[tuple[str, str]]:
    """List the public constants and aliases of a module that no docstring follows, with their values as written."""
    source = inspect.getsource(module)
    for node, after in pairwise([*ast.parse(source).body, None]):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            continue  # autodoc lists it
        value = ast.get_source_segment(source, node.value) or ""
        if re.match(r"(TypeVar|logging\.getLogger|click\.Path)\(", value):
            continue  # of no use to a reader
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [leaf.id for target in targets for leaf in ast.walk(target) if isinstance(leaf, ast.Name)]
        whole = len(names) == 1 and "\n" not in value and len(value) < 60
        yield from ((name, value if whole else "...") for name in names if not name.startswith("_"))


def list_constants(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Append to the docstring of a module what :func:`constants` lists."""
    if isinstance(obj, ModuleType) and (found := list(constants(obj))):
        for constant, value in found:
            lines += ["", f".. py:data:: {constant}", f"   :value: {value}"]
        lines.append("")


class Docstring(NumpyDocstring):
    """Two of napoleon's parsers, replaced."""

    def _parse_returns_section(self, section: str) -> list[str]:
        """Take a section "Returns" for a sentence, or for a list of names with what they hold below."""
        body = self._dedent(self._consume_to_next_section())
        if any(line.startswith(" ") for line in body):
            return [":returns:", "", *self._indent(body, 4), ""]
        return [*self._format_block(":returns: ", body), ""]

    def _parse_attribute_docstring(self) -> list[str]:
        """Take the docstring of a constant for a description, whatever colons it has."""
        return list(self._consume_to_end())


def as_written(
    app: Sphinx, what: str, name: str, obj: Any, options: object, signature: str | None, result: str | None
) -> tuple[str, str | None] | None:
    """Write a signature as the source does: ``Samples``, not ``ndarray[tuple[Any, ...], dtype[floating]]``."""
    if what not in ("class", "function", "method") or signature is None:
        return None
    try:
        written = inspect.signature(obj)
    except (TypeError, ValueError):
        return None
    parameters = list(written.parameters.values())
    if parameters and parameters[0].name in ("self", "cls"):
        parameters = parameters[1:]
    result = written.return_annotation if isinstance(written.return_annotation, str) else result
    written = written.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return stringify_signature(written), None if what == "class" else result


@cache
def origins(module: str) -> dict[str, str]:
    """Say where the names come from that a module imports or assigns; what is a type variable comes from nowhere."""
    found = {}
    for node in ast.walk(ast.parse(inspect.getsource(importlib.import_module(module)))):
        if isinstance(node, ast.ImportFrom):
            found |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            found |= {alias.asname or alias.name: alias.name for alias in node.names}
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            variable = isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "TypeVar"
            found.setdefault(node.targets[0].id, "" if variable else f"{module}.{node.targets[0].id}")
    return found


def qualify(app: Sphinx, doctree: nodes.document) -> None:
    """Give the names in signatures their paths, unlink those of other projects, and write dashes in lists of fields."""
    for text in list(doctree.findall(nodes.Text)):
        if text == " -- ":
            text.parent.replace(text, nodes.Text(" – "))
    for value in list(doctree.findall(desc_annotation)):
        if "PosixPath(" in value.astext() or " at 0x" in value.astext():
            value.parent.remove(value)  # it tells of the machine that built the docs
    for node in list(doctree.findall(pending_xref)):
        module, target = node.get("py:module"), node.get("reftarget", "")
        if node.get("refdomain") != "py" or node.get("reftype") != "class" or not module:
            continue
        name, dot, rest = target.partition(".")
        origin = origins(module).get(name)
        if origin is not None and origin.startswith("debleed."):
            node["reftarget"] = origin + dot + rest
        elif origin is not None:
            node.replace_self(node.children)


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Node) -> nodes.Node | None:
    """Find an object that is named by a part of its path, or by a module that hands it on.

    A part of a path means the object in the module that names it, or the only one of that name.
    """
    if node.get("refdomain") != "py" or not node.get("reftarget"):
        return None
    domain, objects = env.domains.python_domain, env.domains.python_domain.objects
    kinds = {*(domain.objtypes_for_role(node["reftype"]) or ()), *(("data",) if node["reftype"] == "class" else ())}
    target = node["reftarget"].removeprefix("debleed.")
    found = [name for name, entry in objects.items() if name.endswith("." + target) and entry.objtype in kinds]
    near = [name for name in found if name == f"{node.get('py:module')}.{target}"]
    handed_on = locate(node["reftarget"])
    origin = f"{getattr(handed_on, '__module__', None)}.{getattr(handed_on, '__qualname__', None)}"
    for name in near or (found if len(found) == 1 else [origin] if origin in objects else []):
        entry = objects[name]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, [text], name)
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the hooks."""
    NumpyDocstring._parse_returns_section = Docstring._parse_returns_section  # type: ignore[method-assign]
    NumpyDocstring._parse_attribute_docstring = Docstring._parse_attribute_docstring  # type: ignore[method-assign]
    app.connect("autodoc-process-docstring", process, priority=BEFORE_NAPOLEON)
    app.connect("autodoc-process-docstring", list_constants, priority=AFTER_NAPOLEON)
    app.connect("autodoc-process-signature", as_written)
    app.connect("doctree-read", qualify)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
