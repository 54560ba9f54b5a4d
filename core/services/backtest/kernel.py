"""A grid without protections on a tape of trades, as machine code: integers in, fills out.

It does what the engine does with the same tape (machine, execution and paper venue together), and
nothing more; what it cannot do exactly it refuses with a status, and the engine does it instead
(`sweep_case.py` says beforehand what belongs here). One pass over the tape:

    in flight    orders and cancels on their way, in the order in which they were sent; each arrives
                 one latency later, and before a row of the same time
    resting      orders of either side by price, the best one last, so that a row that could fill
                 nothing costs one comparison, and 64 of them cost two
    phase        RUNNING ─ escape ─► CLEARING (cancels) ─► CLOSING (one market order) ─► RUNNING
                 ENDING once the tape is over: what is on its way arrives, nothing is reversed

Prices count units of the tape (a tick is a whole number of them), amounts count lots, volumes count
parts (a lot is a whole number of them), times are nanoseconds. A slot enters at its entry price on
its side, and leaves at its exit price on the other; everything else follows from that.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from core.services.backtest.compiling import compiled
from core.services.backtest.rows import BLOCK, NEVER, SHIFT, Ints, Tape

# What became of a run.
DONE: Final = 0
FULL: Final = 1
"""More fills than there is room for: again, with more room."""
LOSES: Final = 2
"""A new ladder would lose by its own fees, and the grid would be held."""
TOO_LOW: Final = 3
"""A new ladder would reach down to zero, or below the venue's smallest order."""
MIXED: Final = 4
"""The close of a position that slots hold both ways."""
CROWDED: Final = 5
"""A request would have to wait for its turn where that has more consequences than its delay."""

# How a resting order fills (`core.domain.matching.FillRule`).
THROUGH: Final = 0
TOUCH: Final = 1
QUEUE: Final = 2

# What the first ladder does where the market has passed it already.
TAKER_POSITION: Final = 0
PASSIVE_ONLY: Final = 1
ALL_LIMITS: Final = 2

_RUNNING: Final = 0
_CLEARING: Final = 1
_CLOSING: Final = 2
_ENDING: Final = 3

_NOTHING: Final = 0
_ENTRY_SENT: Final = 1
_ENTRY_OPEN: Final = 2
_EXIT_SENT: Final = 3
_EXIT_OPEN: Final = 4

_MINUTE_NS: Final = 60_000_000_000

_CREATE: Final = 0
_CANCEL: Final = 1
_FIRST: Final = 2
"""The immediate-or-cancel order for all entries that the market has passed."""
_CLOSE: Final = 3
_KINDS: Final = 4
_PRIORITIES: Final = 4

ENTRY: Final = 0
EXIT: Final = 1
FLATTEN: Final = 2
SHARE: Final = 3
"""Legs of a fill; the last is an entry too, by the first order, which one execution serves for all
its slots, as a close does."""

# A grid is one matrix of integers, which costs a compiled call next to nothing to pass on. Its
# first row counts, its second holds the rules, the others are what there is of each level, what
# rests, and what is on its way.
COUNT: Final = 0
RULE: Final = 1

# Places in the first row.
_HEAD: Final = 0
_TAIL: Final = 1
_LIVE: Final = 2
_PHASE: Final = 3
_FILLS: Final = 4
_TRIPS: Final = 5
_RESETS: Final = 6
_ESCAPE: Final = 7
"""When the present escape will have lasted long enough; NEVER while there is none."""
_EDGE: Final = 8
_WAITS_ABOVE: Final = 9
"""A price above it leaves a waiting buy on the passive side; NEVER for none."""
_WAITS_BELOW: Final = 10
_FIRST_LIMIT: Final = 11
_FIRST_SIDE: Final = 12
_STATUS: Final = 13
_LEVELS: Final = 14
_BUYS: Final = 15
"""How many rest."""
_SELLS: Final = 16
_RING: Final = 17
"""Places of the ring."""
_NOW: Final = 18
_PRICE: Final = 19
_ROW: Final = 20
_REQUESTS: Final = 21
_UNDER_WAY: Final = 22
"""Requests that were sent and not answered."""
_ASKED: Final = 23
"""Requests of this moment that have not had their turn."""
_WAITING: Final = 24
"""Requests that wait for a turn."""
_FIRST_WAITING: Final = 25
"""Place of the oldest of each priority; four places."""
_LAST_WAITING: Final = 29
"""Place behind the newest of each."""
_ORDERS: Final = 33
"""Orders that slots have sent."""
_WIDTH: Final = 34

