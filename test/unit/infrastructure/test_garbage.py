"""The collector of garbage looks seldom while an engine runs, and as before afterwards."""

import gc
import weakref

from core.infrastructure.garbage import SELDOM, leave_alone, look_again, seldom


class Circle:
    """Refers to itself."""

    def __init__(self):
        self.itself = self


def test_it_looks_seldom_inside_and_as_before_afterwards():
    """The thresholds are put back, and nothing stays left alone."""
    before = gc.get_threshold()

    with seldom():
        assert gc.get_threshold() == SELDOM
        leave_alone()
        assert gc.get_freeze_count() > 0

    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_what_was_left_alone_is_freed_once_it_is_looked_at_again():
    """A circle that ended while it was left alone is garbage after `look_again`, not before."""
    circle = Circle()
    gone = weakref.ref(circle)
    with seldom():
        leave_alone()
        del circle
        gc.collect()
        assert gone() is not None

        look_again()
        gc.collect()

        assert gone() is None
