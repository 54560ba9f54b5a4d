"""A socket that is kept alive, on virtual time against a scripted network."""

import asyncio
import json
from functools import wraps

import pytest

from core.adapters.exchanges.connection.dialect import Dialect
from core.adapters.exchanges.connection.socket import Connection, Seams
from core.adapters.exchanges.models import ConnectionState
from core.errors import AuthError, NotSent, NotSupported, TransportError
from core.infrastructure import virtual_time
from core.infrastructure.clock import VirtualClock
from core.infrastructure.rng import SeededRng
from core.infrastructure.virtual_time import running_loop

START_NS = 1_700_000_000 * 1_000_000_000


class ScriptedSocket:
    """One socket of the network: what the client said, and a way to speak to it."""

    def __init__(self, listener, network):
        self.listener = listener
        self.network = network
        self.is_open = True
        self.said = []
        self.pings = 0

    def send(self, message):
        """The client says something; the network may answer."""
        if not self.is_open:
            raise NotSent("closed")
        told = json.loads(message)
        self.said.append(told)
        if "ask" in told and self.network.confirms:
            for topic in told["ask"]:
                self.tell({"ok": topic})

    def ping(self):
        """Answered as long as the line is up, whatever else is silent."""
        self.pings += 1
        if self.is_open and self.network.pongs:
            self.listener.on_pong()

    def tell(self, *messages):
        """The venue says something."""
        if self.is_open:
            self.listener.on_messages([json.dumps(m).encode() for m in messages])

    def close(self):
        """Ends it, as either side may."""
        if self.is_open:
            self.is_open = False
            self.listener.on_closed("closed")


class Network:
    """Opens scripted sockets."""

    def __init__(self):
        self.sockets = []
        self.refusals = 0
        self.confirms = True
        self.pongs = True

    async def open_socket(self, url, listener, *, headers, timeout_s):
        """A new socket, or a refusal."""
        await asyncio.sleep(0)
        if self.refusals:
            self.refusals -= 1
            raise TransportError("no network")
        self.sockets.append(ScriptedSocket(listener, self))
        return self.sockets[-1]


class Words(Dialect):
    """A made-up protocol: `ask`, `drop`, `ok`, news with a time, answers by number."""

    name = "words"
    keep_alive_s = 2.0
    topics_per_message = 50
    messages_per_s = 10.0

    def __init__(self):
        self.news = []
        self.losses = 0
        self.caught_up = 0
        self.quiet = None
        self.refuses = None

    async def address(self):
        """Always the same."""
        return "ws://venue"

    async def login(self, link):
        """Refused where a test wants that."""
        if self.refuses:
            raise self.refuses

    def ask(self, topics):
        """One message."""
        return [json.dumps({"ask": list(topics)}).encode()]

    def give_up(self, topics):
        """One message."""
        return [json.dumps({"drop": list(topics)}).encode()]

    def hear(self, messages, link):
        """Takes them one by one."""
        for raw in messages:
            told = json.loads(raw)
            if "ok" in told:
                link.confirmed(told["ok"])
            elif "no" in told:
                link.refused(told["no"], NotSupported("no such topic"))
            elif "answer" in told:
                link.answer(str(told["answer"]), told)
            else:
                self.news.append(told)
                link.heard(told["topic"], told["ns"])

    async def catch_up(self, link):
        """Counts."""
        self.caught_up += 1

    async def confirm(self):
        """What a test says."""
        if self.quiet is None:
            raise TransportError("REST is down too")
        return self.quiet

    def lost(self):
        """Counts."""
        self.losses += 1


class Stage:
    """A connection over a network."""

    def __init__(self, clock):
        self.clock = clock
        self.network = Network()
        self.words = Words()
        self.states = []
        seams = Seams(transport=self.network, clock=clock, rng=SeededRng(7))
        self.connection = Connection(
            self.words, seams, on_state=lambda _c, state, _why: self.states.append(state)
        )

    @property
    def socket(self):
        """The newest socket."""
        return self.network.sockets[-1]

    def tell(self, topic="t"):
        """News of this moment."""
        self.socket.tell({"topic": topic, "ns": self.clock.now_ns()})

    async def speak(self, seconds, every_s=0.1):
        """News again and again."""
        for _ in range(round(seconds / every_s)):
            self.tell()
            await self.clock.sleep(every_s)


def staged(story):
    """Runs a story on virtual time and closes the connection."""

    @wraps(story)
    def told():
        async def run():
            stage = Stage(VirtualClock(running_loop()))
            try:
                await story(stage)
            finally:
                await stage.connection.stop()

        virtual_time.run(run(), start_ns=START_NS)

    del told.__wrapped__
    return told


