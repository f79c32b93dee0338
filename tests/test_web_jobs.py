import io
import json
import time
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.web.jobs import WEIGHTS, Job, Jobs, State, hear, last_words, overall
from debleed.web.limits import Refusal


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
        jobs.submit(Job(key, ("run", "/nowhere", "x"), ("",), begun, lambda state: ends.append(state.error)))
    until = time.monotonic() + 60
    while len(ends) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    jobs.stop()
    assert len(ends) == 2
    assert "an accident" in ends[0]


@given(st.lists(st.sampled_from([*WEIGHTS, ""]), min_size=1, max_size=5, unique=True), st.data())
def test_shares_of_a_job_only_grow(stages, data):
    shares = [0.0, *sorted(data.draw(st.lists(st.floats(-0.5, 1.5), max_size=4))), 1.0]
    found = [overall(stages, stage or "its own", share) for stage in stages for share in shares]
    assert found == sorted(found)
    assert found[0] == 0
    assert found[-1] == pytest.approx(1)


def test_what_a_child_tells_is_kept():
    job = Job("a", (), ("check", ""), print, print)
    for told in ({"note": "a sentence"}, {"stage": "check", "share": 1.0}, {"ready": True}, {"error": "a refusal"}):
        hear(job, json.dumps(told).encode(), 1.0)
    assert job.state.notes == ["a sentence"]
    assert job.state.stage == "check"
    assert 0 < job.state.share < 0.1
    assert job.state.ready
    assert job.state.error == "a refusal"
    hear(job, b'{"stage": "check", "share": 0.0}', 1.0)
    assert job.state.share > 0  # it does not go back


@pytest.mark.parametrize(
    ("code", "said", "sentence"),
    [
        (-9, "", "was killed"),
        (1, "Traceback\nValueError: wrong\n", "ValueError: wrong"),
        (3, "", "exit code 3"),
    ],
)
def test_the_last_words_of_a_child(code, said, sentence):
    assert sentence in last_words(code, io.BytesIO(said.encode()))


def test_no_more_than_may_wait():
    jobs, release = Jobs(1, 1), Event()
    try:
        jobs.submit(Job("a", ("run", "/nowhere"), ("",), lambda state: release.wait(10) and None, lambda state: None))
        until = time.monotonic() + 10
        while jobs.state("a").status == "waiting" and time.monotonic() < until:
            time.sleep(0.01)
        jobs.submit(Job("b", (), ("",), print, print))
        with pytest.raises(Refusal) as refusal:
            jobs.submit(Job("c", (), ("",), print, print))
        assert refusal.value.status == 429
        with pytest.raises(Refusal, match="already"):
            jobs.submit(Job("b", (), ("",), print, print))
        assert jobs.cancel("b")
        assert jobs.state("b") is None
        assert not jobs.cancel("b")
    finally:
        release.set()
        jobs.stop()
