from debleed.web.said import said

FIGURES = {
    "names": ["vox", "bass", "oh"],
    "sources": ["vox", "bass", None],
    "references": [],
    "energies": [[1.0, 1.0, 1.0], [0.9, 1.0, 1.0], [0.9, 1.0, 1.0]],
    "sdr_before": [10.0, None, None],
    "sdr_after": [30.0, None, None],
    "findings": {"bass": "left alone: no bleed was found in it"},
    "levels": {"vox": {"bass": 0.1}},
}


def test_a_run_says_what_the_report_says():
    assert said(FIGURES, {}) == {
        "vox": "20 dB less bleed, from bass.",
        "bass": "left alone, hardly any bleed.",
        "oh": "a room microphone, unchanged.",
    }


def test_before_the_figures_are_there_it_has_no_number():
    early = {key: value for key, value in FIGURES.items() if not key.startswith("sdr")}
    assert said(early, {})["vox"] == "some bleed removed, from bass."


def test_runs_of_older_versions_say_less():
    old = {key: value for key, value in FIGURES.items() if key not in ("findings", "levels", "references")}
    assert said(old, {})["vox"] == "20 dB less bleed."


def test_reductions_count():
    assert said(FIGURES, {"vox": 6.0})["vox"] == "6 dB less bleed, from bass."
    assert said(FIGURES, {"vox": 0.0})["vox"] == "unchanged."
