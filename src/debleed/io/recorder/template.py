"""What a commented ``session.toml`` says about the folder of a recorder."""

from __future__ import annotations

from debleed.io.recorder.layout import Layout
from debleed.io.session import quoted, toml_list


def recorder_template(layout: Layout) -> str:
    """Return commented lines with the files that are one and the polyphonic files, as they were told."""
    chains = [strand.chain for strand in layout.strands if len(strand.chain.parts) > 1]
    joined = "".join(f"# {quoted(c.name)} = {toml_list(part.facts.path.name for part in c.parts)}\n" for c in chains)
    return f"""
# Files that are one, in order of time. Without this table they are told from names, headers, time stamps and lengths;
# with it, those that it lists are joined and no others.
# [parts]
{joined or '# concert = ["first.wav", "second.wav"]' + chr(10)}"""
