from debleed.methods.demix.safeguards import LEFT_ALONE, NO_BLEED
from debleed.report.advice import ADVICE, ALWAYS, next_steps
from debleed.report.sentences import reduction, with_changes


def test_every_reason_that_leaves_something_to_do_has_advice():
    for verdict, reason in enumerate(LEFT_ALONE):
        steps = next_steps({"kick": f"left alone: {reason}."})
        assert len(steps) == len(ALWAYS) + (verdict > NO_BLEED)
        assert verdict <= NO_BLEED or "kick" in steps[0]


def test_the_worst_comes_first_and_names_who_it_is_about():
    worse = reduction((10.0, 0.0), -3.0)
    moved = with_changes({}, {"bass": (3,)})["bass"]
    steps = next_steps({"bass": f"some bleed removed; {moved}.", "kick": f"{worse}.", "oboe": "10 dB less bleed."})
    assert [("kick" in step, "bass" in step) for step in steps[:2]] == [(True, False), (False, True)]
    assert steps[2:] == list(ALWAYS)
    assert not any("oboe" in step for step in steps)


def test_many_names_are_counted():
    steps = next_steps({f"mic{i}": next(iter(ADVICE)) for i in range(9)})
    assert "mic5 and 3 more with" in steps[0]
    assert "mic6" not in steps[0]
