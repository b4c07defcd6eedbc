"""The program between checking and emission: typed, explicit, without sugar.

Every rule of the language has been applied: conversions are `Cast`, checks are `If` with `Raise`. Values are integers
of 8 to 64 bits, booleans and pointers. An expression of a record or array is its address.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from btfkit.frontend.python.ir_types import (
    BOOL,
    I8,
    I16,
    I32,
    I64,
    NOTHING,
    POINTER,
    U8,
    U16,
    U32,
    U64,
    Bool,
    Fault,
    Int,
    Local,
    Nothing,
    Pointer,
    Symbol,
    Type,
)  # fmt: skip
from btfkit.frontend.span import NOWHERE, Span


@dataclass(eq=False, slots=True)
class Function:
    """A function.

    params:   in order; the first of a program is its context
    result:   what it returns; NOTHING for none
    section:  of a program, else ".text"
    default:  of a program: what it returns where it ends by a fault, or by running off its end
    raises:   a fault may leave it: the emitter then returns a status, and the value through a pointer
    is_global: its symbol is (programs); others are local
    noinline: it stays a function of its own (nested, with static variables, a callback)
    inline:   it does not, unless noinline says so (kernels before 6.9 let nothing be called while a lock is held)
    is_callback: called by the kernel (timers, user callbacks): faults end it with ``default``
    """

    symbol: str
    params: list[Local]
    result: Type
    span: Span
    section: str = ".text"
    default: int = 0
    raises: bool = False
    is_global: bool = False
    noinline: bool = False
    is_callback: bool = False
    body: list[Stmt] = field(default_factory=list)
    declared: Any = None
    inline: bool = False

    @property
    def is_program(self) -> bool:
        return self.is_global


@dataclass(eq=False, slots=True)
class Expr:
    type: Type


@dataclass(eq=False, slots=True)
class Const(Expr):
    """An integer (in the range of its type), a boolean, or for POINTER an address (0: null)."""

    value: int


@dataclass(eq=False, slots=True)
class Get(Expr):
    """The value of a local that is not memory."""

    local: Local


@dataclass(eq=False, slots=True)
class LocalAddr(Expr):
    """The address of a local's memory."""

    local: Local


@dataclass(eq=False, slots=True)
class SymbolAddr(Expr):
    symbol: Symbol


@dataclass(eq=False, slots=True)
class FunctionAddr(Expr):
    """Of a callback."""

    function: Function


@dataclass(eq=False, slots=True)
class Text(Expr):
    """The address of constant bytes (a NUL is not added)."""

    data: bytes


@dataclass(eq=False, slots=True)
class Offset(Expr):
    """base + off bytes."""

    base: Expr
    off: int


@dataclass(eq=False, slots=True)
class Index(Expr):
    """base + index * scale bytes; the index is an unsigned value, checked already."""

    base: Expr
    index: Expr
    scale: int


@dataclass(eq=False, slots=True)
class Opaque(Expr):
    """The same integer of 64 bits, in a register of which LLVM knows nothing: what the verifier is to see tested."""

    a: Expr


@dataclass(eq=False, slots=True)
class NonNull(Expr):
    """A pointer that is known not to be null."""

    a: Expr


@dataclass(eq=False, slots=True)
class Relocated(Expr):
    """base plus an offset that the loader knows: the undefined symbol `name` stands for it."""

    base: Expr
    name: str


@dataclass(eq=False, slots=True)
class RelocatedValue(Expr):
    """An integer that the loader knows (of type I64 or U64): the undefined symbol `name` stands for it."""

    name: str


@dataclass(eq=False, slots=True)
class Load(Expr):
    """A value from memory: Int, Bool or Pointer by the node's type.

    swap:   it lies there in network order
    static: address is base + constant off, and must stay so (contexts, sockets): off bytes from base
    align:  bytes, as known
    """

    base: Expr
    off: int = 0
    align: int = 1
    swap: bool = False
    static: bool = False
    volatile: bool = False


@dataclass(eq=False, slots=True)
class Binary(Expr):
    """op on two operands of the node's type, wrapped to it.

    add sub mul and or xor; floordiv, mod (floor; the divisor is not 0); shl, shr (by b, of any value: all is shifted
    out from the width on); udiv-like operations follow from the type's sign.
    """

    op: str
    a: Expr
    b: Expr


@dataclass(eq=False, slots=True)
class Compare(Expr):
    """eq ne lt le gt ge of two operands of one type (Int, Bool, Pointer), by that type's sign; BOOL."""

    op: str
    a: Expr
    b: Expr


@dataclass(eq=False, slots=True)
class Not(Expr):
    a: Expr


@dataclass(eq=False, slots=True)
class Both(Expr):
    """a and b of booleans; b is evaluated only where a is True."""

    a: Expr
    b: Expr


@dataclass(eq=False, slots=True)
class Either(Expr):
    """a or b of booleans; b is evaluated only where a is False."""

    a: Expr
    b: Expr


@dataclass(eq=False, slots=True)
class Choose(Expr):
    """then if cond else other; only one is evaluated. All types but NOTHING."""

    cond: Expr
    then: Expr
    other: Expr


@dataclass(eq=False, slots=True)
class Cast(Expr):
    """To the node's type: Int to Int extends by the operand's sign, or wraps; Bool to Int is 0 or 1; Int or Pointer to
    Bool is "not zero"; Int to Pointer and Pointer to Int keep the bits."""

    a: Expr


