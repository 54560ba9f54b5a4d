"""Rules of this house that keep money and keys safe, as questions to a syntax tree.

General linters know general mistakes. These know ours: who may send an order, where text becomes
a statement, what a log line may carry. Each rule says what it found and where; a rule without an
example that breaks it and one that keeps it is no rule (`test/architecture/test_safety_rules.py`).
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

Found = Iterator[tuple[ast.AST, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One question."""

    name: str
    why: str
    find: Callable[[ast.Module, str], Found]
    """Takes a module and its path; gives the offending nodes and what is wrong with each."""


_SENDERS: Final = (
    "core/services/execution/",
    "core/adapters/exchanges/",
    "core/engine/offline.py",
    "core/testing/",
)
_ORDER_CALLS: Final = frozenset({"create_order", "cancel_order", "cancel_all_orders"})
_EXECUTING: Final = frozenset({"eval", "exec", "compile", "__import__", "breakpoint"})
_UNSAFE_MODULES: Final = frozenset({"pickle", "marshal", "shelve", "dill", "cloudpickle"})
_SHELLS: Final = frozenset({"os.system", "os.popen", "subprocess.getoutput"})
_OPEN_ADDRESSES: Final = frozenset({"0.0.0.0", "::"})  # noqa: S104 # what is looked for
_SECRET_WORDS: Final = re.compile(
    r"(^|_)(secret|secrets|password|passphrase|private_key|api_key|token|mnemonic|credentials)$"
)
_LOG_METHODS: Final = frozenset({"debug", "info", "warning", "error", "exception", "critical"})
# Pragmas take no parameters; theirs are numbers of ours.
_SQL: Final = re.compile(r"^\s*(select|insert|update|delete|create|drop|replace)\b", re.IGNORECASE)
_ORDER_PATH: Final = ("core/services/execution/", "core/services/risk/", "core/services/grid/")


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        head = _dotted(node.value)
        return f"{head}.{node.attr}" if head else node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _calls(tree: ast.Module) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _orders_elsewhere(tree: ast.Module, path: str) -> Found:
    if path.startswith(_SENDERS):
        return
    for call in _calls(tree):
        if isinstance(call.func, ast.Attribute) and call.func.attr in _ORDER_CALLS:
            yield call, f"{call.func.attr} is called outside execution"