@staged
async def test_it_rises_through_every_state_in_order(stage):
    """Connect, authenticate, resubscribe, snapshot, live."""
    await stage.connection.start()

    assert [state.value for state in stage.states] == [
        *("connecting", "authenticating", "resubscribing", "snapshot", "live")
    ]


@staged
async def test_topics_wanted_together_are_asked_for_together(stage):
    """One message for all that came in one turn of the loop, one topic for two listeners."""
    await stage.connection.start()
    names = [f"t{i}" for i in range(40)] + ["t0"]
    await asyncio.gather(*(stage.connection.subscribe(name) for name in names))

    asked = [told["ask"] for told in stage.socket.said if "ask" in told]
    assert asked == [[f"t{i}" for i in range(40)]]
    stage.connection.unsubscribe("t0")
    await stage.clock.sleep(0.1)
    assert not [told for told in stage.socket.said if "drop" in told]
    stage.connection.unsubscribe("t0")
    await stage.clock.sleep(0.1)
    assert [told["drop"] for told in stage.socket.said if "drop" in told] == [["t0"]]


@staged
async def test_after_a_loss_everything_is_asked_for_again_and_caught_up(stage):
    """At once the first time, and live only after what was missed was asked for."""
    await stage.connection.start()
    await stage.connection.subscribe("b")
    await stage.connection.subscribe("a")
    await stage.speak(1)
    stage.socket.close()
    await stage.clock.sleep(0.2)

    assert len(stage.network.sockets) == 2
    assert [told["ask"] for told in stage.socket.said if "ask" in told] == [["b", "a"]]
    assert stage.connection.is_live
    assert (stage.words.caught_up, stage.words.losses) == (2, 1)


@staged
async def test_a_socket_that_answers_pings_and_says_nothing_is_given_up_in_ten_seconds(stage):
    """Pongs go on, data does not: it is rebuilt."""
    await stage.connection.start()
    await stage.connection.subscribe("t")
    await stage.speak(20)
    began = stage.clock.now_ns()
    while len(stage.network.sockets) == 1:
        await stage.clock.sleep(0.05)
    took_s = (stage.clock.now_ns() - began) / 1e9

    assert stage.network.sockets[0].pings > 2
    assert 3.0 < took_s <= 10.0
    assert ConnectionState.STALE in stage.states


@staged
async def test_messages_with_a_frozen_time_are_silence(stage):
    """They come ten times a second, about the same old moment."""
    await stage.connection.start()
    await stage.connection.subscribe("t")
    await stage.speak(20)
    began, frozen = stage.clock.now_ns(), stage.clock.now_ns()
    while len(stage.network.sockets) == 1:
        stage.socket.tell({"topic": "t", "ns": frozen})
        await stage.clock.sleep(0.1)

    assert (stage.clock.now_ns() - began) / 1e9 <= 10.0


@staged
async def test_a_quiet_market_keeps_its_socket(stage):
    """Another source agrees that nothing happened: stale for a moment, then live again."""
    stage.words.quiet = True
    await stage.connection.start()
    await stage.connection.subscribe("t")
    await stage.speak(5)
    await stage.clock.sleep(60)

    assert len(stage.network.sockets) == 1
    assert stage.connection.is_live
    assert stage.states.count(ConnectionState.STALE) >= 3


@staged
async def test_news_elsewhere_end_a_silent_socket_at_once(stage):
    """The other source disagrees: there is nothing to wait for."""
    stage.words.quiet = False
    await stage.connection.start()
    await stage.connection.subscribe("t")
    await stage.speak(5)
    began = stage.clock.now_ns()
    while len(stage.network.sockets) == 1:
        await stage.clock.sleep(0.05)

    assert (stage.clock.now_ns() - began) / 1e9 < 5.0


@staged
async def test_an_unanswered_ping_ends_a_half_open_socket(stage):
    """Where silence means nothing, the line itself is asked."""
    stage.words.watches_silence = False
    await stage.connection.start()
    await stage.clock.sleep(30)
    assert len(stage.network.sockets) == 1
    stage.network.pongs = False
    await stage.clock.sleep(12)

    assert len(stage.network.sockets) > 1


@staged
async def test_requests_are_answered_by_their_key(stage):
    """Each waiter gets its own answer, whatever the order."""
    await stage.connection.start()
    first = asyncio.ensure_future(stage.connection.call("1", b'{"do":1}', timeout_s=5))
    second = asyncio.ensure_future(stage.connection.call("2", b'{"do":2}', timeout_s=5))
    await stage.clock.sleep(0.01)
    stage.socket.tell({"answer": 2}, {"answer": 1})

    assert (await first, await second) == ({"answer": 1}, {"answer": 2})


