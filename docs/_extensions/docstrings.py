"""Let docstrings that are written to be read in the source pass through reStructuredText.

They write magnitudes as ``|x|``, which reStructuredText takes for a substitution; describe what a function returns in a
sentence, which napoleon takes for a list of types, one a line; describe constants with a colon, before which napoleon
expects a type; and name objects of other modules without their path.
"""

from __future__ import annotations

import re
from itertools import takewhile

from docutils import nodes
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

BEFORE_NAPOLEON = 400
"""Priority of the hook; napoleon's is 500."""


def without_substitutions(line: str) -> str:
    """Escape bars outside of literals.

    >>> without_substitutions("the power |y|^2, as ``float | None``")
    'the power \\\\|y\\\\|^2, as ``float | None``'
    """
    parts = re.split(r"(``.*?``|`.*?`)", line)
    return "".join(part if part.startswith("`") else part.replace("|", r"\|") for part in parts)


def returned(body: list[str]) -> list[str]:
    """Turn the body of a section "Returns" into a field: a sentence, or a list of names with what they hold."""
    while body and not body[-1]:
        body = body[:-1]
    if not any(line.startswith(" ") for line in body):
        return [":returns: " + " ".join(body).strip(), ""]
    return [":returns:", *("    " + line if line else line for line in body), ""]


def process(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    """Rewrite a docstring in place."""
    if what in ("attribute", "data", "property"):
        lines.insert(0, "")
    out: list[str] = []
    k = 0
    while k < len(lines):
        if lines[k] in ("Returns", "Yields") and k + 1 < len(lines) and re.fullmatch("-+", lines[k + 1]):
            rest = lines[k + 2 :]
            heads = [n for n in range(1, len(rest)) if re.fullmatch("---+", rest[n])]
            body = rest[: heads[0] - 1] if heads else rest
            out += returned(list(body))
            k += 2 + len(body)
        else:
            out.append(lines[k])
            k += 1
    examples = list(takewhile(lambda line: line.strip() != "Examples", out))
    lines[:] = [*map(without_substitutions, examples), *out[len(examples) :]]


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, text: nodes.Node) -> nodes.Node | None:
    """Find an object that is named without its path: in the module that names it, or the only one of that name."""
    if node.get("refdomain") != "py" or not node.get("reftarget"):
        return None
    domain = env.domains.python_domain
    found = [name for name in domain.objects if name.endswith("." + node["reftarget"])]
    near = [name for name in found if name == f"{node.get('py:module')}.{node['reftarget']}"]
    for name in near or (found if len(found) == 1 else []):
        entry = domain.objects[name]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, [text], name)
    return None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the hooks."""
    app.connect("autodoc-process-docstring", process, priority=BEFORE_NAPOLEON)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