@dataclass(eq=False, slots=True)
class Swap(Expr):
    """Bytes in reverse where the target's order is little (hton, ntoh); of a 16, 32 or 64 bit Int."""

    a: Expr
    always: bool = False


@dataclass(eq=False, slots=True)
class Call(Expr):
    """A function of this program. Its fault, if it raises, goes on here."""

    function: Function
    args: list[Expr]


@dataclass(eq=False, slots=True)
class HelperCall(Expr):
    """A helper by number; args are values of 64 bits or less (Int args are extended by their sign)."""

    number: int
    args: list[Expr]


@dataclass(eq=False, slots=True)
class ExternCall(Expr):
    """A kfunc, by its symbol; params and result as the kernel declares them."""

    symbol: str
    args: list[Expr]


@dataclass(eq=False, slots=True)
class AtomicOp(Expr):
    """op (add and or xor xchg) of a 32 or 64 bit value on memory, in one go; the node's value is what was there before.

    A node whose type is NOTHING gives no value. cmpxchg: `expected` is compared.
    """

    op: str
    address: Expr
    value: Expr
    expected: Expr | None = None


@dataclass(eq=False, slots=True)
class Do(Expr):
    """Statements, then a value."""

    body: list[Stmt]
    value: Expr


@dataclass(eq=False, slots=True)
class Stmt:
    span: Span = field(default=NOWHERE, kw_only=True)


@dataclass(eq=False, slots=True)
class Set(Stmt):
    """A local that is not memory takes a value of its type."""

    local: Local
    value: Expr


@dataclass(eq=False, slots=True)
class Store(Stmt):
    """A value into memory; the fields as in `Load`."""

    base: Expr
    value: Expr
    off: int = 0
    align: int = 1
    swap: bool = False
    static: bool = False
    volatile: bool = False


@dataclass(eq=False, slots=True)
class Copy(Stmt):
    """size bytes; both addresses have that alignment."""

    to: Expr
    source: Expr
    size: int
    align: int = 1


@dataclass(eq=False, slots=True)
class Zero(Stmt):
    to: Expr
    size: int
    align: int = 1


@dataclass(eq=False, slots=True)
class Eval(Stmt):
    value: Expr


@dataclass(eq=False, slots=True)
class Barrier(Stmt):
    """The branch that it stands in stays one: its test is not made a value."""


@dataclass(eq=False, slots=True)
class If(Stmt):
    cond: Expr
    then: list[Stmt]
    other: list[Stmt] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class While(Stmt):
    """Before each round cond is evaluated; `Continue` goes to step. A plain loop: the verifier must see its end."""

    cond: Expr
    body: list[Stmt]
    step: list[Stmt] = field(default_factory=list)


@dataclass(eq=False, slots=True)
class Repeat(Stmt):
    """body up to count times (an U32), by the helper bpf_loop: the body becomes a function of its own.

    index: takes the number of the round (an U32 local), or None.
    """

    count: Expr
    index: Local | None
    body: list[Stmt]


@dataclass(eq=False, slots=True)
class ForEach(Stmt):
    """body for each element of a map, by the helper bpf_for_each_map_elem; key and value take addresses."""

    map: Symbol
    key: Local | None
    value: Local | None
    body: list[Stmt]


@dataclass(eq=False, slots=True)
class Drain(Stmt):
    """body for each record that user space has put into a ring buffer; record takes the address of its dynptr."""

    map: Symbol
    record: Local
    body: list[Stmt]


@dataclass(eq=False, slots=True)
class Break(Stmt):
    """Out of the innermost While, Repeat, ForEach or Drain."""


@dataclass(eq=False, slots=True)
class Continue(Stmt):
    """To the next round."""


@dataclass(eq=False, slots=True)
class Return(Stmt):
    value: Expr | None = None


@dataclass(eq=False, slots=True)
class Raise(Stmt):
    """To the handler of the innermost Try that takes the fault, or out of the function."""

    fault: Fault | Expr = Fault.RUNTIME


@dataclass(eq=False, slots=True)
class Try(Stmt):
    """handlers: (faults that it takes, empty for all; statements), the first that fits.

    caught: takes the number of the fault when a handler begins (an I32 local), to be raised again.
    """

    body: list[Stmt]
    handlers: list[tuple[frozenset[Fault], list[Stmt]]]
    orelse: list[Stmt] = field(default_factory=list)
    caught: Local | None = None


@dataclass(slots=True)
class Program:
    """All of an object's functions, callees before callers where that is possible.

    callbacks: written by the emitter: the functions that it made of loops' bodies: (symbol, "loop" or "each")
    """

    functions: list[Function]
    file_name: str
    callbacks: list[tuple[str, str]] = field(default_factory=list)


__all__ = [
    "AtomicOp", "Barrier", "BOOL", "Binary", "Bool", "Both", "Break", "Call", "Cast", "Choose", "Compare", "Const",
    "Continue", "Copy", "Do", "Drain", "Either", "Eval", "Expr", "ExternCall", "Fault", "ForEach", "Function",
    "FunctionAddr", "Get", "HelperCall", "I16", "I32", "I64", "I8", "If", "Index", "Int", "Load", "Local",
    "LocalAddr", "NOTHING", "NonNull", "Not", "Nothing", "Offset", "Opaque", "POINTER", "Pointer", "Program",
    "Raise", "Relocated", "RelocatedValue", "Repeat", "Return", "Set", "Stmt", "Store", "Swap", "Symbol",
    "SymbolAddr", "Text", "Try", "Type", "U16", "U32", "U64", "U8", "While", "Zero",
]  # fmt: skip
