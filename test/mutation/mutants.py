"""Small changes to a function that a good test suite should notice."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType
from typing import Final

COMPARISONS: Final[dict[type[ast.cmpop], type[ast.cmpop]]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,  # codespell:ignore
    ast.NotIn: ast.In,  # codespell:ignore
}
ARITHMETIC: Final[dict[type[ast.operator], type[ast.operator]]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
SILENT: Final = frozenset({"log", "logger", "_log"})
"""What is only written to a log is not what tests are about."""

UNCHANGED: Final = -1
"""Index of the change that is none."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One change of one line."""

    path: str
    """Of the file, from the project's root."""
    qualname: str
    """Of the outermost function that holds the change."""
    index: int
    """Among the changes of that function."""
    line: int
    change: str


def mutants(source: str, path: str) -> list[Mutant]:
    """Every change of a file's functions, function by function."""
    return [
        Mutant(path=path, qualname=qualname, index=index, line=node.lineno, change=words)
        for qualname, function in functions(ast.parse(source)).items()
        for index, (node, words, _) in enumerate(sites(function))
    ]


def compiled(source: str, mutant: Mutant) -> CodeType:
    """The code of the mutant's function, changed."""
    tree = ast.parse(source)
    function = functions(tree)[mutant.qualname]
    if mutant.index != UNCHANGED:
        _, _, act = sites(function)[mutant.index]
        if any(isinstance(node, ast.Name) and node.id == "super" for node in ast.walk(function)):
            # Without its last `super` a method would need another kind of function around it.
            function.body.append(ast.parse("if False: __class__").body[0])
        act()
    code = compile(ast.fix_missing_locations(tree), mutant.path, "exec", dont_inherit=True)
    found = find_code(code, mutant.qualname)
    if found is None:
        message = f"{mutant.path} has no {mutant.qualname}"
        raise LookupError(message)
    return found


def functions(tree: ast.Module) -> dict[str, Function]:
    """Functions of the module and methods of its classes, by qualified name; each name once."""
    found: dict[str, Function] = {}

    def visit(body: list[ast.stmt], prefix: str) -> None:
        for node in body:
            if isinstance(node, Function):
                found.setdefault(prefix + node.name, node)
            elif isinstance(node, ast.ClassDef):
                visit(node.body, f"{prefix}{node.name}.")

    visit(tree.body, "")
    return found


def sites(function: Function) -> list[tuple[ast.stmt | ast.expr, str, _Act]]:
    """Where something can be changed, how it is called, and what does it."""
    found: list[tuple[ast.stmt | ast.expr, str, _Act]] = []
    for block in blocks(function):
        for position, statement in enumerate(block):
            if is_silent(statement):
                continue
            found += _statement_sites(block, position, statement)
            for expression in _expressions(statement):
                found += _expression_sites(expression)
    return found


class _Act:
    """Sets one field of a node, or one place of a list."""

    def __init__(self, target: object, field: str | int, value: object) -> None:
        self._target, self._field, self._value = target, field, value

    def __call__(self) -> None:
        if isinstance(self._field, int):
            assert isinstance(self._target, list)
            self._target[self._field] = self._value
        else:
            setattr(self._target, self._field, self._value)


def blocks(function: Function) -> Iterator[list[ast.stmt]]:
    """Lists of statements, outermost first; the docstring is none."""
    pending: list[list[ast.stmt]] = [function.body]
    while pending:
        block = pending.pop(0)
        yield block
        for statement in block:
            for field in ("body", "orelse", "finalbody"):
                inner = getattr(statement, field, None)
                if inner:
                    pending.append(inner)
            parts = (*getattr(statement, "handlers", ()), *getattr(statement, "cases", ()))
            pending.extend(part.body for part in parts)


