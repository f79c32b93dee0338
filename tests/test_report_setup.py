from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from debleed import Recording
from debleed.intake import Job, chosen
from debleed.io.session import Session


def ready(session, **job):
    names = ("kick in", "kick out", "vox", "click", "OH")
    sources = ("kick", "kick", "vox", "click", None)
    recording = Recording.from_array(np.zeros((5, 8)), 8000, names, sources)
    recording = replace(recording, references=frozenset({"click"}))
    return SimpleNamespace(job=Job(Path("gig"), Path("clean"), **job), session=session, recording=recording)


def test_what_was_set_is_said_and_what_was_not_is_not():
    usual = {"Room microphones": "OH", "References": "click", "One source each": "kick = kick in, kick out"}
    nothing = {"Method": "demix", "To remove": "all bleed that was found", **usual}
    assert chosen(ready(Session())) == nothing
    session = Session(reduction=12.0, source_reduction={"vox": 6.5}, keep={"vox": ("kick",)}, leave_out=("talk.wav",))
    assert chosen(ready(session, region=(90.0, 150.0), settings={"in_step": False})) == {
        **nothing,
        "Settings": "in_step=False",
        "To remove": "at most 12 dB of bleed; vox at most 6.5 dB",
        "Bleed to keep": "kick in vox",
        "Stretch": "1:30 to 2:30",
        "Left out": "talk.wav",
    }
    learnt = SimpleNamespace(method="instantaneous")
    assert chosen(ready(Session(), stage=learnt))["Method"] == "instantaneous, learnt earlier"
