"""Programs that are damaged at random: in their syntax trees, inside functions only, and in their texts.

In: a source text and a random generator. Out: another text, mostly still Python. Module level code stays as it is, as
compiling runs it.
"""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Callable

FOREIGN = """
lambda q: q
[q for q in b.arr]
{1: 2}
{1, 2}
[1, 2]
(yield)
f"{ctx}"
(q := 3)
*ctx
ctx.a if ctx else None
None
True
...
1.5
"text"
b"bytes"
-1
0
1 << 63
1 << 64
(1 << 64) - 1
(1, "a")
()
u8(3)
i64(-3)
Point()
Point(1, y=2)
Args()
u32[4]()
char[4]("ab")
points
points.get(1)
tab
ctx
print
Point
u32
range(3)
len
kernel.task_struct
kfunc.bpf_strlen
current_task()
current_comm()
ktime_ns
N
TABLE
cfg
cfg.name
events
undefined
int
sizeof(u32)
copy(ctx)
find(3)
divmod2(3, 4)
programs
xdp
""".strip().splitlines()
STATEMENTS = (
    """
return
return None
return 3
pass
break
continue
raise KeyError
global total
import os
del points[1]
del p
class C: pass
while True: pass
for q in range(3): pass
for q, r in points.items(): q += 1
for q in cfg.arr: break
with ctx: pass
with events.reserve() as q: q.x = 1
assert ctx
def helper(n: u32) -> u32: return n
p = q = 3
p: u32 = 3
p: Point = Point()
p: Static[u64] = 3
p, q = 1, 2
p, *q = 1, 2, 3
p += 1
p.x = 1
points[1] = Point()
points[1].x += 1
tab[1] = 2
nonlocal total
x = yield 3
async def q(): pass
try: points[1]
except: pass
""".strip()
    .replace("\nexcept", "\\nexcept")
    .splitlines()
)
NAMES = "a b c ctx p q x y n s out arr name points tab total cfg N Point Args find inc f u32 u64 i64 get pop items lock".strip().split()
OPERATORS = [
    ast.Add,
    ast.Sub,
    ast.Mult,
    ast.FloorDiv,
    ast.Mod,
    ast.BitAnd,
    ast.LShift,
    ast.RShift,
    ast.Pow,
    ast.Div,
    ast.MatMult,
]
COMPARISONS = [ast.Eq, ast.NotEq, ast.Lt, ast.GtE, ast.Is, ast.IsNot, ast.In, ast.NotIn]
TYPES = "u8 u32 u64 i32 i64 bool int Point Args Big xdp_md None str u32[4] Ptr[Point] tuple[u32,u32] Point|None kernel.task_struct".strip().split()


def mutated_tree(text: str, rng: random.Random) -> str:
    """The text with one to three nodes inside functions changed."""
    tree = ast.parse(text)
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
    for _ in range(rng.randint(1, 3)):
        rng.choice(_MUTATIONS)(rng.choice(functions), rng, tree)
    try:
        return ast.unparse(ast.fix_missing_locations(tree))
    except (ValueError, TypeError, AttributeError, RecursionError):  # a tree that no text has
        return text


def mutated_text(text: str, rng: random.Random) -> str:
    """The text with characters or lines of function bodies changed."""
    lines = text.splitlines()
    inside = [i for i, line in enumerate(lines) if line.startswith("    ") and len(line) > 5]
    for _ in range(rng.randint(1, 3)):
        i = rng.choice(inside)
        line = lines[i]
        match rng.randrange(6):
            case 0:
                at = rng.randint(min(4, len(line)), len(line))
                line = line[:at] + rng.choice("()[]{}:,.=+-*/%@!x0 1'\"\\#\t|&~<>é\0") + line[at:]
            case 1 if len(line) > 4:
                at = rng.randrange(4, len(line))
                line = line[:at] + line[at + 1 :]
            case 2:
                line = ""
            case 3:
                line = line + "\n" + lines[rng.choice(inside)]
            case 4:
                words = line.split(" ")
                words[rng.randrange(len(words))] = rng.choice(NAMES)
                line = " ".join(words)
            case _:
                line = lines[rng.choice(inside)]
        lines[i] = line
    return "\n".join(lines) + "\n"


def _expression(rng: random.Random, tree: ast.Module) -> ast.expr:
    if rng.random() < 0.5:
        found = [
            n
            for n in ast.walk(tree)
            if isinstance(n, ast.expr) and isinstance(getattr(n, "ctx", None), (ast.Load, type(None)))
        ]
        return copy.deepcopy(rng.choice(found))
    source = rng.choice(FOREIGN)
    if source.startswith("*"):
        return ast.Starred(ast.Name(source[1:], ast.Load()), ast.Load())
    return ast.parse(f"({source})", mode="eval").body


def _slots(function: ast.FunctionDef, kind: type) -> list[tuple[ast.AST, str, int | None]]:
    """Where nodes of a kind stand in a function's body: (parent, field, index)."""
    out: list[tuple[ast.AST, str, int | None]] = []
    for parent in (n for stmt in function.body for n in ast.walk(stmt)):
        for field, value in ast.iter_fields(parent):
            if isinstance(value, kind):
                out.append((parent, field, None))
            elif isinstance(value, list):
                out.extend((parent, field, i) for i, item in enumerate(value) if isinstance(item, kind))
    return out


