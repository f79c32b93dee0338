"""Write equations as MathML, which browsers draw themselves.

Docutils converts the LaTeX when the site is built, so a page needs no script and no network for its equations.
"""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number
from sphinx.writers.html5 import HTML5Translator

log = logging.getLogger(__name__)

APPLICATION = "\u2061"
"""The invisible operator between a function and its argument."""


def mended(mathml: str) -> str:
    r"""Put the index of a letter with an accent beside it, and a thin space after the name of a function.

    Docutils takes ``\hat{y}_j`` for an operator with limits, and writes the index below the letter.
    """
    plain = mathml.replace(' xmlns="http://www.w3.org/1998/Math/MathML"', "")  # HTML needs none
    tree = ElementTree.fromstring(plain.replace("&ApplyFunction;", APPLICATION))
    for element in tree.iter("munderover"):
        base, index, accent = element
        if base.tag == "mi" and accent.tag == "mo":
            over = ElementTree.Element("mover", accent="true")
            over.extend([base, accent])
            element.tag, element[:] = "msub", [over, index]
    for parent in tree.iter():
        for applied, argument in pairwise(parent):
            if applied.text == APPLICATION and (argument.text or "")[:1] not in ("(", "|"):
                applied.set("rspace", "0.1667em")
    return ElementTree.tostring(tree, encoding="unicode")


def converted(node: nodes.Element, block: bool) -> str:
    """Return the MathML of an equation; a warning where its LaTeX is not understood."""
    try:
        return mended(tex2mathml(node.astext(), as_block=block))
    except MathError as failure:
        log.warning("cannot convert the equation %r: %s", node.astext(), failure, location=node)
        return f"<code>{node.astext()}</code>"


def visit_inline(self: HTML5Translator, node: nodes.math) -> None:
    """Write an equation inside a sentence."""
    self.body.append(converted(node, block=False))
    raise nodes.SkipNode


def visit_block(self: HTML5Translator, node: nodes.math_block) -> None:
    """Write an equation on a line of its own, with its number where it has one."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(f'<div class="equation">{converted(node, block=True)}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, "Link to this equation")
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer; ``html_math_renderer = "mathml"`` selects it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
