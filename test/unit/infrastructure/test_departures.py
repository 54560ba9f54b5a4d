"""When requests left, told to whoever wants to know."""

from __future__ import annotations

import asyncio

from core.infrastructure.departures import departures, note_departure


async def test_a_question_knows_when_its_requests_left_wherever_they_were_sent():
    """Also those of tasks that it starts."""

    async def send(left_ns: int) -> None:
        note_departure(left_ns)

    with departures() as noted:
        await send(1)
        await asyncio.ensure_future(send(2))

    assert noted == [1, 2]


def test_questions_do_not_hear_of_each_other():
    """What one inside another asks is its own, and outside of all nobody listens."""
    note_departure(1)
    with departures() as outer:
        note_departure(2)
        with departures() as inner:
            note_departure(3)
        note_departure(4)

    assert (outer, inner) == ([2, 4], [3])
