"""The tables of the journal and the statements that fill them.

Decimals are text in plain notation, times are integer nanoseconds since 1970. Every statement is
parameterised. `counters.transaction` counts committed transactions, so that after a failed commit
a reader can tell whether it took effect.
"""

from __future__ import annotations

from typing import Final

SCHEMA_VERSION: Final = 1

TABLES: Final = """
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT;

CREATE TABLE counters (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT;

CREATE TABLE bots (
    bot_id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    app TEXT NOT NULL,
    mode TEXT NOT NULL,
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    order_prefix TEXT NOT NULL UNIQUE,
    fingerprint TEXT NOT NULL,
    config TEXT NOT NULL,
    is_closed INTEGER NOT NULL,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX bots_by_symbol ON bots (venue, account, symbol);

CREATE TABLE intents (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL UNIQUE,
    bot_id TEXT NOT NULL REFERENCES bots (bot_id),
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    side TEXT NOT NULL,
    order_type TEXT NOT NULL,
    price TEXT,
    amount TEXT NOT NULL,
    time_in_force TEXT NOT NULL,
    post_only INTEGER NOT NULL,
    reduce_only INTEGER NOT NULL,
    role TEXT NOT NULL,
    level INTEGER,
    rule TEXT NOT NULL,
    inputs TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    deadline_ns INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'INTENT',
    order_id TEXT NOT NULL DEFAULT '',
    filled TEXT NOT NULL DEFAULT '0',
    code TEXT NOT NULL DEFAULT '',
    cancel_wanted INTEGER NOT NULL DEFAULT 0,
    updated_ns INTEGER NOT NULL DEFAULT 0,
    is_settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX intents_unsettled ON intents (bot_id, number) WHERE is_settled = 0;

CREATE TABLE intent_events (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    kind TEXT NOT NULL,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX intent_events_by_intent ON intent_events (client_order_id);

CREATE TABLE fills (
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    trade_id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    client_order_id TEXT NOT NULL REFERENCES intents (client_order_id),
    order_id TEXT NOT NULL,
    side TEXT NOT NULL,
    price TEXT NOT NULL,
    amount TEXT NOT NULL,
    fee TEXT NOT NULL,
    fee_currency TEXT NOT NULL,
    fee_quote TEXT NOT NULL,
    fee_base TEXT NOT NULL,
    is_maker INTEGER,
    at_ns INTEGER NOT NULL,
    applied_ns INTEGER NOT NULL,
    -- Both sides of a trade with ourselves have one trade id, so the order is part of the identity.
    PRIMARY KEY (trade_id, order_id, symbol, account, venue)
) STRICT, WITHOUT ROWID;
CREATE INDEX fills_by_intent ON fills (client_order_id);

CREATE TABLE ledger (
    bot_id TEXT PRIMARY KEY,
    position TEXT NOT NULL,
    fees TEXT NOT NULL,
    funding TEXT NOT NULL,
    fills INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE funding (
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    payment_id TEXT NOT NULL,
    bot_id TEXT NOT NULL REFERENCES bots (bot_id),
    amount TEXT NOT NULL,
    rate TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    PRIMARY KEY (payment_id, symbol, account, venue)
) STRICT, WITHOUT ROWID;

CREATE TABLE machine_state (
    bot_id TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (bot_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE denials (
    number INTEGER PRIMARY KEY,
    client_order_id TEXT NOT NULL,
    bot_id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    code TEXT NOT NULL,
    "limit" TEXT,
    value TEXT,
    is_settled INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX denials_unsettled ON denials (bot_id, number) WHERE is_settled = 0;
CREATE INDEX denials_by_id ON denials (client_order_id) WHERE is_settled = 0;

CREATE TABLE diary (
    number INTEGER PRIMARY KEY,
    bot_id TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    event TEXT NOT NULL,
    fields TEXT NOT NULL
) STRICT;

CREATE TABLE risk_state (
    scope TEXT PRIMARY KEY,
    state TEXT NOT NULL,
    by TEXT NOT NULL,
    at_ns INTEGER NOT NULL,
    detail TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE marks (
    venue TEXT NOT NULL,
    account TEXT NOT NULL,
    symbol TEXT NOT NULL,
    ns INTEGER NOT NULL,
    PRIMARY KEY (venue, account, symbol)
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('transaction', 0);
"""

