"""The venue's dead man's switch: armed anew while we live, so that a death takes our orders along.

It cancels every order of the account, so it is armed only where a configuration asks for it, only
while bots run, and never while an order rests that is not ours. Who else places one is seen at the
next renewal, a quarter of the time later, and the switch is called off.

A switch that has acted is no fill: the next start finds the orders gone and places them again.
"""

from __future__ import annotations

import logging
from typing import Final

from core.errors import NotSent, NotSupported, OrderRejected, VenueError
from core.services.execution.desk import Desk
from core.services.execution.sender import Priority
from core.services.execution.tracked import Alarm

log = logging.getLogger(__name__)

_RENEWALS: Final = 4
"""How often it is armed anew within its time."""
_LOOK_S: Final = 1.0
"""How often is looked whether a bot has come."""


class DeadMansSwitch:
    """Keeps the switch of one account armed.

    Args:
        desk: Shared.
        prefix: What the client order ids of this installation begin with.
    """

    def __init__(self, desk: Desk, prefix: str) -> None:
        self._desk = desk
        self._prefix = prefix
        self._is_armed = False
        self._told = ""
        """What kept it from being armed last; told once each time."""

    def start(self) -> None:
        """Begins, where it was asked for."""
        seconds = self._desk.venue.dead_mans_switch_s
        if seconds is not None:
            self._desk.spawn(self._keep(seconds), "dead man's switch")

    async def close(self) -> None:
        """Calls it off, whoever armed it last: what rests now rests by policy."""
        if self._desk.venue.dead_mans_switch_s is not None:
            await self._set(None)

    async def _keep(self, seconds: float) -> None:
        while True:
            bots = self._desk.bots
            if any(bot.early is not None for bot in bots.values()):
                await self._desk.clock.sleep(_LOOK_S)  # whose orders rest is not read yet
            elif bots:
                await self._renew(seconds)
                await self._desk.clock.sleep(seconds / _RENEWALS)
            else:
                if self._is_armed:
                    await self._set(None)
                await self._desk.clock.sleep(_LOOK_S)

    async def _renew(self, seconds: float) -> None:
        desk = self._desk
        try:
            listed = await desk.call(
                "get_open_orders", "", Priority.QUERY, desk.venue.get_open_orders
            )
        except VenueError as error:
            log.info("switch.no_answer error=%s", error)
            return  # armed as it is: without an answer nobody could tell what rests
        foreign = [
            order
            for order in listed
            if not (order.client_order_id or "").startswith(self._prefix)
            # a venue of numbers tells no id of ours that this process has not met yet
            and desk.manager.find(order.symbol, order.client_order_id, order.order_id) is None
        ]
        if foreign:
            name = f"{foreign[0].symbol} order {foreign[0].order_id}"
            if self._is_armed:
                await self._set(None)
            self._tell(f"it would cancel what is not ours ({name})")
        else:
            await self._set(seconds)

    async def _set(self, seconds: float | None) -> None:
        """Arms it or calls it off; a refusal is told, and tried again at the next renewal."""
        desk = self._desk
        try:
            await desk.call(
                "arm_switch", "", Priority.CANCEL, lambda: desk.venue.arm_switch(seconds)
            )
        except (OrderRejected, NotSupported, NotSent) as error:
            self._is_armed = False
            if seconds is not None:
                self._tell(str(error))
        except VenueError as error:
            log.warning("switch.unknown error=%s", error)
            self._is_armed = True
        else:
            self._is_armed = seconds is not None
            if self._is_armed and self._told:
                self._told = ""
                self._desk.calm("SWITCH_OFF")
            log.info("switch.%s", "armed" if self._is_armed else "off")

    def _tell(self, why: str) -> None:
        if why != self._told:
            self._told = why
            text = f"the venue's dead man's switch is off: {why}"
            self._desk.alarm(Alarm("", "SWITCH_OFF", text, self._desk.clock.now_ns()))
