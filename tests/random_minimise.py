"""A failing random program, made small: statements and parts of expressions go while it still fails in the same way."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

from tests.random_model import Module
from tests.random_oracle import Failure, alone, compare

BODIES = ("body", "orelse", "handlers", "cases")


def minimise(module: Module, failure: Failure, seed: int, *, cpu: str = "v3", most: int = 600) -> Module:
    """The smallest module found with that failure. most: how many are tried."""
    known = _signature(failure)
    tries = 0

    def fails(tree: ast.Module) -> bool:
        nonlocal tries
        tries += 1
        small = Module(
            ast.unparse(ast.fix_missing_locations(tree)) + "\n", [failure.program], module.maps, module.variables
        )
        try:
            found = compare(small, seed, cpu=cpu)
        except (NameError, TypeError, AttributeError, SyntaxError, LookupError):  # CPython does not know what it means
            return False
        return bool(found) and _signature(found[0]) == known

    tree = ast.parse(alone(module, failure.program).text)
    while tries < most:
        smaller = _smaller(tree, fails, lambda: tries >= most)
        if smaller is None:
            break
        tree = smaller
    return alone(Module(ast.unparse(tree) + "\n", [failure.program], module.maps, module.variables), failure.program)


def _signature(failure: Failure) -> tuple[str, str]:
    if failure.kind == "differs":
        return "differs", ""
    last = failure.detail.strip().splitlines()
    lines = [line for line in last if "error:" in line] or last[-1:]
    return failure.kind, lines[0].rpartition("error:")[2][:25]


def _smaller(tree: ast.Module, fails: Callable[[ast.Module], bool], is_enough: Callable[[], bool]) -> ast.Module | None:
    """The first smaller tree that still fails."""
    changed = None
    for make in (_without_statements, _without_parts):
        number = 0
        while not is_enough():
            candidate = next(_nth(make(tree), number), None)
            if candidate is None:
                break
            if fails(candidate):
                changed = tree = candidate
            else:
                number += 1
    return changed


def _nth(trees: Iterator[ast.Module], number: int) -> Iterator[ast.Module]:
    for i, tree in enumerate(trees):
        if i == number:
            yield tree
            return


def _functions(tree: ast.Module) -> list[ast.FunctionDef]:
    return [node for node in tree.body if isinstance(node, ast.FunctionDef)]


def _without_statements(tree: ast.Module) -> Iterator[ast.Module]:
    """One statement less; or a compound one replaced by what is in it."""
    for function in _functions(tree):
        for node in ast.walk(function):
            for name in BODIES:
                block = getattr(node, name, None)
                if not isinstance(block, list):
                    continue
                for i, stmt in enumerate(block):
                    inner = [s for part in BODIES for s in getattr(stmt, part, []) if isinstance(s, ast.stmt)]
                    for new in ([], inner) if inner and not isinstance(stmt, ast.FunctionDef) else ([],):
                        setattr(node, name, [*block[:i], *new, *block[i + 1 :]])
                        whole = copy.deepcopy(tree) if getattr(node, name) or name not in ("body", "cases") else None
                        setattr(node, name, block)
                        if whole is not None:
                            yield whole


def _without_parts(tree: ast.Module) -> Iterator[ast.Module]:
    """An expression replaced by a part of it, or by 1."""
    for function in _functions(tree):
        for node in ast.walk(function):
            for name, value in ast.iter_fields(node):
                places = [(None, value)] if isinstance(value, ast.expr) else []
                if isinstance(value, list):
                    places = [(i, item) for i, item in enumerate(value) if isinstance(item, ast.expr)]
                for i, expr in places:
                    if isinstance(expr, (ast.Name, ast.Constant)) or name in (
                        "annotation",
                        "returns",
                        "decorator_list",
                        "func",
                    ):
                        continue
                    parts = [part for part in ast.iter_child_nodes(expr) if isinstance(part, ast.expr)]
                    for new in [
                        *(p for p in parts if not isinstance(p, ast.Name) or p.id[1:].isdigit()),
                        ast.Constant(1),
                    ]:
                        _put(node, name, i, new)
                        whole = copy.deepcopy(tree)
                        _put(node, name, i, expr)
                        yield whole


def _put(node: ast.AST, name: str, index: int | None, new: ast.expr) -> None:
    if index is None:
        setattr(node, name, new)
    else:
        getattr(node, name)[index] = new


__all__ = ["minimise"]
