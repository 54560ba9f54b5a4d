"""Ids that were never seen are known to be new without the file."""

from core.adapters.exchanges.paper.taken import TakenIds


def test_what_was_added_may_always_have_been_taken():
    """There is no false no: a taken id is never called new."""
    taken = TakenIds()
    ids = [f"c{number:05d}E{number}" for number in range(5_000)]
    for identity in ids:
        taken.add(identity)

    assert all(taken.may_have(identity) for identity in ids)


def test_what_was_never_added_is_nearly_always_known_to_be_new():
    """A mark left by another id is rare enough to ask the file about."""
    taken = TakenIds()
    for number in range(5_000):
        taken.add(f"c{number:05d}E{number}")

    doubts = sum(taken.may_have(f"x{number}") for number in range(5_000))

    assert doubts < 100