def _executed_text(tree: ast.Module, path: str) -> Found:
    if path.startswith("core/testing/"):
        return  # it takes safeguards out of the source, to see whether anybody notices
    for call in _calls(tree):
        if isinstance(call.func, ast.Name) and call.func.id in _EXECUTING:
            yield call, f"{call.func.id} runs text as code"
    for node in ast.walk(tree):
        names = (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
        for name in names:
            if name.partition(".")[0] in _UNSAFE_MODULES:
                yield node, f"{name} runs what it reads"


def _shells(tree: ast.Module, _path: str) -> Found:
    for call in _calls(tree):
        if _dotted(call.func) in _SHELLS:
            yield call, f"{_dotted(call.func)} starts a shell"
        for keyword in call.keywords:
            if keyword.arg == "shell" and not _is_false(keyword.value):
                yield call, "shell= starts a shell"


def _is_false(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is False


def _unverified(tree: ast.Module, _path: str) -> Found:
    for call in _calls(tree):
        name = _dotted(call.func)
        if name.endswith("_create_unverified_context"):
            yield call, "certificates are not checked"
        for keyword in call.keywords:
            if keyword.arg in {"verify", "check_hostname", "verify_ssl", "ssl"} and _is_false(
                keyword.value
            ):
                yield call, f"{keyword.arg}=False: certificates are not checked"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr == "CERT_NONE":
            yield node, "CERT_NONE: certificates are not checked"
        if (
            isinstance(node, ast.Assign)
            and _is_false(node.value)
            and any(
                isinstance(t, ast.Attribute) and t.attr == "check_hostname" for t in node.targets
            )
        ):
            yield node, "check_hostname is switched off"


def _open_doors(tree: ast.Module, path: str) -> Found:
    if path == "core/testing/rules.py":
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and node.value in _OPEN_ADDRESSES:
            yield node, f"{node.value} listens to everybody"


def _yaml(tree: ast.Module, _path: str) -> Found:
    for call in _calls(tree):
        if _dotted(call.func) in {"yaml.load", "yaml.unsafe_load", "yaml.full_load"} and not any(
            keyword.arg == "Loader" and _dotted(keyword.value).rpartition(".")[2] != "Loader"
            for keyword in call.keywords
        ):
            yield call, f"{_dotted(call.func)} can build any object"


def _logged_secrets(tree: ast.Module, _path: str) -> Found:
    for call in _calls(tree):
        function = call.func
        if not (
            isinstance(function, ast.Attribute)
            and function.attr in _LOG_METHODS
            and _dotted(function.value).rpartition(".")[2] in {"log", "logger", "logging"}
        ):
            continue
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            for node in ast.walk(argument):
                name = _dotted(node).rpartition(".")[2].strip("_")
                if name and _SECRET_WORDS.search(name):
                    yield call, f"{name} goes to a log"


def _built_statements(tree: ast.Module, path: str) -> Found:
    """Statements for a database that are put together from anything but constants."""
    constants = {
        target.id
        for node in tree.body
        for target in (
            node.targets
            if isinstance(node, ast.Assign)
            else [node.target]
            if isinstance(node, ast.AnnAssign)
            else []
        )
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.JoinedStr) or not node.values:
            continue
        head = node.values[0]
        text = head.value if isinstance(head, ast.Constant) else ""
        if not isinstance(text, str) or not _SQL.match(text):
            continue
        if "sqlite" not in ast.dump(tree) and "storage" not in path:
            continue
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and not _is_constant(part.value, constants):
                yield node, f"{ast.unparse(part.value)} becomes part of a statement"


def _is_constant(node: ast.expr, constants: set[str]) -> bool:
    """A name in capitals, the fields of a named tuple, or columns made of them."""
    fields = {
        item.value
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and item.attr == "_fields"
    }
    names = [
        item.id for item in ast.walk(node) if isinstance(item, ast.Name) and item not in fields
    ]
    return all(name in constants or name.isupper() or name == "columns" for name in names)


def _swallowed(tree: ast.Module, path: str) -> Found:
    """Errors of any kind that are caught on the way of an order and go nowhere."""
    if not path.startswith(_ORDER_PATH):
        return
    for node in ast.walk(tree):
        if not isinstance(node, ast.ExceptHandler):
            continue
        is_broad = node.type is None or _dotted(node.type) in {"Exception", "BaseException"}
        says = any(
            isinstance(inner, ast.Raise)
            or (isinstance(inner, ast.Call) and _is_given(inner, node.name))
            or (isinstance(inner, ast.Attribute) and inner.attr in {"exception", "alarm", "error"})
            for inner in ast.walk(node)
        )
        if is_broad and not says:
            yield node, "every error is caught, and nobody hears of it"


def _marked_up(tree: ast.Module, _path: str) -> Found:
    """Text that would be read for colours and links; what a venue wrote could hold some."""
    for call in _calls(tree):
        if _dotted(call.func).rpartition(".")[2] == "from_markup":
            yield call, "from_markup obeys what stands in a text"
        for keyword in call.keywords:
            if keyword.arg in {"markup", "rich_markup_mode"} and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value in {False, None}
            ):
                yield call, f"{keyword.arg}= obeys what stands in a text"


def _binary_money(tree: ast.Module, _path: str) -> Found:
    """A Decimal made of a binary fraction: the digits that follow are nobody's."""
    for call in _calls(tree):
        if _dotted(call.func).rpartition(".")[2] != "Decimal" or not call.args:
            continue
        value = call.args[0]
        is_fraction = isinstance(value, ast.Constant) and isinstance(value.value, float)
        is_float = isinstance(value, ast.Call) and _dotted(value.func) == "float"
        if is_fraction or is_float:
            yield call, "Decimal of a binary fraction"


def _is_given(call: ast.Call, name: str | None) -> bool:
    return name is not None and any(_dotted(argument) == name for argument in call.args)


RULES: Final = (
    Rule(
        name="orders-leave-through-execution",
        why="One door sends orders: it has the intent on disk first and asks risk.",
        find=_orders_elsewhere,
    ),
    Rule(
        name="text-is-never-code",
        why="Configuration, recordings and answers are data.",
        find=_executed_text,
    ),
    Rule(name="no-shell", why="Arguments are lists; no text is parsed by a shell.", find=_shells),
    Rule(name="certificates-are-checked", why="A venue proves who it is.", find=_unverified),
    Rule(name="doors-open-inwards", why="Servers listen on loopback.", find=_open_doors),
    Rule(name="yaml-is-plain", why="A file holds values, not objects.", find=_yaml),
    Rule(name="no-secret-in-a-log", why="A log is read by many.", find=_logged_secrets),
    Rule(
        name="statements-are-constant",
        why="Values go to a database as parameters.",
        find=_built_statements,
    ),
    Rule(
        name="text-is-never-markup",
        why="What others wrote is shown, never obeyed.",
        find=_marked_up,
    ),
    Rule(name="money-is-decimal", why="Money is exact from its text on.", find=_binary_money),
    Rule(
        name="no-silence-on-an-orders-way",
        why="Whoever catches everything where money moves says so.",
        find=_swallowed,
    ),
)
"""All rules, by the order in which they are told."""
