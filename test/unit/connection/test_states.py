"""The life of a connection as a table."""

import pytest

from core.adapters.exchanges.connection.states import TABLE, Moment, after
from core.adapters.exchanges.models import ConnectionState


def test_a_life_goes_from_dialling_to_live():
    """Connect, authenticate, resubscribe, snapshot, live, in that order and no other."""
    state, seen = ConnectionState.DISCONNECTED, []
    for moment in (Moment.DIAL, Moment.OPENED, Moment.ACCEPTED, Moment.ASKED, Moment.COMPLETE):
        state = after(state, moment)
        seen.append(state.value)

    assert seen == ["connecting", "authenticating", "resubscribing", "snapshot", "live"]


def test_silence_makes_it_stale_and_news_live_again():
    """STALE is left by news or by losing the socket."""
    assert after(ConnectionState.LIVE, Moment.SILENT) is ConnectionState.STALE
    assert after(ConnectionState.STALE, Moment.HEARD) is ConnectionState.LIVE
    assert after(ConnectionState.STALE, Moment.LOST) is ConnectionState.RECONNECTING


@pytest.mark.parametrize("state", [s for s in TABLE if s is not ConnectionState.DISCONNECTED])
def test_every_state_but_the_ends_can_be_lost(state):
    """A socket may be lost at any moment of its life."""
    if state is ConnectionState.RECONNECTING:
        assert after(state, Moment.DIAL) is ConnectionState.CONNECTING
    else:
        assert after(state, Moment.LOST) is ConnectionState.RECONNECTING


@pytest.mark.parametrize("state", list(ConnectionState))
def test_closing_ends_everything(state):
    """Asked for by us, it is over from wherever it was."""
    assert after(state, Moment.CLOSED) is ConnectionState.DISCONNECTED


def test_what_cannot_happen_is_refused():
    """Live without having asked for its topics is a mistake of ours."""
    with pytest.raises(ValueError, match="cannot be complete"):
        after(ConnectionState.CONNECTING, Moment.COMPLETE)