# Places in the second row: what a grid is told, in the tape's units.
FILL: Final = 0
LATENCY_NS: Final = 1
INITIAL_FILL: Final = 2
CAP: Final = 3
"""Fraction beyond the best price that the first order may pay, times `CAP_UNIT`."""
CAP_UNIT: Final = 4
PER_TICK: Final = 5
"""Units of a tick."""
STEP: Final = 6
"""Units of the price step, a multiple of the tick."""
PARTS: Final = 7
"""Parts of a lot."""
FLATTENS: Final = 8
"""Whether the end closes what is held."""
FOLLOWS: Final = 9
"""+1 or -1 for a grid that follows the price that way, 0 for a fixed one."""
INTERVAL: Final = 10
DISTANCE: Final = 11
OFFSET: Final = 12
REACH: Final = 13
"""Intervals beyond the favourable edge that count as escaped."""
TIMEOUT_NS: Final = 14
"""NEVER for no new ladder."""
LEAST_VALUE: Final = 15
"""Units times lots of the smallest order that the venue takes."""
FEE: Final = 16
"""Twice the maker fee, times `FEE_UNIT`: a ladder that loses by it is refused; 0 for none."""
FEE_UNIT: Final = 17
AT_ONCE: Final = 18
"""Requests that may be under way at once, the others wait; 0 for any number."""
A_MINUTE: Final = 19
"""Requests within a minute of which none has to wait; 0 for any number."""
RULES: Final = 20

# Rows of levels. The first four and the turns are given; a grid that follows makes all but lots and
# turns itself.
SIDE: Final = 2
ENTRY_PRICE: Final = 3
EXIT_PRICE: Final = 4
LOTS: Final = 5
HELD: Final = 6
COST: Final = 7
"""Price at which it holds what it holds."""
STATE: Final = 8
LEFT: Final = 9
"""Lots of its order that have not executed."""
UNWANTED: Final = 10
"""Its order was to be cancelled before it had arrived."""
WAITS: Final = 11
"""Its entry is sent only once the price has left it on the passive side."""
SHARES: Final = 12
"""It gets its part of the first order."""

# Rows of what rests: prices of buys and negated prices of sells, the best last; whose they are.
BUY_KEYS: Final = 13
SELL_KEYS: Final = 15
_OWNERS: Final = 1
"""Rows behind the keys."""

# Rows of the ring of what is on its way, oldest first.
DUE: Final = 17
KIND: Final = 18
WHOSE: Final = 19
SENT: Final = 20
"""When the newest requests were sent, as many as count for the next."""
_ASKS: Final = 21
"""Requests of this moment."""
_WAITS_OF: Final = 22
"""Requests that wait: cancels, closes, exits, entries, each oldest first; four rows."""
TURN: Final = 26
"""Levels less 1 in the order in which their first orders leave; given."""
_SERIAL: Final = 27
"""Of each slot's newest order."""
_ROWS: Final = 28

# Columns of a fill.
ROW: Final = 0
"""Row whose price the market had."""
AT_NS: Final = 1
PRICE: Final = 2
AMOUNT: Final = 3
"""Lots, signed: what was bought is positive."""
LEVEL: Final = 4
LEG: Final = 5
IS_MAKER: Final = 6
GAIN: Final = 7
"""Result before fees, units times lots; 0 for what opens."""
COLUMNS: Final = 8


def new_grid(rules: Ints, levels: Ints) -> Ints:
    """A grid before its first row.

    Args:
        rules: `RULES` numbers.
        levels: Side, entry price, exit price and lots of each level, and whose turn it is; five
            rows.
    """
    count = levels.shape[1]
    ring = 2 * count + 4
    width = max(ring, RULES, _WIDTH, int(rules[A_MINUTE]))
    grid = np.zeros((_ROWS, width), np.int64)
    grid[SENT] = -NEVER
    grid[COUNT, _LEVELS], grid[COUNT, _RING] = count, ring
    grid[RULE, :RULES] = rules
    grid[SIDE : LOTS + 1, :count] = levels[: LOTS + 1 - SIDE]
    grid[TURN, :count] = levels[-1]
    return grid


def new_fills(room: int) -> Ints:
    """Room for so many fills."""
    return np.zeros((room, COLUMNS), np.int64)