@staged
async def test_a_request_without_an_answer_was_sent(stage):
    """By time or by the socket's end: sent, and the outcome is not known."""
    await stage.connection.start()
    with pytest.raises(TransportError, match="no answer") as late:
        await stage.connection.call("1", b'{"do":1}', timeout_s=1)
    lost = asyncio.ensure_future(stage.connection.call("2", b'{"do":2}', timeout_s=5))
    await stage.clock.sleep(0.01)
    stage.socket.close()
    with pytest.raises(TransportError, match="lost") as cut:
        await lost

    assert not isinstance(late.value, NotSent)
    assert not isinstance(cut.value, NotSent)


@staged
async def test_a_request_on_no_socket_was_not_sent(stage):
    """Provably."""
    with pytest.raises(NotSent):
        await stage.connection.call("1", b'{"do":1}', timeout_s=1)


@staged
async def test_a_venue_that_cannot_be_reached_is_said_at_the_start(stage):
    """The first attempt fails: whoever asked hears why, and nothing goes on behind his back."""
    stage.network.refusals = 1
    with pytest.raises(TransportError, match="no network"):
        await stage.connection.start()
    await stage.clock.sleep(60)

    assert not stage.connection.is_running
    assert stage.network.sockets == []


@staged
async def test_a_refused_login_is_an_auth_error(stage):
    """Not a connection that is tried for ever."""
    stage.words.refuses = AuthError("bad key")
    with pytest.raises(AuthError, match="bad key"):
        await stage.connection.start()

    assert not stage.connection.is_running


@staged
async def test_pauses_grow_while_the_venue_is_down(stage):
    """Later attempts are further apart, and a good life begins anew."""
    await stage.connection.start()
    await stage.clock.sleep(10)
    stage.network.refusals = 6
    began = stage.clock.now_ns()
    stage.socket.close()
    while len(stage.network.sockets) == 1:
        await stage.clock.sleep(0.05)

    assert (stage.clock.now_ns() - began) / 1e9 > 1.0
    assert stage.states.count(ConnectionState.CONNECTING) == 8


@staged
async def test_a_topic_that_is_never_confirmed_is_given_up(stage):
    """Whoever asked for it hears so."""
    await stage.connection.start()
    stage.network.confirms = False
    with pytest.raises(TransportError, match="not confirmed"):
        await stage.connection.subscribe("t", timeout_s=3)

    assert "t" not in stage.connection.subscriptions


@staged
async def test_a_refused_topic_raises_what_the_venue_said(stage):
    """And nobody waits for it any more."""
    await stage.connection.start()
    stage.network.confirms = False
    asked = asyncio.ensure_future(stage.connection.subscribe("t"))
    await stage.clock.sleep(0.1)
    stage.socket.tell({"no": "t"})
    with pytest.raises(NotSupported):
        await asked

    assert "t" not in stage.connection.subscriptions


@staged
async def test_a_message_that_breaks_the_dialect_rebuilds_the_socket(stage):
    """Logged and started over, instead of going on with half a state."""
    await stage.connection.start()
    stage.socket.listener.on_messages([b"not what was agreed on"])
    await stage.clock.sleep(1)

    assert len(stage.network.sockets) == 2
    assert stage.connection.is_live


@staged
async def test_after_closing_nothing_is_left(stage):
    """No socket, no task, no waiter."""
    await stage.connection.start()
    await stage.connection.subscribe("t")
    await stage.connection.stop()
    await stage.connection.stop()
    await stage.clock.sleep(60)

    assert not stage.socket.is_open
    assert len(stage.network.sockets) == 1
    assert stage.connection.state is ConnectionState.DISCONNECTED
    assert [task for task in asyncio.all_tasks() if "connection" in task.get_name()] == []


@staged
async def test_a_request_that_nobody_waits_for_any_more_gives_its_key_back(stage):
    """Its answer goes nowhere, and the key may be used again; while somebody waits, it may not."""
    await stage.connection.start()
    first = stage.connection.call("1", b'{"do":1}', timeout_s=5)
    with pytest.raises(NotSent, match="under way"):
        stage.connection.call("1", b'{"do":1}', timeout_s=5)
    first.cancel()
    second = stage.connection.call("1", b'{"do":2}', timeout_s=5)
    abandoned = stage.connection.call("2", b'{"do":3}', timeout_s=5)
    abandoned.cancel()
    await stage.clock.sleep(1.0)
    was_waited_for = stage.connection.answer("2", "late")
    stage.socket.tell({"answer": 1})

    assert await second == {"answer": 1}
    assert not was_waited_for
    assert not stage.connection.answer("1", "twice")
