"""A comparison with the venue while executions are being written."""

import asyncio

from core.services.gateway import Step
from core.testing.execution import BOT, Bench


def test_executions_that_are_being_written_are_counted_once(tmp_path):
    """They are in the ledger and still wait: the venue's position equals their sum, no alarm."""
    bench = Bench(tmp_path)
    bench.attach()
    bench.place("a1")
    bench.do(lambda: bench.venue.fill("a1"))
    bench.wait(0.1)
    commit = bench.journal.commit

    async def slow(transaction):
        await bench.clock.sleep(1.0)
        await commit(transaction)

    async def while_written():
        bench.journal.commit = slow
        applied = tuple(bench.fills())
        step = Step(bot_id=BOT, at_ns=bench.clock.now_ns(), commands=(), applied=applied, state={})
        async with asyncio.TaskGroup() as group:
            group.create_task(bench.service.step(step))
            await bench.clock.sleep(0.2)
            await bench.service.reconcile(BOT)

    bench.run(while_written())
    bench.wait(2)

    (compared,) = [fields for _, _, event, fields in bench.diary if event == "reconciled"][-1:]
    assert len(bench.fills()) == 1
    assert dict(compared)["position_difference"] == "0"
    assert "POSITION_DIFFERS" not in [alarm.code for alarm in bench.alarms]
    bench.close()
