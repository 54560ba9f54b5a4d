"""The private stream builds only what somebody wants."""

from core.adapters.exchanges.models import BalanceData, FillData, OrderData
from core.adapters.exchanges.paper.faults import Switchboard
from core.adapters.exchanges.paper.stream import PrivateStream


def stream(faults: Switchboard) -> PrivateStream:
    """A stream that never delays."""
    return PrivateStream(faults, lambda _seconds, callback: callback())


def test_a_kind_that_nobody_named_is_not_wanted_until_somebody_names_it():
    """A subscriber without kinds wants everything; leaving takes its wish along."""
    private = stream(Switchboard())
    private.add(lambda _: None, (OrderData, FillData))

    assert private.wants(OrderData)
    assert not private.wants(BalanceData)

    everything = private.add(lambda _: None)
    assert private.wants(BalanceData)
    everything.cancel()
    assert not private.wants(BalanceData)


def test_an_armed_switchboard_wants_everything():
    """A fault may be meant for any message."""
    faults = Switchboard()
    private = stream(faults)
    private.add(lambda _: None, (OrderData,))
    faults.duplicate()

    assert private.wants(BalanceData)