@compiled
def next_row(
    last: Ints, low: Ints, high: Ints, start: int, stop: int, below: int, above: int
) -> int:
    """The first row from `start` on, and before `stop`, at or beyond a price; `stop` for none."""
    row = start
    while row < stop:
        if row & (BLOCK - 1) == 0:
            block, blocks = row >> SHIFT, stop >> SHIFT
            while block < blocks and low[block] > below and high[block] < above:
                block += 1
            row = block << SHIFT
        end = min((row | (BLOCK - 1)) + 1, stop)
        while row < end:
            price = last[row]
            if price <= below or price >= above:
                return row
            row += 1
    return stop


@compiled
def first_at(ts_ns: Ints, start: int, at_ns: int) -> int:
    """The first row from `start` on that is not before a time; near ones are found soonest."""
    rows = len(ts_ns)
    if start >= rows or ts_ns[start] >= at_ns:
        return start
    low, step = start, 1
    while low + step < rows and ts_ns[low + step] < at_ns:
        low += step
        step *= 2
    high = min(low + step, rows)
    while high - low > 1:
        middle = (low + high) // 2
        if ts_ns[middle] < at_ns:
            low = middle
        else:
            high = middle
    return high


@compiled
def _rest(grid: Ints, slot: int, side: int, price: int) -> None:
    """Puts an order among those that rest, behind its equals."""
    keys, depth = (BUY_KEYS, _BUYS) if side > 0 else (SELL_KEYS, _SELLS)
    owners = keys + _OWNERS
    key, place = price * side, grid[COUNT, depth]
    while place > 0 and grid[keys, place - 1] >= key:
        grid[keys, place] = grid[keys, place - 1]
        grid[owners, place] = grid[owners, place - 1]
        place -= 1
    grid[keys, place] = key
    grid[owners, place] = slot
    grid[COUNT, depth] += 1
    grid[STATE, slot] = _ENTRY_OPEN if grid[STATE, slot] == _ENTRY_SENT else _EXIT_OPEN


@compiled
def _unrest(grid: Ints, slot: int, side: int) -> None:
    """Takes an order off."""
    keys, depth = (BUY_KEYS, _BUYS) if side > 0 else (SELL_KEYS, _SELLS)
    owners = keys + _OWNERS
    place = grid[COUNT, depth] - 1
    while grid[owners, place] != slot:
        place -= 1
    grid[COUNT, depth] -= 1
    while place < grid[COUNT, depth]:
        grid[keys, place] = grid[keys, place + 1]
        grid[owners, place] = grid[owners, place + 1]
        place += 1


@compiled
def _send(grid: Ints, kind: int, slot: int) -> None:
    """Something begins its way to the venue, or asks for its turn."""
    if grid[RULE, AT_ONCE] > 0:
        grid[_ASKS, grid[COUNT, _ASKED]] = slot * _KINDS + kind
        grid[COUNT, _ASKED] += 1
    else:
        _leave(grid, kind, slot)


@compiled
def _leave(grid: Ints, kind: int, slot: int) -> None:
    """It is on its way."""
    tail = grid[COUNT, _TAIL]
    grid[DUE, tail] = grid[COUNT, _NOW] + grid[RULE, LATENCY_NS]
    grid[KIND, tail] = kind
    grid[WHOSE, tail] = slot
    grid[COUNT, _TAIL] = tail + 1 if tail + 1 < grid[COUNT, _RING] else 0


