import json
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.recording import InputError
from debleed.scoring.scores import MEANS, MEASURES, Scores, described, mean, median

NAN, INF = math.nan, math.inf


def of(names: str, *sdr: float, before: tuple[float, ...] = ()) -> Scores:
    return Scores(tuple(names), {"sdr": sdr} | ({"input_sdr": before} if before else {}))


def test_medians_are_of_sources_not_of_medians() -> None:
    a = of("xy", 1.0, 2.0, before=(0.0, 0.0))
    b = of("z", 30.0, before=(25.0,))
    both = a + b
    assert both.median("sdr") == 2.0
    assert both["sdri"] == (1.0, 2.0, 5.0)
    assert both.median("sdri") == 2.0
    assert both.recordings == (2, 1)
    with pytest.raises(ValueError, match="joined"):
        a + of("w", 1.0)
    with pytest.raises(TypeError):
        sum([a, b])  # a mean that forgot where it starts
    with pytest.raises(TypeError):
        float(a)  # type: ignore[arg-type]


def test_what_is_measured_differently_is_not_joined() -> None:
    with pytest.raises(ValueError, match="joined"):
        of("a", 1.0) + Scores(("a",), {"si_sdr": (1.0,)})
    assert (
        len({MEASURES[key].table for key in ("sdr", "si_sdr", "waspaa2023_sdr", "sir", "dry_sdr", "challenge_sdr")})
        == 6
    )


def test_the_gain_is_not_the_difference_of_medians() -> None:
    scores = of("abc", 10.0, 20.0, 30.0, before=(9.0, 0.0, 29.0))
    assert scores.median("sdri") == 1.0
    assert scores.median("sdr") - scores.median("input_sdr") == 11.0


def test_means_only_where_the_waspaa2023_protocol_has_them() -> None:
    a = Scores(("v", "b"), {"waspaa2023_sdr": (1.0, 3.0)})
    b = Scores(("v", "b", "d"), {"waspaa2023_sdr": (10.0, 11.0, 12.0)})
    c = Scores(("v",), {"waspaa2023_sdr": (3.0,)})
    assert (a + b + c).means("waspaa2023_sdr") == (2.0, 11.0, 3.0)
    assert (a + b + c).overall("waspaa2023_sdr") == 3.0  # neither the mean of all sources nor of the recordings
    assert (a + b + c).of("b", "d").means("waspaa2023_sdr") == pytest.approx((3.0, 11.5, NAN), nan_ok=True)
    with pytest.raises(ValueError, match="no mean"):
        of("v", 1.0).overall("sdr")
    assert "si_sdr" not in MEANS


def test_averages_leave_out_the_undefined_and_keep_the_infinite() -> None:
    scores = of("abc", NAN, INF, 4.0, before=(NAN, INF, 1.0))
    assert scores.median("sdr") == INF
    assert scores["sdri"][1:] == (0.0, 3.0)
    assert math.isnan(of("").median("sdr"))
    assert median([INF, INF]) == INF
    assert mean([NAN, 1.0, 3.0]) == 2.0
    assert mean([INF, 1.0]) == INF
    assert math.isnan(mean([INF, -INF]))
    assert math.isnan(mean([NAN]))


def test_columns_are_known_and_as_long_as_the_names() -> None:
    for columns in ({"sdr": (1.0,)}, {"best_sdr": (1.0, 2.0)}, {"sdri": (1.0, 2.0)}):
        with pytest.raises(ValueError, match=r"one score per source|cannot be a column"):
            Scores(("a", "b"), columns)
    with pytest.raises(ValueError, match="recordings"):
        Scores(("a", "b"), {}, (1, 2))
    with pytest.raises(ValueError, match="only new columns"):
        of("ab", 1.0, 2.0).beside(of("ab", 1.0, 2.0))
    assert of("a", 1.0).beside(Scores(("a",), {"sir": (2.0,)})).measures == ("sdr", "sir")


def test_nobody_changes_scores_from_outside() -> None:
    columns = {"sdr": (1.0,)}
    scores = Scores(("a",), columns)
    columns["sdr"] = (9.0,)
    assert scores["sdr"] == (1.0,)
    assert pickle.loads(pickle.dumps(scores)) == scores


def test_json_has_no_inf_and_no_nan() -> None:
    text = json.dumps(of("abcd", NAN, INF, 4.0, -INF).to_json(), allow_nan=False)
    sources = json.loads(text)["sources"]
    assert sources[0]["sdr"] is None
    assert "silent" in sources[0]["sdr_reason"]
    assert "perfect" in sources[1]["sdr_reason"]
    assert sources[2] == {"name": "c", "sdr": 4.0}
    assert "nothing" in sources[3]["sdr_reason"]
    assert "perfect" not in str(described({"silence": INF, "share": INF}))


@given(st.data(), st.lists(st.integers(0, 3), min_size=1, max_size=3), st.sets(st.sampled_from(sorted(MEASURES))))
def test_json_and_back(data: st.DataObject, recordings: list[int], keys: set[str]) -> None:
    count = sum(recordings)
    # levels of 1e300 dB do not exist, and their mean overflows
    level = st.floats(-1e9, 1e9) | st.sampled_from([NAN, INF, -INF])
    values = st.lists(level, min_size=count, max_size=count).map(tuple)
    columns = {key: data.draw(values) for key in sorted(keys - {"sdri"})}
    scores = Scores(tuple("abcdefghi"[:count]), columns, tuple(recordings))
    again = Scores.from_json(json.loads(json.dumps(scores.to_json(), allow_nan=False)))
    assert repr(again) == repr(scores) or {k: repr(again[k]) for k in columns} == {k: repr(scores[k]) for k in columns}
    assert (again.names, again.recordings, set(again.columns)) == (scores.names, scores.recordings, set(columns))


def test_scores_of_the_first_version_are_read() -> None:
    said = {
        "unit": "dB",
        "sources": [
            {
                "name": "bass",
                "input_sdr": 3.5,
                "sdr": None,
                "sdr_reason": "perfect: no error is left (+inf)",
                "sdri": 1,
            },
            {"name": "vox", "input_sdr": 2.0, "sdr": None, "sdr_reason": "undefined: the reference is silent"},
        ],
        "median": {"input_sdr": 2.75, "sdr": None, "sdr_reason": "perfect: no error is left (+inf)", "sdri": 1},
    }
    scores = Scores.from_json(said)
    assert scores["input_sdr"] == (3.5, 2.0)
    assert scores["sdr"] == pytest.approx((INF, NAN), nan_ok=True)


@pytest.mark.parametrize(
    "said", [{}, {"median": {"sdr": 1}, "sources": [{"name": "a"}]}, {"median": {"x": 1}, "sources": []}]
)
def test_other_json_is_refused(said: dict[str, object]) -> None:
    with pytest.raises(InputError, match="measure them again"):
        Scores.from_json(said)
