import logging

import pytest

from debleed.methods import registered
from debleed.scenes.scene import PRESETS
from debleed.spelling import OLD, current, modernised


@pytest.mark.parametrize(("kind", "old", "new"), [(k, o, n) for k, names in OLD.items() for o, n in names.items()])
def test_old_names_are_accepted_with_a_warning(caplog, kind, old, new):
    assert current(kind, old) == new
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert old in record.getMessage()
    assert new in record.getMessage()


def test_present_names_pass_without_a_word(caplog):
    assert current("method", "demix") == "demix"
    assert not caplog.records


def test_old_keys_get_their_new_names_and_their_values_stay(caplog):
    assert modernised("session key", {"voices": {"a": 1}, "room": []}) == {"sources": {"a": 1}, "room": []}
    assert len(caplog.records) == 1


def test_new_names_are_there():
    assert set(OLD["method"].values()) <= set(registered())
    assert set(OLD["preset"].values()) <= set(PRESETS)
    assert not set(OLD["method"]) & set(registered())
