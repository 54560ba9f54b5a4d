"""The shipping adapter of a venue, on a simulated network, for one process."""

from __future__ import annotations

from dataclasses import replace

from core.adapters.exchanges.connection.limiter import Budgets
from core.adapters.exchanges.connection.socket import Seams
from core.adapters.exchanges.models import Margin, MarginMode
from core.adapters.exchanges.native.exchange import Doors
from core.infrastructure.clock import Clock
from core.infrastructure.rng import Rng
from core.services.grid.settings import GridSettings
from core.testing.simulation.faults import Active
from core.testing.simulation.history import History
from core.testing.simulation.loop import Process
from core.testing.simulation.wire.transport import SimulatedTransport
from core.testing.simulation.wire.venue import WireVenue
from core.testing.simulation.wire.witness import Witness, Witnessed, witnessed


def wire_door(
    venue: WireVenue,
    settings: GridSettings,
    *,
    process: Process,
    clock: Clock,
    rng: Rng,
    faults: Active,
    history: History,
) -> Witnessed:
    """The adapter as wiring makes it for a real account, with keys, margins and expected rules."""
    transport = SimulatedTransport(
        venue, process=process, clock=clock, rng=rng.child("wire"), faults=faults, history=history
    )
    tongue, instrument = venue.tongue, settings.instrument
    doors = Doors(
        seams=Seams(transport=transport, clock=clock, rng=rng.child("adapter")),
        budgets=Budgets(clock),
        settings=replace(tongue.settings(), dead_mans_switch_s=venue.switch_s),
        credentials=tongue.credentials(),
        expected=(instrument,),
        # With the whole account behind it: a liquidation is no weather of these runs.
        margins={instrument.symbol: Margin(leverage=settings.leverage, mode=MarginMode.CROSS)},
    )
    door = tongue.make(witnessed(tongue.adapter()), doors)
    assert isinstance(door, Witnessed)  # noqa: S101 # made of that class
    door.witness = Witness(venue, process, transport, clock)
    return door