@compiled
def _take_turn(grid: Ints, request: int) -> None:
    """A request that has its turn leaves; too many within a minute are the engine's."""
    now, place = grid[COUNT, _NOW], grid[COUNT, _REQUESTS]
    if grid[SENT, place] > now - _MINUTE_NS:
        grid[COUNT, _STATUS] = CROWDED
    grid[SENT, place] = now
    grid[COUNT, _REQUESTS] = place + 1 if place + 1 < grid[RULE, A_MINUTE] else 0
    grid[COUNT, _UNDER_WAY] += 1
    _leave(grid, request % _KINDS, request // _KINDS)


@compiled
def _priority(grid: Ints, request: int) -> int:
    """Cancels before closes before exits before entries."""
    kind = request % _KINDS
    if kind == _CANCEL:
        return 0
    if kind == _CLOSE:
        return 1
    return 2 if kind == _CREATE and grid[STATE, request // _KINDS] == _EXIT_SENT else 3


@compiled
def _give_turns(grid: Ints) -> None:
    """Those who wait leave, the most urgent first, as long as there is room."""
    for rank in range(_PRIORITIES):
        head = grid[COUNT, _FIRST_WAITING + rank]
        while head != grid[COUNT, _LAST_WAITING + rank]:
            if grid[COUNT, _UNDER_WAY] >= grid[RULE, AT_ONCE]:
                return
            _take_turn(grid, grid[_WAITS_OF + rank, head])
            grid[COUNT, _WAITING] -= 1
            head = head + 1 if head + 1 < grid[COUNT, _RING] else 0
            grid[COUNT, _FIRST_WAITING + rank] = head


@compiled
def _answer(grid: Ints, answered: int) -> None:
    """The end of a moment: answers make room, then what the moment asked for takes its turn."""
    if grid[RULE, AT_ONCE] == 0:
        return
    grid[COUNT, _UNDER_WAY] -= answered
    _give_turns(grid)
    for rank in range(_PRIORITIES):
        for place in range(grid[COUNT, _ASKED]):
            request = grid[_ASKS, place]
            if _priority(grid, request) != rank:
                continue
            if grid[COUNT, _WAITING] == 0 and grid[COUNT, _UNDER_WAY] < grid[RULE, AT_ONCE]:
                _take_turn(grid, request)
                continue
            tail = grid[COUNT, _LAST_WAITING + rank]
            grid[_WAITS_OF + rank, tail] = request
            tail = tail + 1 if tail + 1 < grid[COUNT, _RING] else 0
            grid[COUNT, _LAST_WAITING + rank] = tail
            grid[COUNT, _WAITING] += 1
    grid[COUNT, _ASKED] = 0
    if grid[COUNT, _WAITING] > 0 and grid[RULE, LATENCY_NS] == 0:
        grid[COUNT, _STATUS] = CROWDED


@compiled
def _order(grid: Ints, slot: int, state: int) -> None:
    """A slot sends its entry, or the exit of what it holds."""
    grid[STATE, slot] = state
    grid[_SERIAL, slot] = grid[COUNT, _ORDERS]
    grid[COUNT, _ORDERS] += 1
    grid[LEFT, slot] = grid[LOTS, slot] if state == _ENTRY_SENT else grid[HELD, slot]
    grid[UNWANTED, slot] = 0
    grid[WAITS, slot] = 0
    grid[COUNT, _LIVE] += 1
    _send(grid, _CREATE, slot)


@compiled
def _note(
    grid: Ints, fills: Ints, slot: int, leg: int, price: int, lots: int, is_maker: int
) -> None:
    """Writes a fill down and takes it into the slot; lots are signed."""
    place = grid[COUNT, _FILLS]
    if place >= len(fills):
        grid[COUNT, _STATUS] = FULL
        return
    gain = 0
    if leg in (ENTRY, SHARE):
        grid[HELD, slot] += abs(lots)
        grid[COST, slot] = price
    else:
        grid[HELD, slot] -= abs(lots)
        gain = (grid[COST, slot] - price) * lots
    fills[place, ROW] = grid[COUNT, _ROW]
    fills[place, AT_NS] = grid[COUNT, _NOW]
    fills[place, PRICE] = price
    fills[place, AMOUNT] = lots
    fills[place, LEVEL] = slot + 1
    fills[place, LEG] = leg
    fills[place, IS_MAKER] = is_maker
    fills[place, GAIN] = gain
    grid[COUNT, _FILLS] = place + 1


@compiled
def _execute(grid: Ints, fills: Ints, slot: int, price: int, lots: int, is_maker: int) -> None:
    """Some or all of a slot's order executes; a whole one is reversed while the grid runs."""
    is_entry = grid[STATE, slot] <= _ENTRY_OPEN
    grid[LEFT, slot] -= lots
    side = grid[SIDE, slot]
    if is_entry:
        _note(grid, fills, slot, ENTRY, price, side * lots, is_maker)
    else:
        _note(grid, fills, slot, EXIT, price, -side * lots, is_maker)
    if grid[LEFT, slot] > 0:
        return
    grid[STATE, slot] = _NOTHING
    grid[COUNT, _LIVE] -= 1
    if not is_entry:
        grid[COUNT, _TRIPS] += 1
    if grid[COUNT, _PHASE] == _RUNNING:
        _order(grid, slot, _EXIT_SENT if is_entry else _ENTRY_SENT)


@compiled
def _is_crossed(grid: Ints, slot: int) -> bool:
    """Whether the slot's entry would execute at once, by prices cut outwards to the tick."""
    price, per_tick = grid[COUNT, _PRICE], grid[RULE, PER_TICK]
    entry = grid[ENTRY_PRICE, slot]
    if grid[SIDE, slot] > 0:
        return bool(entry >= -(-price // per_tick) * per_tick)
    return bool(entry <= price // per_tick * per_tick)


@compiled
def _wait(grid: Ints) -> None:
    """Where the price must go for the first waiting entry to be sent."""
    above, below = NEVER, -NEVER
    for slot in range(grid[COUNT, _LEVELS]):
        if grid[WAITS, slot] and grid[STATE, slot] == _NOTHING and not grid[SHARES, slot]:
            if grid[SIDE, slot] > 0:
                above = min(above, grid[ENTRY_PRICE, slot])
            else:
                below = max(below, grid[ENTRY_PRICE, slot])
    grid[COUNT, _WAITS_ABOVE] = above
    grid[COUNT, _WAITS_BELOW] = below


@compiled
def _send_waiting(grid: Ints) -> None:
    """Sends the waiting entries that would rest now."""
    for place in range(grid[COUNT, _LEVELS]):
        slot = grid[TURN, place]
        is_due = grid[WAITS, slot] and grid[STATE, slot] == _NOTHING and not grid[SHARES, slot]
        if is_due and not _is_crossed(grid, slot):
            _order(grid, slot, _ENTRY_SENT)
    _wait(grid)


@compiled
def _begin(grid: Ints) -> None:
    """Gives every slot of a new ladder its order."""
    crossed = 0
    for slot in range(grid[COUNT, _LEVELS]):
        grid[WAITS, slot] = 0
        grid[SHARES, slot] = 0
        if grid[RULE, INITIAL_FILL] != ALL_LIMITS and _is_crossed(grid, slot):
            grid[WAITS, slot] = 1
            crossed += 1
            grid[COUNT, _FIRST_SIDE] = grid[SIDE, slot]
    if crossed and grid[RULE, INITIAL_FILL] == TAKER_POSITION:
        for slot in range(grid[COUNT, _LEVELS]):
            grid[SHARES, slot] = grid[WAITS, slot]
        _send_first(grid)
    for place in range(grid[COUNT, _LEVELS]):
        slot = grid[TURN, place]
        if not grid[WAITS, slot]:
            _order(grid, slot, _ENTRY_SENT)
    _wait(grid)


@compiled
def _send_first(grid: Ints) -> None:
    """One order for all entries that the market has passed, at most the cap beyond the price."""
    price, per_tick, step = grid[COUNT, _PRICE], grid[RULE, PER_TICK], grid[RULE, STEP]
    unit, cap = grid[RULE, CAP_UNIT], grid[RULE, CAP]
    if grid[COUNT, _FIRST_SIDE] > 0:
        limit = price * (unit + cap) // (unit * step) * step
        limit = max(limit, -(-price // per_tick) * per_tick)
    else:
        limit = -(-price * (unit - cap) // (unit * step)) * step
        limit = min(limit, price // per_tick * per_tick)
    grid[COUNT, _FIRST_LIMIT] = limit
    grid[COUNT, _LIVE] += 1
    _send(grid, _FIRST, 0)


@compiled
def _build(grid: Ints) -> None:
    """A ladder around the price, for a grid that follows; its orders leave at once."""
    sign, interval, step = grid[RULE, FOLLOWS], grid[RULE, INTERVAL], grid[RULE, STEP]
    near = grid[COUNT, _PRICE] + sign * grid[RULE, OFFSET] * interval
    far = near - sign * grid[COUNT, _LEVELS] * interval
    lower = min(near, far) // step * step
    upper = -(-max(near, far) // step) * step
    first = lower if sign > 0 else upper
    for slot in range(grid[COUNT, _LEVELS]):
        entry = first + sign * slot * interval
        leave = entry + sign * grid[RULE, DISTANCE] * interval
        grid[SIDE, slot] = sign
        grid[ENTRY_PRICE, slot] = entry
        grid[EXIT_PRICE, slot] = leave
        if (
            lower <= 0
            or leave <= 0
            or grid[LOTS, slot] * min(entry, leave) < grid[RULE, LEAST_VALUE]
        ):
            grid[COUNT, _STATUS] = TOO_LOW
            return
        if (
            grid[RULE, FEE] > 0
            and abs(leave - entry) * grid[RULE, FEE_UNIT] <= grid[RULE, FEE] * entry
        ):
            grid[COUNT, _STATUS] = LOSES
            return
    grid[COUNT, _EDGE] = (upper if sign > 0 else lower) + sign * grid[RULE, REACH] * interval
    grid[COUNT, _ESCAPE] = NEVER
    grid[COUNT, _PHASE] = _RUNNING
    _begin(grid)


@compiled
def _go_on(grid: Ints) -> None:
    """The next step of a change of range, once no order lives."""
    if grid[COUNT, _LIVE] > 0 or grid[COUNT, _PHASE] == _RUNNING or grid[COUNT, _PHASE] == _ENDING:
        return
    held = 0
    for slot in range(grid[COUNT, _LEVELS]):
        held += grid[HELD, slot]
    grid[COUNT, _PHASE] = _CLOSING
    if held > 0:
        grid[COUNT, _LIVE] = 1
        _send(grid, _CLOSE, 0)
        return
    grid[COUNT, _RESETS] += 1
    _build(grid)


@compiled
def _close(grid: Ints, fills: Ints) -> None:
    """All that is held is sold or bought back at the last price, level 1 first."""
    bought = sold = 0
    for slot in range(grid[COUNT, _LEVELS]):
        if grid[SIDE, slot] > 0:
            bought += grid[HELD, slot]
        else:
            sold += grid[HELD, slot]
    if bought > 0 and sold > 0:
        grid[COUNT, _STATUS] = MIXED
        return
    for slot in range(grid[COUNT, _LEVELS]):
        if grid[HELD, slot] > 0:
            lots = -grid[SIDE, slot] * grid[HELD, slot]
            _note(grid, fills, slot, FLATTEN, grid[COUNT, _PRICE], lots, 0)


@compiled
def _cancel(grid: Ints, slot: int) -> None:
    """A slot's order is not wanted any more."""
    state = grid[STATE, slot]
    if state in (_ENTRY_OPEN, _EXIT_OPEN):
        _send(grid, _CANCEL, slot)
    elif state != _NOTHING:
        grid[UNWANTED, slot] = 1


@compiled
def _cancel_all(grid: Ints) -> None:
    """What rests is cancelled, oldest first, what is on its way once it has arrived."""
    if grid[COUNT, _WAITING] > 0:
        grid[COUNT, _STATUS] = CROWDED
    grid[WAITS] = 0
    _wait(grid)
    if grid[RULE, AT_ONCE] == 0:
        for slot in range(grid[COUNT, _LEVELS]):
            _cancel(grid, slot)
        return
    oldest, after = 0, -1
    while oldest >= 0:
        oldest = -1
        for slot in range(grid[COUNT, _LEVELS]):
            is_later = grid[STATE, slot] != _NOTHING and grid[_SERIAL, slot] > after
            if is_later and (oldest < 0 or grid[_SERIAL, slot] < grid[_SERIAL, oldest]):
                oldest = slot
        if oldest >= 0:
            after = grid[_SERIAL, oldest]
            _cancel(grid, oldest)


@compiled
def _escape(grid: Ints) -> None:
    """The ladder is taken down, for a new one."""
    grid[COUNT, _PHASE] = _CLEARING
    grid[COUNT, _ESCAPE] = NEVER
    _cancel_all(grid)
    _go_on(grid)


@compiled
def _arrive_order(grid: Ints, fills: Ints, slot: int) -> None:
    """An order is accepted: it takes the last price, or rests."""
    price = grid[COUNT, _PRICE]
    if grid[STATE, slot] == _ENTRY_SENT:
        side, limit = grid[SIDE, slot], grid[ENTRY_PRICE, slot]
    else:
        side, limit = -grid[SIDE, slot], grid[EXIT_PRICE, slot]
    if side * limit >= side * price:
        _execute(grid, fills, slot, price, grid[LEFT, slot], 0)
        return
    _rest(grid, slot, side, limit)
    if grid[UNWANTED, slot]:
        _send(grid, _CANCEL, slot)


@compiled
def _arrive_cancel(grid: Ints, slot: int) -> None:
    """A cancel finds its order, or finds it gone."""
    state = grid[STATE, slot]
    if state != _NOTHING:
        _unrest(grid, slot, grid[SIDE, slot] if state == _ENTRY_OPEN else -grid[SIDE, slot])
        grid[STATE, slot] = _NOTHING
        grid[COUNT, _LIVE] -= 1
    elif grid[RULE, AT_ONCE] > 0:
        # The bot would ask what became of it, which takes another turn.
        grid[COUNT, _STATUS] = CROWDED


@compiled
def _arrive_first(grid: Ints, fills: Ints) -> None:
    """The first order executes whole at the last price, or not at all."""
    side, price = grid[COUNT, _FIRST_SIDE], grid[COUNT, _PRICE]
    is_filled = side * grid[COUNT, _FIRST_LIMIT] >= side * price
    grid[COUNT, _LIVE] -= 1
    for slot in range(grid[COUNT, _LEVELS]):
        if not grid[SHARES, slot]:
            continue
        grid[SHARES, slot] = 0
        if not is_filled:
            continue
        grid[WAITS, slot] = 0
        _note(grid, fills, slot, SHARE, price, side * grid[LOTS, slot], 0)
        if grid[COUNT, _PHASE] == _RUNNING:
            _order(grid, slot, _EXIT_SENT)
    if grid[COUNT, _PHASE] == _RUNNING:
        _send_waiting(grid)


@compiled
def _arrive(grid: Ints, fills: Ints) -> None:
    """The oldest thing on its way reaches the venue."""
    head = grid[COUNT, _HEAD]
    kind, slot = grid[KIND, head], grid[WHOSE, head]
    grid[COUNT, _HEAD] = head + 1 if head + 1 < grid[COUNT, _RING] else 0
    if kind == _CREATE:
        _arrive_order(grid, fills, slot)
    elif kind == _CANCEL:
        _arrive_cancel(grid, slot)
    elif kind == _FIRST:
        _arrive_first(grid, fills)
    else:
        grid[COUNT, _LIVE] -= 1
        _close(grid, fills)
    _go_on(grid)


@compiled
def _arrive_all(grid: Ints, fills: Ints) -> None:
    """All that arrives at one moment, then the answers."""
    due, answered = grid[DUE, grid[COUNT, _HEAD]], 0
    while grid[COUNT, _HEAD] != grid[COUNT, _TAIL] and grid[DUE, grid[COUNT, _HEAD]] == due:
        _arrive(grid, fills)
        answered += 1
    _answer(grid, answered)


@compiled
def _meet(tape: Tape, grid: Ints, fills: Ints) -> None:
    """A row meets the orders that rest: buys first, best price first, then oldest."""
    slack = 0 if grid[RULE, FILL] == TOUCH else 1
    amount = taker = 0
    if grid[RULE, FILL] == QUEUE:
        # Read only where it counts: these columns are far from the prices.
        amount, taker = tape.amount[grid[COUNT, _ROW]], tape.side[grid[COUNT, _ROW]]
    for side in (1, -1):
        keys, depth = (BUY_KEYS, _BUYS) if side > 0 else (SELL_KEYS, _SELLS)
        owners, key = keys + _OWNERS, side * grid[COUNT, _PRICE]
        while grid[COUNT, depth] > 0 and grid[keys, grid[COUNT, depth] - 1] - slack >= key:
            grid[COUNT, depth] -= 1
            slot = grid[owners, grid[COUNT, depth]]
            price = side * grid[keys, grid[COUNT, depth]]
            _execute(grid, fills, slot, price, grid[LEFT, slot], 1)
        if amount <= 0 or taker == side:
            continue
        volume = amount // grid[RULE, PARTS]
        while volume > 0 and grid[COUNT, depth] > 0 and grid[keys, grid[COUNT, depth] - 1] == key:
            slot = grid[owners, grid[COUNT, depth] - 1]
            lots = min(grid[LEFT, slot], volume)
            volume -= lots
            if lots == grid[LEFT, slot]:
                grid[COUNT, depth] -= 1
            _execute(grid, fills, slot, grid[COUNT, _PRICE], lots, 1)


@compiled
def _bounds(grid: Ints) -> tuple[int, int]:
    """Prices at or beyond which a row could matter."""
    slack = 1 if grid[RULE, FILL] == THROUGH else 0
    below, above = -NEVER, NEVER
    if grid[COUNT, _BUYS] > 0:
        below = grid[BUY_KEYS, grid[COUNT, _BUYS] - 1] - slack
    if grid[COUNT, _SELLS] > 0:
        above = slack - grid[SELL_KEYS, grid[COUNT, _SELLS] - 1]
    if grid[COUNT, _PHASE] != _RUNNING:
        return below, above
    if grid[COUNT, _WAITS_ABOVE] < NEVER:
        above = min(above, grid[COUNT, _WAITS_ABOVE] + 1)
    if grid[COUNT, _WAITS_BELOW] > -NEVER:
        below = max(below, grid[COUNT, _WAITS_BELOW] - 1)
    if grid[RULE, FOLLOWS] != 0 and grid[RULE, TIMEOUT_NS] < NEVER:
        beyond = 1 if grid[COUNT, _ESCAPE] == NEVER else 0
        if (grid[RULE, FOLLOWS] > 0) == (beyond > 0):
            above = min(above, grid[COUNT, _EDGE] + beyond)
        else:
            below = max(below, grid[COUNT, _EDGE] - beyond)
    return below, above


@compiled
def _look(grid: Ints) -> None:
    """What a price means to a grid that runs, after its orders have met it."""
    price = grid[COUNT, _PRICE]
    if price > grid[COUNT, _WAITS_ABOVE] or price < grid[COUNT, _WAITS_BELOW]:
        _send_waiting(grid)
    if grid[RULE, FOLLOWS] == 0 or grid[RULE, TIMEOUT_NS] == NEVER:
        return
    if grid[RULE, FOLLOWS] * (price - grid[COUNT, _EDGE]) <= 0:
        grid[COUNT, _ESCAPE] = NEVER
    elif grid[COUNT, _ESCAPE] == NEVER:
        grid[COUNT, _ESCAPE] = grid[COUNT, _NOW] + grid[RULE, TIMEOUT_NS]


@compiled
def run(tape: Tape, grid: Ints, fills: Ints) -> None:
    """Runs a grid from the first row, which there must be, to its end by policy."""
    ts_ns, last, low, high = tape.ts_ns, tape.last, tape.low, tape.high
    rows, row = len(last), 1
    grid[COUNT, _PRICE], grid[COUNT, _NOW], grid[COUNT, _ESCAPE] = last[0], ts_ns[0], NEVER
    if grid[RULE, FOLLOWS] != 0:
        _build(grid)
    else:
        _begin(grid)
    _answer(grid, 0)
    while grid[COUNT, _STATUS] == DONE:
        arrival = (
            grid[DUE, grid[COUNT, _HEAD]] if grid[COUNT, _HEAD] != grid[COUNT, _TAIL] else NEVER
        )
        due = min(arrival, grid[COUNT, _ESCAPE])
        below, above = _bounds(grid)
        stop = rows if due == NEVER else first_at(ts_ns, row, due)
        row = next_row(last, low, high, row, stop, below, above)
        if row < stop:
            grid[COUNT, _PRICE], grid[COUNT, _NOW], grid[COUNT, _ROW] = last[row], ts_ns[row], row
            _meet(tape, grid, fills)
            _go_on(grid)
            if grid[COUNT, _PHASE] == _RUNNING:
                _look(grid)
            _answer(grid, 0)
            row += 1
        elif due > ts_ns[rows - 1]:
            break
        else:
            grid[COUNT, _PRICE], grid[COUNT, _NOW], grid[COUNT, _ROW] = last[row - 1], due, row - 1
            if grid[COUNT, _ESCAPE] <= arrival:
                _escape(grid)
                _answer(grid, 0)
            else:
                _arrive_all(grid, fills)
    _end(grid, fills, rows - 1, last[rows - 1], ts_ns[rows - 1])


@compiled
def _end(grid: Ints, fills: Ints, row: int, price: int, at_ns: int) -> None:
    """What is on its way arrives; nothing is sent any more but the policy's cancels and close."""
    grid[COUNT, _PHASE], grid[COUNT, _PRICE], grid[COUNT, _ROW] = _ENDING, price, row
    grid[COUNT, _NOW] = at_ns
    if grid[COUNT, _WAITING] > 0:
        grid[COUNT, _STATUS] = CROWDED
    if grid[RULE, FLATTENS]:
        _cancel_all(grid)
        _answer(grid, 0)
    while grid[COUNT, _STATUS] == DONE and grid[COUNT, _HEAD] != grid[COUNT, _TAIL]:
        grid[COUNT, _NOW] = grid[DUE, grid[COUNT, _HEAD]]
        _arrive_all(grid, fills)
    if grid[RULE, FLATTENS] and grid[COUNT, _STATUS] == DONE:
        grid[COUNT, _NOW] += grid[RULE, LATENCY_NS]
        _close(grid, fills)


def counted(grid: Ints) -> tuple[int, int, int, int]:
    """Status, fills, round trips and new ladders of a run."""
    return (
        int(grid[COUNT, _STATUS]),
        int(grid[COUNT, _FILLS]),
        int(grid[COUNT, _TRIPS]),
        int(grid[COUNT, _RESETS]),
    )


def living(grid: Ints) -> int:
    """Orders that were sent, or rest, and have neither filled nor gone."""
    return int(grid[COUNT, _LIVE])


def ended_ns(grid: Ints) -> int:
    """When the last thing on its way arrived, the policy's cancels and close included."""
    return int(grid[COUNT, _NOW])
