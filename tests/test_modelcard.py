from debleed.training.modelcard import ROWS, card, commit

DESCRIPTION = {
    "net": "t-unet",
    "variant": "published",
    "plan": {
        "source": None,
        "scenes": ["room"],
        "rooms": 3,
        "seed": 1,
        "validation": [],
        "steps": 9,
        "batch": 2,
        "seconds": 4.0,
    },
    "tracks": ["a", "b"],
    "steps": 8,
    "hours": 0.5,
    "device": "CPU",
    "examples_per_second": 2.5,
    "parameters": 1234567,
    "validation_gain_db": 7.256,
    "commit": "abc",
}


def written(tmp_path, rows, **changes):
    log = tmp_path / "log.csv"
    log.write_text("step,loss,gain_db\n" + "".join(f"{k},{0.1 * k},{k}\n" for k in range(1, rows + 1)))
    return card({**DESCRIPTION, **changes}, log)


def curve(text):
    return [line for line in text.splitlines() if line.startswith("| ")][2:]


def test_what_is_known_stands_in_the_card(tmp_path):
    text = written(tmp_path, 3)
    for said in ("# t-unet, variant published", "a, b", "1,234,567", "7.26 dB", "commit abc", "0.5 h on CPU"):
        assert said in text
    assert curve(text)[0].startswith("| 1 | 0.1 | 1.00 |")


def test_a_gain_that_is_none_is_a_dash(tmp_path):
    assert "SDR improvement in validation: – dB" in written(tmp_path, 1, validation_gain_db=None)
    said = {"validation_gain_db": None, "validation_gain_db_reason": "nothing is left (-inf)"}
    assert "SDR improvement in validation: −∞ dB" in written(tmp_path, 1, **said)


def test_kinds_never_heard_stand_first(tmp_path):
    kinds = {
        "rock": {"learnt": True, "microphones": 16, "median_db": 6.04, "least_db": 0.02},
        "waltz": {"learnt": False, "microphones": 15, "median_db": 5.55, "least_db": -0.31},
        "silence": {"learnt": False, "microphones": 0, "median_db": None, "least_db": None},
    }
    text = written(tmp_path, 2, kinds=kinds)
    assert "validated on: other bands of the same kinds" in text
    rows = text.split("## By kind of music")[1].split("## ")[0].strip().splitlines()
    assert rows[2:] == [
        "| silence | no | 0 | – | – |",
        "| waltz | no | 15 | +5.5 | −0.3 |",
        "| rock | yes | 16 | +6.0 | +0.0 |",
    ]


def test_a_long_curve_is_thinned_and_keeps_its_end(tmp_path):
    for rows in (0, 1, ROWS, ROWS + 1, 10 * ROWS):
        shown = curve(written(tmp_path, rows))
        assert len(shown) <= ROWS
        assert bool(shown) == bool(rows)
    assert shown[-1].startswith(f"| {10 * ROWS} |")


def test_the_program_is_named():
    assert commit()
