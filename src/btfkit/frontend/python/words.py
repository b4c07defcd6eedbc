"""The words of the language (`btfkit.bpf.words`): each a few helpers, or an operation."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from btfkit.bpf.ints import ArrayType, char
from btfkit.bpf.records import Record, size_align
from btfkit.bpf.words import KernelType, Word
from btfkit.format.maptype import MapType
from btfkit.frontend.python import expr, ir, kernel, maps, ops, text
from btfkit.frontend.python import types as t
from btfkit.frontend.python.declared import MapDecl
from btfkit.frontend.python.storage import Place, load

if TYPE_CHECKING:
    from btfkit.frontend.python.body import Body

GET_COMM, GET_TASK_BTF = 16, 158
READ = {"read_user": (112, 114), "read_kernel": (113, 115)}
COMM = ArrayType(char, 16)


def call(body: Body, word: Word, node: ast.Call) -> t.Value:
    """The value of a word's call."""
    handler = _WORDS[word.__name__]
    return handler(body, node)


def call_into(body: Body, word: Word, node: ast.Call, place: Place) -> bool:
    """Let the word write into a place. False where it gives no memory."""
    if word.__name__ == "current_comm" and isinstance(place.storage, ArrayType) and place.space != "ctx":
        size = size_align(place.storage)[0]
        body.emit(ir.Eval(ir.HelperCall(ir.I64, GET_COMM, [place.address, ir.Const(ir.U32, size)])))
        return True
    return False


def _count(body: Body, node: ast.Call, count: int) -> list[ast.expr]:
    if len(node.args) != count or node.keywords:
        body.fail(node, f"{ast.unparse(node.func)}() takes {count} argument{'s' * (count != 1)}")
    return node.args


def _helper(number: int, type_: t.IntType, shift: int = 0) -> Callable[[Any, ast.Call], t.Value]:
    """A helper without arguments, of whose result the bits from shift on are wanted."""

    def handler(body: Any, node: ast.Call) -> t.Value:
        _count(body, node, 0)
        value = body.hold(ir.HelperCall(ir.U64, number, []))
        if shift:
            value = ir.Binary(ir.U64, "shr", value, ir.Const(ir.U64, shift))
        return t.Value(type_, ops.cast(value, type_.ir))

    return handler


def _current_comm(body: Body, node: ast.Call) -> t.Value:
    _count(body, node, 0)
    memory = body.memory(16)
    place = Place(COMM, ir.LocalAddr(ir.POINTER, memory), space="own")
    body.emit(ir.Zero(place.base, 16, 8))
    call_into(body, Word("current_comm", ""), node, place)
    return t.Value(t.ArrayRef(COMM, "own"), place.base)


def _current_task(body: Body, node: ast.Call) -> t.Value:
    _count(body, node, 0)
    type_ = body.unit.kernel.pointer(body.unit, "task_struct", body.where(node), trusted=True)
    return t.Value(type_, body.hold(ir.HelperCall(ir.POINTER, GET_TASK_BTF, [])))


def _copy(body: Body, node: ast.Call) -> t.Value:
    (arg,) = _count(body, node, 1)
    value = body.expr(arg)
    if isinstance(value.type, (t.RecordType, t.ArrayRef)):
        storage = value.type.cls if isinstance(value.type, t.RecordType) else value.type.type
        address = maps.value_in_memory(body, storage, value, node, "the copy")
        return t.Value(body.unit.value_type(storage, space="own"), address)
    if value.is_int:
        return value
    body.fail(node, f"{body.describe(value)} cannot be copied")


