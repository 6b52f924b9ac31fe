"""List the mutants of a module: each is the code with one small change inside a function."""

import ast
import copy
from collections.abc import Iterator
from typing import NamedTuple

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Mutant(NamedTuple):
    """One change: `number` is its position among the changes of its module."""

    number: int
    function: str  # with its classes and outer functions: "Reader.next_line"
    lines: tuple[int, ...]  # the line of the change, then the first line of its statement
    change: str

    @property
    def line(self) -> int:
        """Return the line of the change."""
        return self.lines[0]


def _replaced(node: ast.AST, **fields: object) -> ast.AST:
    new = copy.copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _constants(node: ast.Constant) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield _replaced(node, value=not value)
    elif isinstance(value, int | float):
        yield _replaced(node, value=value + 1)
    elif isinstance(value, str | bytes) and value:
        yield _replaced(node, value=value[:0])


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    """Yield what a statement may become: nothing, or `return None`."""
    removable = isinstance(node, ast.AugAssign | ast.Raise | ast.Continue | ast.Break | ast.Delete)
    if isinstance(node, ast.Expr):
        removable = not isinstance(node.value, ast.Constant)  # a docstring, or ...
    elif isinstance(node, ast.Assign):
        removable = all(isinstance(target, ast.Attribute | ast.Subscript) for target in node.targets)
    if removable:
        yield ast.copy_location(ast.Pass(), node)
    if isinstance(node, ast.Return) and node.value and not isinstance(node.value, ast.Constant):
        yield _replaced(node, value=ast.copy_location(ast.Constant(None), node.value))


def _alternatives(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what may be in the place of `node`."""
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARISONS:
            yield _replaced(node, ops=[_COMPARISONS[type(operator)]()])
        case ast.BoolOp(op=operator):
            yield _replaced(node, op=ast.Or() if isinstance(operator, ast.And) else ast.And())
        case ast.BinOp(op=operator) if type(operator) in _OPERATORS:
            yield _replaced(node, op=_OPERATORS[type(operator)]())
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.Constant():
            yield from _constants(node)
        case ast.stmt():
            yield from _statements(node)


class _Walk:
    """Go through a module in the order of its source; make the change of number `wanted`, if there is one."""

    def __init__(self, wanted: int | None = None) -> None:
        self.wanted = wanted
        self.mutants: list[Mutant] = []
        self.names: list[str] = []
        self.statement = 0
        self.in_function = False

    def visit(self, node: ast.AST) -> ast.AST:
        """Return what takes the place of `node`."""
        result = node
        if self.in_function:
            for new in _alternatives(node):
                if len(self.mutants) == self.wanted:
                    result = new
                self._add(node, new)
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            self._inside(node)
        elif not _is_text(node):
            self._children(node)
        return result

    def _add(self, old: ast.AST, new: ast.AST) -> None:
        change = f"{ast.unparse(old)} -> {ast.unparse(new)}"
        lines = (getattr(old, "lineno", self.statement), self.statement)
        self.mutants.append(Mutant(len(self.mutants), ".".join(self.names), lines, change))

    def _inside(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> None:
        """Visit the body alone: decorators, default values and annotations are evaluated at import."""
        before = self.in_function
        self.names.append(node.name)
        self.in_function = isinstance(node, _FUNCTIONS)
        self._body(node.body)
        self.in_function = before
        self.names.pop()

    def _body(self, body: list[ast.stmt]) -> None:
        for index, statement in enumerate(body):
            self.statement = statement.lineno
            body[index] = self.visit(statement)  # type: ignore[call-overload]

    def _children(self, node: ast.AST) -> None:
        for name, value in ast.iter_fields(node):
            if name == "annotation":
                continue
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._body(value)
            elif isinstance(value, list):
                value[:] = [self.visit(child) if isinstance(child, ast.AST) else child for child in value]
            elif isinstance(value, ast.AST):
                setattr(node, name, self.visit(value))


def _is_text(node: ast.AST) -> bool:
    """Return True if `node` is a docstring, a message or a pattern of `match`, whose parts do not change."""
    docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    return docstring or isinstance(node, ast.Raise | ast.JoinedStr | ast.MatchValue)


def list_mutants(source: str) -> list[Mutant]:
    """Return every mutant of the module with this source."""
    walk = _Walk()
    walk.visit(ast.parse(source))
    return walk.mutants


def mutate(source: str, number: int) -> ast.Module:
    """Return the module with the change of this number; its lines are those of the source."""
    tree = ast.parse(source)
    _Walk(number).visit(tree)
    return ast.fix_missing_locations(tree)
