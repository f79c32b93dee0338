import time

import pytest

from debleed.web.jobs import Job, Jobs, State, hear


@pytest.mark.parametrize("line", [b"5\n", b"[1]\n", b"null\n", b'"stage"\n', b"la la la\n"])
def test_what_a_child_prints_besides_is_passed_over(line):
    job = Job("a", (), ("",), print, print)
    hear(job, line, 1.0)
    assert job.state == State()


def test_the_queue_goes_on_after_an_accident():
    def broken(state):
        raise ValueError("an accident")

    ends, jobs = [], Jobs(1, 4)
    for key, begun in (("a", broken), ("b", lambda state: None)):
        jobs.submit(Job(key, ("demo", "/nowhere", "x"), ("",), begun, lambda state: ends.append(state.error)))
    until = time.monotonic() + 60
    while len(ends) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    jobs.stop()
    assert len(ends) == 2
    assert "an accident" in ends[0]