def _put(slot: tuple[ast.AST, str, int | None], new: ast.AST) -> None:
    parent, field, index = slot
    if index is None:
        setattr(parent, field, new)
    else:
        getattr(parent, field)[index] = new


def _replace_expression(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    slots = _slots(function, ast.expr)
    if slots:
        _put(rng.choice(slots), _expression(rng, tree))


def _wrap_expression(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    slots = _slots(function, ast.expr)
    if not slots:
        return
    parent, field, index = slot = rng.choice(slots)
    old = getattr(parent, field) if index is None else getattr(parent, field)[index]
    other = _expression(rng, tree)
    load = ast.Load()
    wrapped: list[ast.expr] = [
        ast.Call(old, [], []),
        ast.Call(other, [old], []),
        ast.Call(old, [other], []),
        ast.Attribute(old, rng.choice(NAMES), load),
        ast.Subscript(old, other, load),
        ast.Subscript(other, old, load),
        ast.Subscript(old, ast.Slice(other, None, None), load),
        ast.UnaryOp(rng.choice([ast.Not(), ast.USub(), ast.Invert(), ast.UAdd()]), old),
        ast.BinOp(old, rng.choice(OPERATORS)(), other),
        ast.BinOp(other, rng.choice(OPERATORS)(), old),
        ast.Compare(old, [rng.choice(COMPARISONS)()], [other]),
        ast.Compare(other, [rng.choice(COMPARISONS)(), ast.Lt()], [old, other]),
        ast.BoolOp(rng.choice([ast.And(), ast.Or()]), [old, other]),
        ast.IfExp(old, other, old),
        ast.IfExp(other, old, other),
        ast.Tuple([old, other], load),
        ast.NamedExpr(ast.Name(rng.choice(NAMES), ast.Store()), old),
    ]
    _put(slot, rng.choice(wrapped))


def _rename(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    nodes = [
        n for stmt in function.body for n in ast.walk(stmt) if isinstance(n, (ast.Name, ast.Attribute, ast.keyword))
    ]
    if nodes:
        node = rng.choice(nodes)
        if isinstance(node, ast.Name):
            node.id = rng.choice(NAMES)
        elif isinstance(node, ast.Attribute):
            node.attr = rng.choice(NAMES)
        else:
            node.arg = rng.choice([*NAMES, None])


def _change_operator(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    for node in (n for stmt in function.body for n in ast.walk(stmt)):
        if isinstance(node, (ast.BinOp, ast.AugAssign)) and rng.random() < 0.2:
            node.op = rng.choice(OPERATORS)()
        if isinstance(node, ast.Compare) and rng.random() < 0.2:
            node.ops[0] = rng.choice(COMPARISONS)()


def _change_constant(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    nodes = [n for stmt in function.body for n in ast.walk(stmt) if isinstance(n, ast.Constant)]
    if nodes:
        rng.choice(nodes).value = rng.choice(
            [0, -1, 1, 7, 255, 256, 1 << 31, 1 << 63, 1 << 64, "x", b"y", None, True, 1.5, 2j, ...]
        )


def _blocks(function: ast.FunctionDef) -> list[list[ast.stmt]]:
    out = []
    for node in ast.walk(function):
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                out.append(block)
    return out


def _change_statements(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    block = rng.choice(_blocks(function))
    at = rng.randrange(len(block))
    match rng.randrange(5):
        case 0 if len(block) > 1:
            del block[at]
        case 1:
            block.insert(at, copy.deepcopy(rng.choice(block)))
        case 2:
            block[at], block[-1] = block[-1], block[at]
        case 3:
            other = rng.choice(_blocks(function))
            block.insert(at, copy.deepcopy(rng.choice(other)))
        case _:
            block.insert(at, ast.parse(rng.choice(STATEMENTS).replace("\\n", "\n")).body[0])


def _change_signature(function: ast.FunctionDef, rng: random.Random, tree: ast.Module) -> None:
    match rng.randrange(5):
        case 0:
            function.returns = ast.parse(rng.choice(TYPES), mode="eval").body if rng.random() < 0.8 else None
        case 1 if function.args.args:
            function.args.args.pop()
            function.args.defaults.clear()
        case 2:
            function.args.args.insert(0, ast.arg(rng.choice(NAMES), ast.parse(rng.choice(TYPES), mode="eval").body))
        case _ if function.args.args:
            rng.choice(function.args.args).annotation = ast.parse(rng.choice(TYPES), mode="eval").body


_MUTATIONS: list[Callable[[ast.FunctionDef, random.Random, ast.Module], None]] = [
    _replace_expression, _replace_expression, _wrap_expression, _wrap_expression, _rename, _rename, _change_operator,
    _change_constant, _change_statements, _change_statements, _change_signature,
]  # fmt: skip

__all__ = ["mutated_text", "mutated_tree"]