def is_silent(statement: ast.stmt) -> bool:
    """A docstring, an assertion for the type checker, an error's words, a line for the log."""
    if isinstance(statement, ast.Raise | ast.Assert | ast.Import | ast.ImportFrom):
        return True
    if not isinstance(statement, ast.Expr):
        return False
    value = statement.value
    if isinstance(value, ast.Constant):
        return True
    called = value.func if isinstance(value, ast.Call) else None
    owner = called.value if isinstance(called, ast.Attribute) else None
    return isinstance(owner, ast.Name) and owner.id in SILENT


def _statement_sites(
    block: list[ast.stmt], position: int, statement: ast.stmt
) -> Iterator[tuple[ast.stmt, str, _Act]]:
    here = ast.copy_location(ast.Pass(), statement)
    match statement:
        case ast.Expr() | ast.AugAssign() | ast.Delete():
            yield statement, f"without `{_short(statement)}`", _Act(block, position, here)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            nothing = ast.copy_location(ast.Return(value=ast.Constant(value=None)), statement)
            yield statement, f"`{_short(statement)}` gives None", _Act(block, position, nothing)
        case ast.Continue():
            other = ast.copy_location(ast.Break(), statement)
            yield statement, "`continue` breaks", _Act(block, position, other)
        case ast.Break():
            other_way = ast.copy_location(ast.Continue(), statement)
            yield statement, "`break` continues", _Act(block, position, other_way)
        case ast.If(test=test) | ast.While(test=test):
            denied = ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)
            if isinstance(statement, ast.If):
                yield statement, f"`{_short(test)}` denied", _Act(statement, "test", denied)
        case _:
            pass


def _expressions(statement: ast.stmt) -> Iterator[ast.expr]:
    """The expressions of a statement itself, not those of the blocks under it."""
    for name, value in ast.iter_fields(statement):
        if name in {"body", "orelse", "finalbody", "handlers", "cases", "annotation", "args"}:
            continue
        if name in {"decorator_list", "returns", "type_params"}:
            continue
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, ast.expr):
                yield item
            elif isinstance(item, ast.withitem):
                yield item.context_expr


def _expression_sites(root: ast.expr) -> Iterator[tuple[ast.expr, str, _Act]]:
    for node in ast.walk(root):
        match node:
            case ast.Compare(ops=[only]) if type(only) in COMPARISONS:
                other = COMPARISONS[type(only)]()
                yield node, f"`{_short(node)}` compared otherwise", _Act(node, "ops", [other])
            case ast.BinOp(op=operator) if type(operator) in ARITHMETIC:
                if not _is_text(node):
                    turned = ARITHMETIC[type(operator)]()
                    yield node, f"`{_short(node)}` reckoned otherwise", _Act(node, "op", turned)
            case ast.BoolOp(op=operator):
                swapped = ast.Or() if isinstance(operator, ast.And) else ast.And()
                yield node, f"`{_short(node)}`: and, or swapped", _Act(node, "op", swapped)
            case ast.Constant(value=bool() as value):
                yield node, f"{value} turned", _Act(node, "value", not value)
            case ast.Constant(value=int() as value):
                yield node, f"{value} is {value + 1}", _Act(node, "value", value + 1)
            case ast.IfExp(test=test):
                denied = ast.copy_location(ast.UnaryOp(op=ast.Not(), operand=test), test)
                yield node, f"`{_short(test)}` denied", _Act(node, "test", denied)
            case _:
                pass


def _is_text(node: ast.BinOp) -> bool:
    """Whether text is put together, which other operators would only break."""
    return any(
        isinstance(side, ast.JoinedStr)
        or (isinstance(side, ast.Constant) and isinstance(side.value, str))
        for side in (node.left, node.right)
    )


def _is_none(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def _short(node: ast.AST) -> str:
    text = " ".join(ast.unparse(node).split())
    return text if len(text) <= 60 else f"{text[:57]}..."


def find_code(code: CodeType, qualname: str) -> CodeType | None:
    """The code of a function inside that of its module."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            if constant.co_qualname == qualname:
                return constant
            if qualname.startswith(f"{constant.co_qualname}."):
                found = find_code(constant, qualname)
                if found is not None:
                    return found
    return None
