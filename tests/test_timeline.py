"""Tracks as one stretch of sound after the other."""

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debleed.daw.timeline import Item, Stretch, laid_out, played, relative

A, B = Path("a.wav"), Path("b.wav")
RATE = 10


def item(media: Path, position: float, length: float, offset: float = 0) -> Item:
    return Item(media, None, position, length, offset)


def spans(stretches: list[Stretch]) -> list[tuple[str, int, int, int]]:
    return [(one.media.stem, one.origin, one.start, one.stop) for one in stretches]


def test_parts_of_a_file_that_lie_alike_are_one() -> None:
    pieces = [item(A, 3, 2, 2.5), item(A, 1, 2.1, 0.5), item(A, 8, 1, 7.5)]
    assert spans(played(pieces, RATE)) == [("a", 5, 10, 50), ("a", 5, 80, 90)]
    assert spans(laid_out(played(pieces, RATE), {A: 200})) == [("a", 5, 5, 205)]


def test_files_are_extended_to_each_other() -> None:
    pieces = [item(A, 1, 1, 1), item(B, 4, 1, 1)]
    found = played(pieces, RATE)
    assert spans(laid_out(found, {A: 100, B: 25})) == [("a", 0, 0, 40), ("b", 30, 40, 55)]
    assert spans(laid_out(found, {A: 25, B: 100})) == [("a", 0, 0, 25), ("b", 30, 30, 130)]
    assert spans(laid_out(found, {A: 15, B: 12})) == [("a", 0, 0, 15), ("b", 30, 30, 42)]


def test_an_item_may_be_longer_than_its_file() -> None:
    pieces = [item(A, 0, 5), item(B, 6, 1, 3)]
    assert spans(laid_out(played(pieces, RATE), {A: 20, B: 100})) == [("a", 0, 0, 20), ("b", 30, 50, 130)]


def test_rounding_is_no_overlap_and_empty_items_do_not_count() -> None:
    pieces = [item(A, 0, 1.04), item(A, 0.5, 0), item(B, 0.9, 2)]
    assert spans(played(pieces, RATE)) == [("a", 0, 0, 10), ("b", 9, 10, 29)]


@pytest.mark.parametrize("other", [item(B, 1, 2), item(A, 1, 2, 0.5), Item(A, (0,), 1, 2, 1)])
def test_two_files_at_once_are_refused(other: Item) -> None:
    with pytest.raises(ValueError, match="two files play at once at 0:01"):
        played([item(A, 0, 3), other], RATE)


@given(
    st.lists(st.tuples(st.sampled_from([A, B]), st.integers(0, 30), st.integers(1, 20), st.integers(0, 40)), max_size=5)
)
def test_stretches_hold_what_plays(drawn: list[tuple[Path, int, int, int]]) -> None:
    at, pieces = 0, []
    for media, gap, length, offset in drawn:
        pieces.append(item(media, (at + gap) / RATE, length / RATE, offset / RATE))
        at += gap + length
    ends = {A: 35, B: 25}
    found = laid_out(played(pieces, RATE), ends)
    assert all(one.stop <= following.start for one, following in pairwise(found))
    sound = {n: (one.media, n - one.origin) for one in found for n in range(one.start, one.stop)}
    assert all(0 <= at < ends[media] for media, at in sound.values())
    for piece in pieces:
        first, last = piece.span(RATE)
        for n in range(first, last):
            inside = n - piece.origin(RATE)
            assert sound.get(n) == ((piece.media, inside) if inside < ends[piece.media] else None)


def test_paths() -> None:
    assert relative(Path("/gig/Media/a.wav"), Path("/gig/out")) == str(Path("../Media/a.wav"))
