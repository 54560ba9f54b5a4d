"""Safeguards taken out, one at a time, to see whether a campaign notices.

A safeguard is removed by editing the source of a function in memory: the text to be replaced must
be there as often as said, so a safeguard that has moved makes its ablation fail loudly instead of
testing nothing. The program itself has no switch for this: nothing in a configuration or an
environment can remove anything, because nothing that ships knows of this file.

Some of them are bugs that other trading systems had in public.
"""

from __future__ import annotations

import importlib
import inspect
import multiprocessing
import sys
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any, Final

from core.testing.simulation.world import Setup, simulate


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of one function."""

    target: str
    """`module:Class.method` or `module:function`."""
    old: str
    """Text that its source has exactly so often as `times` says."""
    new: str
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Ablation:
    """A safeguard, and how it is removed."""

    name: str
    safeguard: str
    """What is missing then, in words."""
    edits: tuple[Edit, ...]
    is_historic: bool = False
    """Whether another system had this bug in public."""


_EXECUTION: Final = "core.services.execution"
_GRID: Final = "core.services.grid"


def _one(name: str, safeguard: str, target: str, old: str, new: str) -> Ablation:
    return Ablation(name=name, safeguard=safeguard, edits=(Edit(target, old, new),))


def _historic(name: str, safeguard: str, *edits: Edit) -> Ablation:
    return Ablation(name=name, safeguard=safeguard, edits=edits, is_historic=True)


ABLATIONS: Final[Sequence[Ablation]] = (
    # -- the order protocol ---------------------------------------------------------------------
    _one(
        "send before durable",
        "P2: an intent is durable before its create leaves",
        f"{_EXECUTION}.service:ExecutionService._step",
        "await self._journal.commit(transaction)",
        "self._journal.write(transaction)",
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
    ),
    _one(
        "negatives of one moment",
        "P6: two negatives at least two seconds apart",
        f"{_EXECUTION}.evidence:is_absent",
        "max(times) - min(times) >= gap_ns",
        "bool(times) and gap_ns >= 0",
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
            "                case.negatives += [Negative(Endpoint.ORDER, 1 << 62), "
            "Negative(Endpoint.FILLS, 0), Negative(Endpoint.FILLS, (1 << 62) + (1 << 40))]",
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
        safeguard="T18: fills that the stream lost are asked for",
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
        ),
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
    ),
    _one(
        "fees are rounded",
        "sums are exact",
        f"{_EXECUTION}.tracked:Ledger.after",
        "EXACT.add(self.fees, fee_quote)",
        'EXACT.add(self.fees, fee_quote).quantize(Decimal("0.00001"))',
    ),
    _one(
        "shares without a slot",
        "the slots of an order that serves several are written with its fills",
        f"{_GRID}.booking:GridBooks._open",
        "self._levels_touched.add(level)",
        "pass",
    ),
    _one(
        "a doubtful write leaves ghosts",
        "an order whose intent was not written is withdrawn",
        f"{_EXECUTION}.service:ExecutionService._not_written",
        "self._manager.withdraw(order)",
        "pass",
    ),
    # -- risk, halts, limits ----------------------------------------------------------------------
    Ablation(
        name="halted orders leave",
        safeguard="OP5: nothing new leaves after a halt",
        edits=(
            Edit(
                f"{_EXECUTION}.dispatcher:Dispatcher._bar",
                "self._risk.state is RiskState.HALTED",
                "False",
            ),
        ),
    ),
    _one(
        "a halt ends with its process",
        "OP5: a halt is latched in the journal",
        "core.services.risk.service:RiskService.__init__",
        "RiskState.ACTIVE if latched is None else RiskState(latched.state)",
        "RiskState.ACTIVE",
    ),
    _one(
        "two on one account",
        "PR17: one holder of the lease",
        "core.infrastructure.files:_lock",
        "fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)",
        "pass",
    ),
    _one(
        "no rate budget",
        "T10: requests keep to the venue's rate",
        f"{_EXECUTION}.sender:Sender._ready_ns",
        "excess = self._spent() - allowed",
        "excess = -1",
    ),
    _one(
        "no room for cancels",
        "T10: a fifth of the rate is kept for cancels and questions",
        f"{_EXECUTION}.sender:Sender._ready_ns",
        "if priority not in _RESERVED:",
        "if False:",
    ),
    _one(
        "requests during a ban",
        "T11: a banned process is silent",
        f"{_EXECUTION}.sender:Sender.pause",
        "self._paused_until_ns = max(self._paused_until_ns, until_ns)",
        "return",
    ),
    _one(
        "cancels during a ban",
        "T11: a ban holds for cancels too",
        f"{_EXECUTION}.sender:Sender.pause",
        "if is_ban or seconds >= _BAN_FROM_S:",
        "if False:",
    ),
    _one(
        "a turn from before the sleep",
        "CK7: what leaves on waking counts then, not when its turn was given",
        f"{_EXECUTION}.sender:Sender.acquire",
        "while await self._wait(priority) > _LATE_NS:",
        "while await self._wait(priority) < 0:",
    ),
    _one(
        "each of a crowd is asked for",
        "P6: many orders in doubt share lists, or their questions use up the rate",
        f"{_EXECUTION}.resolver:Resolver._round",
        "len(cases) > self._desk.settings.ask_each_up_to and self._has_history",
        "False",
    ),
    Ablation(
        name="orders in a wrong time",
        safeguard="CK2: no order while our clock and the venue's may differ",
        edits=(
            Edit(f"{_EXECUTION}.clock_watch:ClockWatch.may_send", "if self.is_agreed:", "if True:"),
            Edit(f"{_EXECUTION}.clock_watch:ClockWatch.agreed", "not self.is_agreed", "False", 2),
        ),
    ),
    _one(
        "an edit is not on record",
        "the file that a bot goes on with is written with the state that follows from it",
        f"{_EXECUTION}.service:ExecutionService._step",
        "if step.renewal is not None:",
        "if False:",
    ),
    # -- prices, streams, comparisons -------------------------------------------------------------
    Ablation(
        name="old prices are believed",
        safeguard="T15: the age of a price counts from its own time",
        edits=(
            Edit(
                "core.services.market_data.service:MarketData._is_old",
                "return limit_s is not None",
                "return False and limit_s is not None",
            ),
            Edit(
                "core.services.risk.service:RiskService.register",
                "watched = _Watched(book=book, max_price_age_ms=max_price_age_ms)",
                "watched = _Watched(book=book, max_price_age_ms=None)",
            ),
        ),
    ),
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
    ),
    _one(
        "the stream before the recall",
        "what the stream says while a start reads the journal is held back",
        f"{_EXECUTION}.listener:Listener.on_user_data",
        "if bot is not None and bot.early is not None:",
        "if False:",
    ),
    _one(
        "one lost message for ever",
        "a stream that speaks of other things is alive",
        f"{_EXECUTION}.listener:Listener._listen",
        "if self._heard_ns <= since_ns:",
        "if True:",
    ),
    _one(
        "no deadline that holds",
        "P1: what waited too long gets a new deadline before it leaves",
        f"{_EXECUTION}.resolver:Resolver.add",
        "left_ns = 0 if order.is_vanished else max(order.deadline_ns - clock.now_ns(), 0)",
        "left_ns = 0",
    ),
    _one(
        "comparisons pile up",
        "a comparison that waits stands for all who ask meanwhile",
        f"{_EXECUTION}.checks:Checks.check_soon",
        "if bot.bot_id not in self._waiting:",
        "if True:",
    ),
    _one(
        "unreadable means dead",
        "an answer that cannot be read ends no task",
        f"{_EXECUTION}.desk:Desk.timed",
        "except Exception as error:",
        "except ZeroDivisionError as error:",
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Catch:
    """How a campaign noticed."""

    ablation: Ablation
    seed: int | None
    """The first seed that did; None where none did."""
    violation: str = ""


def hunt(ablation: Ablation, seeds: Iterable[int], lasts_s: float = 900.0) -> Catch:
    """Runs seeds without a safeguard until one of them violates an invariant."""
    with removed(ablation):
        for seed in seeds:
            outcome = simulate(Setup(seed=seed, lasts_s=lasts_s))
            if not outcome.is_green:
                return Catch(ablation=ablation, seed=seed, violation=str(outcome.violations[0]))
    return Catch(ablation=ablation, seed=None)


def hunt_all(ablations: Sequence[Ablation], seeds: range, workers: int = 1) -> Iterator[Catch]:
    """Hunts each, in order, on several cores."""
    if workers <= 1:
        for ablation in ablations:
            yield hunt(ablation, seeds)
        return
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        work = [(ablation.name, seeds) for ablation in ablations]
        for name, seed, violation in pool.imap(_hunt_by_name, work, chunksize=1):
            yield Catch(ablation=BY_NAME[name], seed=seed, violation=violation)


def _hunt_by_name(work: tuple[str, range]) -> tuple[str, int | None, str]:
    name, seeds = work
    catch = hunt(BY_NAME[name], seeds)
    return name, catch.seed, catch.violation


@contextmanager
def removed(ablation: Ablation) -> Iterator[None]:
    """Runs the body without a safeguard.

    Raises:
        LookupError: If a text to be replaced is not there exactly once.
    """
    with ExitStack() as stack:
        for edit in ablation.edits:
            for owner, name, before, after in _replacements(edit):
                setattr(owner, name, after)
                stack.callback(setattr, owner, name, before)
        yield


def _replacements(edit: Edit) -> list[tuple[Any, str, Any, Any]]:
    """Whose attribute is replaced, its name, what it was and what it becomes."""
    module_name, _, path = edit.target.partition(":")
    module = importlib.import_module(module_name)
    *owners, name = path.split(".")
    owner: Any = module
    for part in owners:
        owner = getattr(owner, part)
    before = inspect.getattr_static(owner, name)
    after = _edited(edit, module, before)
    if owners:
        return [(owner, name, before, after)]
    # A function is known by name wherever it was imported.
    return [
        (other, name, before, after)
        for key, other in sorted(sys.modules.items())
        if key.startswith("core.") and getattr(other, name, None) is before
    ]


def _edited(edit: Edit, module: ModuleType, before: Any) -> Any:  # noqa: ANN401 # a function
    """A function with one text of its source replaced."""
    source = _SOURCES.get(before) or textwrap.dedent(inspect.getsource(before))
    old, new = _as_dedented(edit.old), _as_dedented(edit.new)
    if source.count(old) != edit.times:
        raise LookupError(f"{edit.target} has {source.count(old)} times {edit.old!r}")
    source = source.replace(old, new)
    space: dict[str, Any] = {}
    exec(compile(source, f"<{edit.target}>", "exec"), vars(module) | {}, space)  # noqa: S102 # our own source
    made = space[before.__name__]
    found = FunctionType(made.__code__, vars(module), made.__name__, made.__defaults__)
    found.__kwdefaults__ = made.__kwdefaults__
    _SOURCES[found] = source
    return found


_SOURCES: dict[Any, str] = {}
"""Edited function -> its source, for a second edit of the same one."""


def _as_dedented(text: str) -> str:
    """Text of a method as it stands once its class's indentation is taken off."""
    if not text.startswith("        "):
        return text
    return "\n".join(line.removeprefix("    ") for line in text.split("\n"))
