import asyncio
import os
import signal

from core.engine.signals import Askings, Ending


def askings(times: list[float]) -> tuple[Askings, list[Ending]]:
    """Something that counts askings at these moments, and what it heard."""
    heard: list[Ending] = []
    moments = iter(times)
    return Askings(heard.append, lambda: next(moments)), heard


def test_the_first_interrupt_is_orderly_and_has_half_a_minute():
    """One Ctrl+C gives an orderly end thirty seconds."""
    asked, heard = askings([0.0])

    asked.ask(signal.SIGINT)

    assert heard == [Ending(stage=1, deadline_s=30.0, by="SIGINT")]


def test_being_terminated_has_eight_seconds():
    """SIGTERM and SIGHUP are followed by SIGKILL soon, so the orderly end is shorter."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        asked, heard = askings([0.0])

        asked.ask(number)

        assert heard == [Ending(stage=1, deadline_s=8.0, by=number.name)]


def test_the_second_hurries_and_the_third_ends():
    """Each further press goes one stage on, and a fourth changes nothing."""
    asked, heard = askings([0.0, 0.1, 0.2, 0.3])

    for _ in range(4):
        asked.ask(signal.SIGINT)

    assert [(item.stage, item.deadline_s) for item in heard] == [(1, 30.0), (2, 2.0), (3, 0.0)]


def test_a_closing_terminal_counts_once():
    """SIGHUP said twice, and SIGTERM after it, within a second are one asking."""
    asked, heard = askings([0.0, 0.01, 0.5])

    asked.ask(signal.SIGHUP)
    asked.ask(signal.SIGHUP)
    asked.ask(signal.SIGTERM)

    assert [item.stage for item in heard] == [1]


def test_a_later_terminate_hurries():
    """SIGTERM that comes again after a second is a second asking."""
    asked, heard = askings([0.0, 1.5])

    asked.ask(signal.SIGTERM)
    asked.ask(signal.SIGTERM)

    assert [item.stage for item in heard] == [1, 2]


async def test_signals_of_the_process_are_heard_while_the_context_is_open():
    """A signal sent to this process reaches the loop."""
    heard: asyncio.Queue[Ending] = asyncio.Queue()

    with Askings(heard.put_nowait).heard(asyncio.get_running_loop()):
        os.kill(os.getpid(), signal.SIGHUP)
        ending = await heard.get()

    assert ending.by == "SIGHUP"
