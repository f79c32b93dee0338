import resource

import pytest

from debleed.io.descriptors import OTHERS, refuse_too_many
from debleed.recording import InputError


@pytest.fixture
def limits(monkeypatch):
    """Replace the limits of this process: a list of soft and hard."""
    now = [64, 100]
    monkeypatch.setattr(resource, "getrlimit", lambda _: tuple(now))
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: now.__setitem__(slice(None), new))
    return now


def test_what_is_allowed_stays(limits):
    refuse_too_many(64 - OTHERS)
    assert limits == [64, 100]


def test_what_the_system_allows_is_asked_for(limits):
    refuse_too_many(100 - OTHERS)
    assert limits == [100, 100]


def test_what_it_does_not_allow_is_refused(limits):
    with pytest.raises(InputError, match="takes 101 open files, but the system allows 64; raise that with 'ulimit"):
        refuse_too_many(101 - OTHERS)
    assert limits == [64, 100]


def test_a_limit_that_cannot_be_raised(limits, monkeypatch):
    def refuse(*_):
        raise ValueError("as on macOS")

    limits[1] = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "setrlimit", refuse)
    with pytest.raises(InputError, match="open files"):
        refuse_too_many(1000)
