"""Safeguards taken out, one at a time, to see whether a campaign notices.

Each names the text that keeps it (see `removal.py`); `hunts.py` looks for a seed that misses it.
Some of them are bugs that other trading systems had in public.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from core.testing.simulation.faults import Kind
from core.testing.simulation.removal import Ablation, Edit

_EXECUTION: Final = "core.services.execution"
_GRID: Final = "core.services.grid"

KILLS: Final = frozenset({Kind.KILL, Kind.KILL_AT_EVENT, Kind.KILL_AT_START, Kind.TERM})
"""Ends of a life."""
_LOST: Final = frozenset(
    {Kind.LOSE_REQUEST, Kind.LOSE_ANSWER, Kind.SERVER_ERROR, Kind.BROKEN_BODY, Kind.REST_DOWN}
)
_STREAM: Final = frozenset({Kind.PRIVATE_DROP, Kind.PRIVATE_SILENT, Kind.PRIVATE_CUT})
_ASKED: Final = frozenset({Kind.ASK_CANCEL, Kind.ASK_HALT, Kind.ASK_EDIT})


def _one(
    name: str, safeguard: str, target: str, old: str, new: str, *shown_by: Iterable[Kind]
) -> Ablation:
    return Ablation(
        name=name,
        safeguard=safeguard,
        edits=(Edit(target, old, new),),
        shown_by=tuple(frozenset(kinds) for kinds in shown_by),
    )


def _rate(
    name: str, safeguard: str, target: str, old: str, new: str, *shown_by: Iterable[Kind]
) -> Ablation:
    """One that shows where a venue allows few requests."""
    return replace(_one(name, safeguard, target, old, new, *shown_by), is_about_rates=True)


def _historic(name: str, safeguard: str, *edits: Edit) -> Ablation:
    return Ablation(name=name, safeguard=safeguard, edits=edits, is_historic=True)


ABLATIONS: Final[Sequence[Ablation]] = (
    # -- the order protocol ---------------------------------------------------------------------
    _one(
        "send before durable",
        "P2: an intent is durable before its create leaves",
        f"{_EXECUTION}.service:ExecutionService._step",
        "durable = self._journal.commit(transaction)",
        "durable = asyncio.sleep(0, self._journal.write(transaction))",
    ),
    _historic(
        "failure means refused",
        "P3: what did not answer is unknown (a placement error counted as a failure)",
        Edit(
            f"{_EXECUTION}.dispatcher:Dispatcher._failed",
            'manager.lose(order, code or "NO_ANSWER", now_ns, str(error) or repr(error))',
            'manager.refuse(order, code or "NO_ANSWER", now_ns, str(error) or repr(error))',
        ),
    ),
    _historic(
        "order again after a timeout",
        "P1: one create for an intent (a read timeout was followed by the same order once more)",
        Edit(
            f"{_EXECUTION}.dispatcher:Dispatcher._create",
            "        except Exception as error:",
            "        except Exception:\n"
            "            await self._desk.clock.sleep(1.0)\n"
            "            await self._request(order)\n"
            "        except BaseException as error:",
        ),
    ),
    _one(
        "negatives count at once",
        "P6: only questions after the deadline and its margin prove an absence",
        f"{_EXECUTION}.evidence:is_absent",
        "[item for item in negatives if item.asked_ns > certain_from]",
        "list(negatives)",
    ),
    _one(
        "one kind of negative is enough",
        "P6: two kinds of endpoint, executions among them",
        f"{_EXECUTION}.evidence:is_absent",
        "if len(kinds) < 2 or Endpoint.FILLS not in kinds:",
        "if not kinds:",
        {Kind.LOSE_REQUEST},
        {Kind.SERVER_ERROR, Kind.BROKEN_BODY, Kind.LOSE_ANSWER},
    ),
    _one(
        "negatives of one moment",
        "P6: two negatives at least two seconds apart",
        f"{_EXECUTION}.evidence:is_absent",
        "newest_ns - min(item.told_ns for item in counted) >= gap_ns",
        "newest_ns >= gap_ns",
        {Kind.LOSE_REQUEST, Kind.SERVER_ERROR, Kind.MAINTENANCE},
    ),
    _historic(
        "not found once is gone",
        "P6 altogether (one `not found` at a start ended an order locally)",
        Edit(
            f"{_EXECUTION}.evidence:is_absent",
            "counted = [",
            "return bool(negatives)\n    counted = [",
        ),
    ),
    _historic(
        "errors count as not found",
        "P6: a question that failed is no answer (DNS errors were counted as `not found`)",
        Edit(
            f"{_EXECUTION}.resolver:Resolver._ask_orders",
            '                log.info("resolve.no_answer order=%s error=%s",'
            " order.client_order_id, error)",
            "                case.negatives += [Negative(Endpoint.ORDER, 1 << 62, 1 << 62), "
            "Negative(Endpoint.FILLS, (1 << 62) + (1 << 40), (1 << 62) + (1 << 40))]",
        ),
    ),
    _historic(
        "in flight at the crash means refused",
        "P5: what was in flight at a crash is unknown (orders were doubled on restart)",
        Edit(
            f"{_EXECUTION}.service:ExecutionService._recall",
            'self._manager.lose(order, "RESTARTED", now_ns, f"found as {item.state}")',
            'self._manager.refuse(order, "RESTARTED", now_ns, f"found as {item.state}")',
        ),
    ),
    _historic(
        "unconfirmed means rejected",
        "P6: unresolved stays unknown (after some retries an order was called rejected)",
        Edit(
            f"{_EXECUTION}.resolver:Resolver._conclude",
            "            case for case in cases if is_absent("
            "case.negatives, case.certain_from_ns, desk.settings)",
            "            case for case in cases if len(case.negatives) > 3",
        ),
    ),
    _one(
        "answers of others are taken",
        "T5: an answer must speak of the order it was asked about",
        f"{_EXECUTION}.order_manager:OrderManager._is_of",
        "return (",
        "return True or (",
        {Kind.WRONG_ANSWER},
    ),
    _one(
        "states go back",
        "P8: a late word changes nothing",
        "core.domain.lifecycle:advance",
        "return TRANSITIONS[state].get(signal, state)",
        "return TRANSITIONS[OrderState.SENT].get(signal, state)",
    ),
    _one(
        "cancel once",
        "T6: a cancel is repeated until the venue says that the order is gone",
        f"{_EXECUTION}.canceler:Canceler._work",
        "while self._is_wanted(order):",
        "for _ in range(1):",
        _LOST | {Kind.NOT_SENT, Kind.RATE_LIMIT},
        _ASKED,
    ),
    _historic(
        "unknown to the cancel means cancelled",
        "V4: only the venue's word ends an order (shown cancelled, filled at the venue)",
        Edit(
            f"{_EXECUTION}.canceler:Canceler._try",
            "await self._ask(order)",
            "desk.manager.vanish(order, desk.clock.now_ns()); "
            'desk.manager.disprove(order, desk.clock.now_ns(), "")',
        ),
    ),
    _one(
        "missing orders are not asked about",
        "V9: an order that is not listed any more is asked for",
        f"{_EXECUTION}.reconciler:Reconciler.reconcile",
        "await self._ask(order)",
        "pass",
    ),
    _one(
        "strangers are cancelled",
        "P10: what is not ours is left alone",
        f"{_EXECUTION}.reconciler:Reconciler._foreign",
        "foreign.append(data)",
        "self._desk.spawn(self._cancel_late(data), 'x'); foreign.append(data)",
        {Kind.STRANGER},
    ),
    Ablation(
        name="numbers begin again",
        safeguard="P1: an id is never given out twice",
        edits=(
            Edit(f"{_GRID}.state:GridState.restore", 'int(state.get("serial", "0"))', "0"),
            Edit(f"{_GRID}.state:GridState.go_on_after", "if serial > self._serial:", "if False:"),
        ),
    ),
    # -- fills and money ------------------------------------------------------------------------
    Ablation(
        name="fills count twice",
        safeguard="P7: a fill is known by its trade id",
        edits=(
            Edit(
                f"{_EXECUTION}.order_manager:OrderManager.on_fill",
                "if fill.trade_id in order.trades:",
                "if False:",
            ),
            Edit(
                f"{_EXECUTION}.listener:Listener.take_fill",
                "if fill.trade_id not in order.trades:",
                "if True:",
            ),
        ),
    ),
    Ablation(
        name="old fills are news",
        safeguard="P7: a fill that the journal holds is known after a restart",
        edits=(
            Edit(
                f"{_EXECUTION}.recall:restore",
                "set(desk.journal.trade_ids(intent.client_order_id))",
                "set()",
            ),
            Edit(
                f"{_EXECUTION}.listener:Listener.take_fill",
                "self._is_booked(bot, fill)",
                "False",
            ),
        ),
    ),
    _historic(
        "seen before applied",
        "P7: a fill counts as seen only with what follows from it (marked before it was applied)",
        Edit(
            f"{_EXECUTION}.order_manager:OrderManager.on_fill",
            "        order.unapplied[fill.trade_id] = item\n",
            "        order.unapplied[fill.trade_id] = item\n"
            "        self.out.transaction.fills.append(item.row)\n",
        ),
    ),
    _historic(
        "inferred fills",
        "P7: nothing is booked without a trade id (inferred and real fill both counted)",
        Edit(
            f"{_EXECUTION}.order_manager:OrderManager.on_order",
            "        self._finish(order, at_ns)",
            "        if order.reported > order.delivered and data.filled:\n"
            "            self.on_fill(order, FillData(venue=data.venue, symbol=data.symbol, "
            'trade_id=f"i{order.reported}", order_id=data.order_id, side=data.side, '
            "price=data.price or data.average_price, "
            "amount=order.bot.instrument.amount(order.reported - order.delivered), "
            "at=data.updated_at), at_ns)\n"
            "        self._finish(order, at_ns)",
        ),
    ),
    _one(
        "state apart from fills",
        "P7: fills, sums and the machine's state are one transaction",
        f"{_EXECUTION}.service:ExecutionService._step",
        "transaction.states.append(StateRow(bot.bot_id, key, value))",
        "self._desk.clock.call_after_ns(50_000_000, lambda key=key, value=value: "
        "self._journal.write(Transaction(states=[StateRow(bot.bot_id, key, value)])))",
    ),
    _one(
        "the end before its fills",
        "V5: an end is handed over after every fill that the venue counted",
        f"{_EXECUTION}.order_manager:OrderManager._finish",
        "if not order.is_complete:",
        "if False:",
    ),
    Ablation(
        name="missing fills are not fetched",
        safeguard="T18: fills that the stream lost are asked for, wherever something falls short",
        edits=(
            Edit(
                f"{_EXECUTION}.listener:Listener._settle",
                'self._desk.spawn(self._fetch_short(), "fetch fills")',
                "pass",
            ),
            Edit(
                f"{_EXECUTION}.reconciler:Reconciler.reconcile",
                "await self.take_in_fills(symbol, self._since(bot))",
                "pass",
            ),
            Edit(
                f"{_EXECUTION}.reconciler:Reconciler.check_position",
                "await self.take_in_fills(bot.spec.symbol, self._since(bot))",
                "pass",
            ),
        ),
        shown_by=(_STREAM,),
    ),
    Ablation(
        name="settlements count twice",
        safeguard="a settlement of funding is known by its id",
        edits=(
            Edit(
                f"{_EXECUTION}.listener:Listener.take_funding",
                "if bot is None or key in bot.settled or",
                "if bot is None or",
            ),
            Edit(
                f"{_EXECUTION}.listener:Listener.take_funding",
                "if self._desk.journal.has_funding(*place, key):",
                "if False:",
            ),
        ),
    ),
    _one(
        "settlements are not caught up",
        "a settlement that the stream lost is asked for",
        f"{_EXECUTION}.reconciler:Reconciler.reconcile",
        "await self._take_in_funding(bot)",
        "pass",
        _STREAM,
    ),
    _one(
        "fees are rounded",
        "sums are exact",
        f"{_EXECUTION}.tracked:Ledger.after",
        "EXACT.add(self.fees, fee_quote)",
        'EXACT.add(self.fees, fee_quote).quantize(Decimal("0.00001"))',
    ),
    Ablation(
        name="shares without a slot",
        safeguard="the slots of an order that serves several are written with its fills",
        edits=(
            Edit(f"{_GRID}.booking:GridBooks._open", "self._levels_touched.add(level)", "pass"),
            # A share that is whole has its slot written once more by each of these.
            Edit(
                f"{_GRID}.machine:GridMachine._complete_share",
                "self._levels_touched.add(slot.level)",
                "pass",
            ),
            Edit(
                f"{_GRID}.machine:GridMachine._after_initial",
                "self._levels_touched.add(slot.level)",
                "pass",
            ),
        ),
        shown_by=(frozenset({Kind.ASK_HALT}),),
    ),
    _one(
        "a doubtful write leaves ghosts",
        "an order whose intent was not written is withdrawn",
        f"{_EXECUTION}.service:ExecutionService._not_written",
        "self._manager.withdraw(order)",
        "pass",
        {Kind.DISK_DOUBT, Kind.DISK_FULL},
    ),
    # -- risk, halts, limits ----------------------------------------------------------------------
    Ablation(
        name="halted orders leave",
        safeguard="OP5: nothing new leaves after a halt: nothing is decided, allowed or sent",
        edits=(
            Edit(
                f"{_EXECUTION}.dispatcher:Dispatcher._bar",
                "self._risk.state is RiskState.HALTED",
                "False",
            ),
            # Each of these two keeps most orders from ever coming to the one above.
            Edit(
                "core.services.risk.rules:RuleBook._state",
                "now.state is RiskState.HALTED",
                "False",
            ),
            Edit(
                f"{_GRID}.machine:GridMachine._on_risk",
                "self._risk = event.state",
                'self._risk = "ACTIVE"',
            ),
        ),
        shown_by=(frozenset({Kind.ASK_HALT}),),
    ),
    Ablation(
        name="a halt ends with its process",
        safeguard="OP5: a halt is latched in the journal; whoever starts again and again is halted",
        edits=(
            Edit(
                "core.services.risk.service:RiskService.__init__",
                "RiskState.ACTIVE if latched is None else RiskState(latched.state)",
                "RiskState.ACTIVE",
            ),
            # Most who die while halted die often, and then this one holds them all the same.
            Edit(
                "core.engine.starts:StartRecord.begin",
                "return 0 < self.limit <= len(recent)",
                "return False",
            ),
        ),
        shown_by=(frozenset({Kind.ASK_HALT}), KILLS),
    ),
    _one(
        "two on one account",
        "PR17: one holder of the lease",
        "core.infrastructure.files:_lock",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
        {Kind.SECOND},
    ),
    _rate(
        "no rate budget",
        "T10: requests keep to the venue's rate",
        f"{_EXECUTION}.sender:Sender._ready_ns",
        "excess = self._spent() - allowed",
        "excess = -1",
        _ASKED | {Kind.VANISH, Kind.MEDDLER},
    ),
    _rate(
        "no room for cancels",
        "T10: a fifth of the rate is kept for cancels and questions",
        f"{_EXECUTION}.sender:Sender._ready_ns",
        "if priority not in _RESERVED:",
        "if False:",
        _ASKED,
    ),
    _one(
        "requests during a ban",
        "T11: a banned process is silent",
        f"{_EXECUTION}.sender:Sender.pause",
        "self._paused_until_ns = max(self._paused_until_ns, until_ns)",
        "return",
        {Kind.BAN},
    ),
    _one(
        "cancels during a ban",
        "T11: a ban holds for cancels too",
        f"{_EXECUTION}.sender:Sender.pause",
        "if is_ban or seconds >= _BAN_FROM_S:",
        "if False:",
        {Kind.BAN},
        _ASKED,
    ),
    Ablation(
        name="a turn from before the sleep",
        safeguard="CK7: what leaves late, after a sleep or a slow disk, counts when it leaves",
        edits=(
            Edit(
                f"{_EXECUTION}.sender:Sender.acquire",
                "while await self._wait(priority) > _LATE_NS:",
                "while await self._wait(priority) < 0:",
            ),
            Edit(
                f"{_EXECUTION}.dispatcher:Dispatcher._is_fit",
                "self._desk.sender.count()",
                "pass",
            ),
        ),
        is_about_rates=True,
        shown_by=(frozenset({Kind.PAUSE, Kind.DISK_SLOW}),),
    ),
    Ablation(
        name="orders in a wrong time",
        safeguard="CK2: no order while our clock and the venue's may differ",
        edits=(
            Edit(f"{_EXECUTION}.clock_watch:ClockWatch.may_send", "if self.is_agreed:", "if True:"),
            Edit(f"{_EXECUTION}.clock_watch:ClockWatch.agreed", "not self.is_agreed", "False", 2),
        ),
        shown_by=(frozenset({Kind.CLOCK_LEAP}),),
    ),
    _one(
        "an edit is not on record",
        "the file that a bot goes on with is written with the state that follows from it",
        f"{_EXECUTION}.service:ExecutionService._step",
        "if step.renewal is not None:",
        "if False:",
        {Kind.ASK_EDIT},
        KILLS,
    ),
    # -- prices, streams, comparisons -------------------------------------------------------------
    Ablation(
        name="one alarm for every look",
        safeguard="a foreign fill is told once",
        edits=(
            Edit(
                f"{_EXECUTION}.listener:Listener.take_fill",
                "if (fill.symbol, fill.trade_id, fill.order_id) in self._strangers:",
                "if False:",
            ),
            Edit(
                f"{_EXECUTION}.listener:Listener._identify",
                "if key in self._strangers:",
                "if False:",
            ),
        ),
        shown_by=(frozenset({Kind.STRANGER}),),
    ),
    _one(
        "nobody looks for the unknown",
        "P6: what became of an order that did not answer is found out",
        f"{_EXECUTION}.resolver:Resolver.add",
        "if is_idle:",
        "if False:",
        {Kind.LOSE_ANSWER, Kind.LOSE_REQUEST},
    ),
    _one(
        "one lost message for ever",
        "a stream that speaks of other things is alive",
        f"{_EXECUTION}.listener:Listener._listen",
        "if self._heard_ns <= since_ns:",
        "if True:",
        {Kind.PRIVATE_SILENT, Kind.PRIVATE_DROP},
    ),
    _one(
        "no deadline that holds",
        "P1: what waited too long gets a new deadline before it leaves",
        f"{_EXECUTION}.resolver:Resolver.add",
        "left_ns = 0 if order.is_vanished else max(order.deadline_ns - clock.now_ns(), 0)",
        "left_ns = 0",
        {Kind.BAN, Kind.RATE_LIMIT, Kind.PAUSE, Kind.DISK_SLOW},
    ),
    _rate(
        "comparisons pile up",
        "a comparison that waits stands for all who ask meanwhile",
        f"{_EXECUTION}.checks:Checks.check_soon",
        "if bot.bot_id not in self._waiting:",
        "if True:",
        {Kind.PRIVATE_CUT},
        {Kind.REST_DOWN, Kind.BAN, Kind.MAINTENANCE, Kind.LATE_ANSWER},
    ),
    _one(
        "unreadable means dead",
        "an answer that cannot be read ends no task",
        f"{_EXECUTION}.desk:Desk.timed",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
        {Kind.BROKEN_BODY},
    ),
    _one(
        "unknown orders free their slot",
        "P5: a slot whose order does not answer stays taken",
        f"{_GRID}.machine:GridMachine._on_unknown",
        "            order.unknown_ns = event.at_ns\n",
        "            order.unknown_ns = event.at_ns\n"
        "            del self._orders[event.client_order_id]\n"
        "            for slot in self._slots:\n"
        "                if slot.order is order:\n"
        "                    slot.order = None\n"
        "                    self._due.add(slot.level)\n"
        "            self._carry_on()\n"
        "            return\n",
        {Kind.LOSE_ANSWER},
    ),
    _historic(
        "fills come again under new names",
        "V35: a venue gives a fill one id (a paper engine told fills again with new trade ids)",
        Edit(
            "core.testing.simulation.door:VenueDoor._on_user_data",
            "        if faults.chance(Kind.PRIVATE_DOUBLE) is not None:\n",
            "        if faults.chance(Kind.PRIVATE_DOUBLE) is not None:\n"
            "            if isinstance(data, FillData):\n"
            "                data = replace(data, trade_id=data.trade_id + 'b')\n",
        ),
    ),
)
"""Every safeguard whose removal a campaign must notice."""

BY_NAME: Final = {ablation.name: ablation for ablation in ABLATIONS}
