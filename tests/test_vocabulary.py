"""A word says one thing."""

from itertools import combinations

import pytest

from debleed.naming import vocabulary as v

TABLES = {
    "instruments": set(v.INSTRUMENTS),
    "singers": set(v.SINGERS),
    "anywhere": set(v.ANYWHERE),
    "on instruments": set(v.ON_INSTRUMENTS) - v.ROOM_ALONE,  # the arrays and 'main' are mains if nothing else is said
    "heights": set(v.HEIGHTS),
    "sides": set(v.SIDES) - v.ROOM_ALONE,
    "room": set(v.ROOM_WORDS),
    "room alone": set(v.ROOM_ALONE) - v.NEUTRAL,
    "reference": set(v.REFERENCE_WORDS),
    "reference alone": set(v.REFERENCE_ALONE),
    "neutral": set(v.NEUTRAL) - set(v.ANYWHERE),
}


@pytest.mark.parametrize(("one", "other"), list(combinations(TABLES, 2)))
def test_no_word_is_in_two_tables(one, other):
    assert not TABLES[one] & TABLES[other]


def test_words_are_written_as_they_are_read():
    for words in TABLES.values():
        assert all(word == word.lower() and " " not in word for word in words)
    for table in (v.INSTRUMENTS, v.SINGERS, v.ANYWHERE, v.ON_INSTRUMENTS, v.HEIGHTS, v.SIDES):
        assert all(table[word] == word for word in table.values())


def test_what_is_implied_is_a_word():
    assert {*v.IMPLIED, *v.IMPLIED.values(), *v.TALL, *v.MODELLED, *v.LETTERS} <= set(v.INSTRUMENTS.values())


MODELS = "SM57|sm 58|SM7B|Beta 52A|beta91a|e906|E 609|D112|D6|RE20|MD421|MD-441|U87|u47|C414|C 451|KM184|R121|M88|4099"


@pytest.mark.parametrize("model", MODELS.split("|"))
def test_models(model):
    for name in (model, f"x {model}", f"{model}_2", f"kick-{model}"):
        assert v.MODELS.search(name)
    for name in (f"x{model.lower()}", f"{model}77", f"{model}zz"):
        found = v.MODELS.search(name)
        assert not found or found.group().lower() != model.lower(), name