def _swap(bits: int) -> Callable[[Any, ast.Call], t.Value]:
    def handler(body: Any, node: ast.Call) -> t.Value:
        (arg,) = _count(body, node, 1)
        type_ = t.IntType(bits, False)
        value = body.expr(arg)
        if value.is_const and isinstance(value.const, int):
            little = body.unit.byte_order == "little"
            data = (int(value.const) & ((1 << bits) - 1)).to_bytes(bits // 8, "big")
            return t.Value(
                t.OBJECT, const=t.vocabulary_type((bits, False))(int.from_bytes(data, "little" if little else "big"))
            )
        return t.Value(type_, ir.Swap(type_.ir, ops.convert(body, value, type_, node, "the argument")))

    return handler


def _read(body: Body, node: ast.Call) -> t.Value:
    """``read_user(T, address)``: zeros where it cannot be read."""
    type_node, address_node = _count(body, node, 2)
    name = ast.unparse(node.func).rpartition(".")[2]
    storage = body.constant_of(type_node)
    is_sized = isinstance(storage, ArrayType) or (isinstance(storage, type) and issubclass(storage, (Record, int)))
    if not is_sized:
        body.fail(type_node, "a type is needed, as in char[16] or u64")
    size, align = size_align(storage)
    memory = body.memory(size, align)
    place = Place(storage, ir.LocalAddr(ir.POINTER, memory), space="own")
    body.emit(ir.Zero(place.base, size, 8))
    is_text = isinstance(storage, ArrayType) and storage.elem is char
    source = body.expr(address_node)
    if source.is_int:
        at: ir.Expr = ir.Cast(ir.POINTER, ops.to_type(source, t.U64))
    elif source.expr is not None and source.expr.type == ir.POINTER:
        at = source.expr
    else:
        body.fail(address_node, f"an address is needed, not {body.describe(source)}")
    number = READ[name][int(is_text)]
    body.emit(ir.Eval(ir.HelperCall(ir.I64, number, [place.base, ir.Const(ir.U32, size), at])))
    value = load(body, place)
    value.bound = None
    return value


def _atomic_place(body: Body, node: ast.expr) -> tuple[Place, t.IntType]:
    if isinstance(node, ast.Subscript):
        base = body.expr(node.value)
        if base.is_const and isinstance(base.const, MapDecl):
            value = maps.get_item(body, base, node)
            place = value.bound
        else:
            place = expr.place_of(body, node)
    else:
        place = expr.place_of(body, node)
    assert isinstance(place, Place)
    type_ = body.unit.value_type(place.storage)
    if not isinstance(type_, t.IntType) or type_.bits < 32 or place.bits or place.storage.byte_order != "host":
        body.fail(node, "only places of 32 and 64 bit integers have atomic operations")
    if type_.bits == 32 and body.unit.cpu == "v2":
        body.fail(node, "cpu v2 has this operation for 64 bit integers only", "compile for v3, or make it a u64")
    return place, type_


def _xchg(body: Body, node: ast.Call) -> t.Value:
    place_node, value_node = _count(body, node, 2)
    place, type_ = _atomic_place(body, place_node)
    value = ops.convert(body, body.expr(value_node), type_, node, "the value")
    return t.Value(type_, body.hold(ir.AtomicOp(type_.ir, "xchg", place.address, value)))


def _fetch_add(body: Body, node: ast.Call) -> t.Value:
    place_node, value_node = _count(body, node, 2)
    place, type_ = _atomic_place(body, place_node)
    value = ops.to_type(body.expr(value_node), type_)
    return t.Value(type_, body.hold(ir.AtomicOp(type_.ir, "add", place.address, value)))


def _cmpxchg(body: Body, node: ast.Call) -> t.Value:
    place_node, old_node, new_node = _count(body, node, 3)
    place, type_ = _atomic_place(body, place_node)
    old, new = (ops.convert(body, body.expr(n), type_, n, "the value") for n in (old_node, new_node))
    return t.Value(type_, body.hold(ir.AtomicOp(type_.ir, "cmpxchg", place.address, new, old)))


def _tail_call(body: Body, node: ast.Call) -> t.Value:
    context, programs, index = (body.expr(arg) for arg in _count(body, node, 3))
    if not isinstance(programs.const, MapDecl) or programs.const.spec.type != MapType.PROG_ARRAY:
        body.fail(node, "tail_call(ctx, programs, index): a ProgArray is needed")
    if not isinstance(context.type, t.RecordType) or not context.type.is_context:
        body.fail(node, f"tail_call() takes the context, not {body.describe(context)}")
    at = ops.convert(body, index, t.U32, node, "the index")
    target = maps.target_of(programs)
    result = body.hold(ir.HelperCall(ir.I64, maps.TAIL_CALL, [context.ir, target.address, at]))
    return t.Value(t.I64, result)


def _cast(body: Body, node: ast.Call) -> t.Value:
    type_node, value_node = _count(body, node, 2)
    type_ = body.constant_of(type_node)
    value = body.expr(value_node)
    if isinstance(type_, KernelType):
        return kernel.cast(body, type_, value, node)
    body.fail(type_node, "cast() takes a kernel type", "as in cast(kernel.tcp_sock, sk)")


def _printk(body: Body, node: ast.Call) -> t.Value:
    return text.trace(body, node.args, node)


def _field_exists(body: Body, node: ast.Call) -> t.Value:
    return kernel.field_exists(body, node)


def _type_exists(body: Body, node: ast.Call) -> t.Value:
    return kernel.type_exists(body, node)


_WORDS: dict[str, Callable[[Any, ast.Call], t.Value]] = {
    "copy": _copy,
    "current_task": _current_task,
    "current_comm": _current_comm,
    "current_pid": _helper(14, t.U32),
    "current_tgid": _helper(14, t.U32, 32),
    "current_uid": _helper(15, t.U32),
    "current_gid": _helper(15, t.U32, 32),
    "ktime_ns": _helper(5, t.U64),
    "cpu_id": _helper(8, t.U32),
    "random_u32": _helper(7, t.U32),
    "field_exists": _field_exists,
    "type_exists": _type_exists,
    "cast": _cast,
    "read_user": _read,
    "read_kernel": _read,
    "xchg": _xchg,
    "cmpxchg": _cmpxchg,
    "fetch_add": _fetch_add,
    "tail_call": _tail_call,
    "htons": _swap(16),
    "htonl": _swap(32),
    "ntohs": _swap(16),
    "ntohl": _swap(32),
    "printk": _printk,
}

__all__ = ["call", "call_into"]
