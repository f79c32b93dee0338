import dataclasses
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.methods import create, registered
from debleed.methods.settings import configured, field_types, kind_name, parse, settings, split
from debleed.recording import InputError
from debleed.web.words import text


@given(st.integers() | st.floats(allow_nan=False) | st.booleans() | st.lists(st.integers(), min_size=1).map(tuple))
def test_what_is_written_is_read(value):
    kind = tuple[int, ...] if isinstance(value, tuple) else type(value)
    assert parse(text(value), kind) == value


@pytest.mark.parametrize("name", list(registered()))
def test_the_settings_of_every_method_can_be_typed(name):
    try:
        method = create(name)
    except InputError:
        pytest.skip("needs something that is not here")
    pairs = [f"{field.name}={text(getattr(method, field.name))}" for field in dataclasses.fields(method)]
    found = settings(name, pairs)
    assert found == {field.name: getattr(method, field.name) for field in dataclasses.fields(method)}
    assert set(field_types(method)) == set(found)


WRONG = [("many", int), ("1.5", int), ("x", float), ("maybe", bool), ("c", Literal["a", "b"]), ("x", type(None))]


@pytest.mark.parametrize(("word", "kind"), WRONG)
def test_what_is_of_another_type_is_refused(word, kind):
    with pytest.raises(ValueError, match=word):
        parse(word, kind)


def test_none_is_not_a_text():
    assert parse("none", str | None) is None
    assert parse("nobody", str | None) == "nobody"


@pytest.mark.parametrize("pair", ["seconds", "=3", "=", ""])
def test_pairs_that_are_none_are_refused(pair):
    with pytest.raises(InputError, match="--set needs key=value"):
        split(pair, "--set")


def test_a_slip_is_told_with_what_would_be_right():
    with pytest.raises(InputError, match="no setting 'depth'"):
        configured("demix", ["depth=3"])
    with pytest.raises(InputError, match="'seconds' of method 'demix' must be"):
        configured("demix", ["seconds=many"])
    assert kind_name(int) == "int"
    assert "Literal" in kind_name(Literal["a"])