PUT_BOT: Final = """
INSERT INTO bots (bot_id, name, app, mode, venue, account, symbol, order_prefix, fingerprint,
    config, is_closed, created_ns, updated_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (bot_id) DO UPDATE SET fingerprint = excluded.fingerprint, config = excluded.config,
    is_closed = excluded.is_closed, updated_ns = excluded.updated_ns
"""

INTENT_COLUMNS: Final = (
    "client_order_id, bot_id, venue, account, symbol, side, order_type, price, amount,"
    " time_in_force, post_only, reduce_only, role, level, rule, inputs, created_ns, deadline_ns"
)
ADD_INTENT: Final = f"""
INSERT INTO intents ({INTENT_COLUMNS})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""  # noqa: S608 # a constant list of columns, no value
SELECT_INTENT: Final = f"""
SELECT {INTENT_COLUMNS}, state, order_id, filled, code, cancel_wanted, updated_ns, is_settled
FROM intents
"""  # noqa: S608 # same

UPDATE_INTENT: Final = """
UPDATE intents SET state = ?, order_id = ?, filled = ?, code = ?, cancel_wanted = ?,
    deadline_ns = ?, updated_ns = ? WHERE client_order_id = ?
"""
SETTLE_INTENT: Final = "UPDATE intents SET is_settled = 1 WHERE client_order_id = ?"
SETTLE_DENIAL: Final = (
    "UPDATE denials SET is_settled = 1 WHERE client_order_id = ? AND is_settled = 0"
)
ADD_EVIDENCE: Final = (
    "INSERT INTO intent_events (client_order_id, at_ns, kind, detail) VALUES (?, ?, ?, ?)"
)
ADD_FILL: Final = """
INSERT INTO fills (venue, account, symbol, trade_id, bot_id, client_order_id, order_id, side, price,
    amount, fee, fee_currency, fee_quote, fee_base, is_maker, at_ns, applied_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
PUT_LEDGER: Final = """
INSERT INTO ledger (bot_id, position, fees, funding, fills, updated_ns) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (bot_id) DO UPDATE SET position = excluded.position, fees = excluded.fees,
    fills = excluded.fills, updated_ns = excluded.updated_ns
"""
PUT_FUNDING_TOTAL: Final = """
INSERT INTO ledger (bot_id, position, fees, funding, fills, updated_ns)
VALUES (?, '0', '0', ?, 0, ?)
ON CONFLICT (bot_id) DO UPDATE SET funding = excluded.funding, updated_ns = excluded.updated_ns
"""
ADD_FUNDING: Final = """
INSERT INTO funding (venue, account, symbol, payment_id, bot_id, amount, rate, at_ns)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
"""
PUT_STATE: Final = """
INSERT INTO machine_state (bot_id, key, value) VALUES (?, ?, ?)
ON CONFLICT (bot_id, key) DO UPDATE SET value = excluded.value
"""
DELETE_STATE: Final = "DELETE FROM machine_state WHERE bot_id = ? AND key = ?"
CLEAR_STATE: Final = "DELETE FROM machine_state WHERE bot_id = ?"
ADD_DENIAL: Final = """
INSERT INTO denials (client_order_id, bot_id, at_ns, code, "limit", value)
VALUES (?, ?, ?, ?, ?, ?)
"""
ADD_DIARY: Final = "INSERT INTO diary (bot_id, at_ns, event, fields) VALUES (?, ?, ?, ?)"
PUT_RISK: Final = """
INSERT INTO risk_state (scope, state, by, at_ns, detail) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (scope) DO UPDATE SET state = excluded.state, by = excluded.by,
    at_ns = excluded.at_ns, detail = excluded.detail
"""
PUT_MARK: Final = """
INSERT INTO marks (venue, account, symbol, ns) VALUES (?, ?, ?, ?)
ON CONFLICT (venue, account, symbol) DO UPDATE SET ns = max(ns, excluded.ns)
"""
COUNT: Final = "UPDATE counters SET value = ? WHERE name = 'transaction'"
COUNTED: Final = "SELECT value FROM counters WHERE name = 'transaction'"
