"""A key's rights are looked at every six hours while bots trade with it."""

import pytest

from core.errors import AuthError, TransportError
from core.services.execution.key_watch import HALTED_BY
from core.services.execution.settings import ExecutionSettings
from core.services.risk.rules import RiskState
from core.testing.execution import Bench, cancel

SOON, SOONER = 120, 20
"""Seconds, in the place of six hours and ten minutes."""


@pytest.fixture
def bench(tmp_path):
    """An attached bot whose venue's adapter proves keys; `refusal` is what it finds."""
    made = Bench(tmp_path, settings=ExecutionSettings(key_check_s=SOON, key_retry_s=SOONER))
    made.refusal, made.proved_at = None, []

    async def prove():
        made.proved_at.append(made.clock.now_ns())
        if made.refusal is not None:
            raise made.refusal

    made.venue.prove = prove
    made.attach()
    yield made
    made.close()


def may_withdraw():
    """What an adapter finds of a key that may."""
    return AuthError("binance: this key may withdraw.", venue="binance", code="WITHDRAW")


def alarms(bench):
    """What a person was told of the key."""
    return [alarm.code for alarm in bench.alarms if alarm.code.startswith("KEY_")]


def test_it_is_asked_for_again_and_again_and_not_before(bench):
    """The login proved it already; six hours is what is waited, and ten minutes for an answer."""
    usual = ExecutionSettings()
    assert (usual.key_check_s, usual.key_retry_s) == (6 * 3600, 600)
    bench.wait(SOON - 10)
    before = list(bench.proved_at)
    bench.wait(2 * SOON)

    assert before == []
    assert len(bench.proved_at) == 2
    assert bench.proved_at[1] - bench.proved_at[0] == SOON * 10**9
    assert alarms(bench) == []


def test_a_withdraw_right_that_appears_halts_what_is_new_and_calls_a_person(bench):
    """Creates are denied from then on, cancels leave, and the halt is latched."""
    name = f"{bench.spec().order_prefix}1E1"
    bench.place(name)
    bench.wait(1)
    bench.refusal = may_withdraw()
    bench.wait(SOON + 10)

    assert alarms(bench) == ["KEY_RIGHTS"]
    assert (bench.risk.state, bench.risk.by) == (RiskState.HALTED, HALTED_BY)
    second = f"{bench.spec().order_prefix}2E1"
    bench.place(second)
    bench.wait(1)
    assert second not in {order.client_order_id for order in bench.venue.orders.values()}
    bench.step(cancel(name))
    bench.wait(1)
    assert not bench.venue.by_client_id(name).status.is_open


def test_a_right_that_was_taken_away_again_stays_halted_until_a_person_says_so(bench):
    """Who gave it may give it again; it is told once each time."""
    bench.refusal = may_withdraw()
    bench.wait(2 * SOON + 10)
    bench.refusal = None
    bench.wait(SOON)
    still = bench.risk.state
    bench.run(bench.risk.release("a person"))
    bench.refusal = may_withdraw()
    bench.wait(SOON)

    assert still is RiskState.HALTED
    assert bench.risk.state is RiskState.HALTED
    assert alarms(bench) == ["KEY_RIGHTS", "KEY_RIGHTS"]


@pytest.mark.parametrize("code", ["ACCOUNT", "POSITION_MODE"])
def test_another_account_or_two_sides_halt_too(bench, code):
    """Orders would go where nobody meant them to."""
    bench.refusal = AuthError("okx: it is another.", venue="okx", code=code)
    bench.wait(SOON + 10)

    assert bench.risk.state is RiskState.HALTED
    assert alarms(bench) == ["KEY_RIGHTS"]


def test_a_key_that_is_refused_calls_a_person_and_halts_nothing(bench):
    """What rests is as safe as it was; the venue refuses what is new by itself."""
    bench.refusal = AuthError("okx: the key is no more.", venue="okx", code="50111")
    bench.wait(2 * SOON + 10)

    assert bench.risk.state is RiskState.ACTIVE
    assert alarms(bench) == ["KEY_REFUSED"]


def test_without_an_answer_it_is_asked_again_sooner(bench):
    """Nothing is known, so nothing changes."""
    bench.refusal = TransportError("okx: no answer.", venue="okx")
    bench.wait(SOON + 2 * SOONER + 10)
    asked = len(bench.proved_at)
    bench.refusal = None
    bench.wait(SOONER)

    assert asked == 3
    assert len(bench.proved_at) == 4
    assert alarms(bench) == []
    assert bench.risk.state is RiskState.ACTIVE


def test_a_key_that_is_accepted_again_ends_its_alarm_and_no_halt(bench):
    """What ended by itself is said; a halt and its alarm wait for a person."""
    calms = []
    bench.service._desk.on_calm = lambda bot_id, code: calms.append((bot_id, code))
    for refusal in (AuthError("okx: no.", venue="okx", code="50111"), None, may_withdraw(), None):
        bench.refusal = refusal
        bench.wait(SOON)

    assert calms == [("", "KEY_REFUSED")]
    assert alarms(bench) == ["KEY_REFUSED", "KEY_RIGHTS"]
    assert bench.risk.state is RiskState.HALTED
