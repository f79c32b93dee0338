import errno

import pytest

from debleed.cli.engine import outcomes
from debleed.recording import InputError
from debleed.workers import explained


def half(number):
    if number % 2:
        raise InputError(f"{number} is odd")
    return number // 2


def test_every_job_has_an_outcome():
    found = dict(outcomes(half, [0, 1, 2], 1, None))
    assert (found[0], found[2]) == (0, 1)
    assert explained(found[1]) == "1 is odd"


def test_no_jobs_are_no_trouble():
    assert not list(outcomes(half, [], 1, None))


def full(number):
    raise OSError(errno.ENOSPC, "the disk is full")


def test_a_full_disk_ends_everything():
    with pytest.raises(OSError, match="full"):
        list(outcomes(full, [1, 2], 1, None))


def test_accidents_are_named():
    assert explained(ZeroDivisionError("by nothing")) == "ZeroDivisionError: by nothing"
