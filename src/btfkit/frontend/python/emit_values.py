"""Expressions: from `ir.Expr` to LLVM's instructions. What they do to control flow is asked of the body they stand in.

In: checked expressions. Out: for each the name of its value, or digits where it is a constant.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable

from btfkit.errors import InternalError
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit_arith import binary, compare, extend, opaque
from btfkit.frontend.python.emit_module import Code, Module, type_of


class Values(ABC):
    """A function's body, as far as its expressions go."""

    module: Module
    code: Code

    @abstractmethod
    def place(self, local: ir.Local) -> str:
        """The address of a local."""

    @abstractmethod
    def statements(self, body: list[ir.Stmt]) -> None: ...

    @abstractmethod
    def raise_number(self, status: str) -> None:
        """A fault of which only the number (an i32) is known goes to its handler, or out."""

    def value(self, node: ir.Expr) -> str:
        """Evaluate; "" where the node has no value."""
        return VALUES[type(node)](self, node)

    def condition(self, node: ir.Expr, yes: str, no: str) -> None:
        """Evaluate a boolean, and go to one of two labels."""
        match node:
            case ir.Not():
                self.condition(node.a, no, yes)
            case ir.Both() | ir.Either():
                middle = self.code.label()
                if isinstance(node, ir.Both):
                    self.condition(node.a, middle, no)
                else:
                    self.condition(node.a, yes, middle)
                self.code.start(middle)
                self.condition(node.b, yes, no)
            case _:
                self.code.fork(self.value(node), yes, no)

    def address(self, base: ir.Expr, off: int) -> str:
        """base + off bytes."""
        value = self.value(base)
        return self.code.let(f"getelementptr i8, ptr {value}, i64 {off}") if off else value

    def field(self, base: ir.Expr, off: int, static: bool) -> str:
        """The address of a load or store; a static one stays base and offset in one instruction."""
        if not static:
            return self.address(base, off)
        self.module.declare("llvm.preserve.static.offset", "ptr", ["ptr"])
        kept = self.code.let(f"call ptr @llvm.preserve.static.offset(ptr {self.value(base)})")
        return self.code.let(f"getelementptr inbounds i8, ptr {kept}, i64 {off}") if off else kept

    def swapped(self, type_: ir.Type, value: str) -> str:
        """The bytes in reverse."""
        if not isinstance(type_, ir.Int) or type_.bits == 8:
            return value
        name = f"llvm.bswap.i{type_.bits}"
        self.module.declare(name, f"i{type_.bits}", [f"i{type_.bits}"])
        return self.code.let(f"call i{type_.bits} @{name}(i{type_.bits} {value})")

    def network(self, type_: ir.Type, value: str) -> str:
        """Between the target's order and the network's."""
        return self.swapped(type_, value) if self.module.byte_order == "little" else value

    def _const(self, node: ir.Const) -> str:
        if isinstance(node.type, ir.Bool):
            return "true" if node.value else "false"
        if isinstance(node.type, ir.Pointer):
            return f"inttoptr (i64 {node.value} to ptr)" if node.value else "null"
        return str(int(node.value))

    def _get(self, node: ir.Get) -> str:
        return self.code.let(f"load {type_of(node.local.type)}, ptr {self.place(node.local)}")

    def _local_addr(self, node: ir.LocalAddr) -> str:
        return self.place(node.local)

    def _symbol_addr(self, node: ir.SymbolAddr) -> str:
        return self.module.symbol(node.symbol.name)

    def _function_addr(self, node: ir.FunctionAddr) -> str:
        return self.module.symbol(node.function.symbol)

    def _text(self, node: ir.Text) -> str:
        return self.module.text(node.data)

    def _offset(self, node: ir.Offset) -> str:
        return self.address(node.base, node.off)

    def _index(self, node: ir.Index) -> str:
        base = self.value(node.base)
        if isinstance(node.index, ir.Const):
            return self.code.let(f"getelementptr i8, ptr {base}, i64 {node.index.value * node.scale}")
        if not isinstance(node.index.type, ir.Int):
            raise InternalError(f"an index of {node.index.type}")
        index = extend(self.code, ir.Int(node.index.type.bits, False), self.value(node.index), 64)
        return self.code.let(f"getelementptr [{node.scale} x i8], ptr {base}, i64 {index}")

    def _opaque(self, node: ir.Opaque) -> str:
        return opaque(self.code, "i64", self.value(node.a))

    def _non_null(self, node: ir.NonNull) -> str:
        value = self.value(node.a)
        self.module.declare("llvm.assume", "void", ["i1"])
        self.code.put(f'call void @llvm.assume(i1 true) [ "nonnull"(ptr {value}) ]')
        return value

    def _relocated(self, node: ir.Relocated) -> str:
        base = self.value(node.base)
        return self.code.let(f"getelementptr i8, ptr {base}, i64 {self._marker(node.name)}")

    def _relocated_value(self, node: ir.RelocatedValue) -> str:
        return self._marker(node.name)

    def _marker(self, name: str) -> str:
        """What a relocation puts there; nothing is added to it before it is in a register."""
        return opaque(self.code, "i64", f"ptrtoint (ptr {self.module.symbol(name)} to i64)")

    def _load(self, node: ir.Load) -> str:
        address = self.field(node.base, node.off, node.static)
        is_bool = isinstance(node.type, ir.Bool)
        type_ = "i8" if is_bool else type_of(node.type)
        volatile = "volatile " if node.volatile else ""
        value = self.code.let(f"load {volatile}{type_}, ptr {address}, align {node.align}")
        if node.static and node.volatile:  # else the code generator joins it with an equal load of other memory
            self.code.put('call void asm sideeffect "", ""()')
        if is_bool:
            return self.code.let(f"icmp ne i8 {value}, 0")
        return self.network(node.type, value) if node.swap else value

    def _binary(self, node: ir.Binary) -> str:
        return binary(self.code, node.op, node.type, self.value(node.a), self.value(node.b))

    def _compare(self, node: ir.Compare) -> str:
        return compare(self.code, node.op, node.a.type, self.value(node.a), self.value(node.b))

    def _not(self, node: ir.Not) -> str:
        return self.code.let(f"xor i1 {self.value(node.a)}, true")

    def _both(self, node: ir.Both) -> str:
        return self._joined(node.a, lambda: self.value(node.b), lambda: "false", "i1")

    def _either(self, node: ir.Either) -> str:
        return self._joined(node.a, lambda: "true", lambda: self.value(node.b), "i1")

    def _choose(self, node: ir.Choose) -> str:
        then, other, type_ = node.then, node.other, type_of(node.type)
        if isinstance(then, ir.Const | ir.Get) and isinstance(other, ir.Const | ir.Get):
            cond = self.value(node.cond)
            return self.code.let(f"select i1 {cond}, {type_} {self.value(then)}, {type_} {self.value(other)}")
        return self._joined(node.cond, lambda: self.value(then), lambda: self.value(other), type_)

    def _joined(self, cond: ir.Expr, then: Callable[[], str], other: Callable[[], str], type_: str) -> str:
        """One of two values, each evaluated where it is wanted."""
        code = self.code
        yes, no, end = code.label(), code.label(), code.label()
        self.condition(cond, yes, no)
        arms = []
        for label, evaluate in ((yes, then), (no, other)):
            code.start(label)
            value = evaluate()
            if not code.is_open:
                code.start(code.label())
            arms.append(f"[ {value}, %{code.block} ]")
            code.jump(end)
        code.start(end)
        return code.let(f"phi {type_} {', '.join(arms)}")

    def _cast(self, node: ir.Cast) -> str:
        value, source = self.value(node.a), node.a.type
        match node.type:
            case ir.Bool():
                if isinstance(source, ir.Bool):
                    return value
                zero = "null" if isinstance(source, ir.Pointer) else "0"
                return self.code.let(f"icmp ne {type_of(source)} {value}, {zero}")
            case ir.Pointer():
                if isinstance(source, ir.Pointer):
                    return value
                return self.code.let(f"inttoptr i64 {extend(self.code, source, value, 64)} to ptr")
            case ir.Int(bits=bits):
                if isinstance(source, ir.Pointer):
                    value, source = self.code.let(f"ptrtoint ptr {value} to i64"), ir.U64
                return extend(self.code, source, value, bits)
        raise InternalError(f"a cast to {node.type}")

    def _swap(self, node: ir.Swap) -> str:
        value = self.value(node.a)
        return self.swapped(node.type, value) if node.always else self.network(node.type, value)

    def _call(self, node: ir.Call) -> str:
        function = node.function
        args = [f"{type_of(arg.type)} {self.value(arg)}" for arg in node.args]
        name, result = self.module.symbol(function.symbol), type_of(function.result)
        if not function.raises:
            text = f"call {result} {name}({', '.join(args)})"
            return self.code.let(text) if result != "void" else self._without_value(text)
        out = ""
        if result != "void":
            out = self.code.slot(result)
            zero = "null" if result == "ptr" else "0" if result != "i1" else "false"
            self.code.put(f"store {result} {zero}, ptr {out}")
            args.insert(0, f"ptr {out}")
        status = self.code.let(f"call i32 {name}({', '.join(args)})")
        bad, good = self.code.label(), self.code.label()
        self.code.fork(self.code.let(f"icmp ne i32 {status}, 0"), bad, good)
        self.code.start(bad)
        self.raise_number(status)
        self.code.start(good)
        return self.code.let(f"load {result}, ptr {out}") if out else ""

    def _without_value(self, text: str) -> str:
        self.code.put(text)
        return ""

    def helper(self, number: int, result: str, args: list[str]) -> str:
        """Call a helper: "" where result is void."""
        text = f"call {result} inttoptr (i64 {number} to ptr)({', '.join(args)})"
        return self.code.let(text) if result != "void" else self._without_value(text)

    def _helper_call(self, node: ir.HelperCall) -> str:
        args = []
        for arg in node.args:
            value = self.value(arg)
            is_pointer = isinstance(arg.type, ir.Pointer)
            args.append(f"ptr {value}" if is_pointer else f"i64 {extend(self.code, arg.type, value, 64)}")
        if isinstance(node.type, ir.Pointer | ir.Nothing):
            return self.helper(node.number, type_of(node.type), args)
        result = self.helper(node.number, "i64", args)
        if isinstance(node.type, ir.Bool):
            return self.code.let(f"icmp ne i64 {result}, 0")
        return extend(self.code, ir.U64, result, node.type.bits)

    def _extern_call(self, node: ir.ExternCall) -> str:
        types = [_declared(arg.type) for arg in node.args]
        values = [self.value(arg) for arg in node.args]
        result = "i8" if isinstance(node.type, ir.Bool) else type_of(node.type)
        name = self.module.declare(node.symbol, result, types)
        text = f"call {result} {name}({', '.join(f'{t} {v}' for t, v in zip(types, values, strict=True))})"
        if result == "void":
            return self._without_value(text)
        value = self.code.let(text)
        return self.code.let(f"icmp ne i8 {value}, 0") if isinstance(node.type, ir.Bool) else value

    def _atomic_op(self, node: ir.AtomicOp) -> str:
        return self.atomic(node, is_used=not isinstance(node.type, ir.Nothing))

    def atomic(self, node: ir.AtomicOp, is_used: bool) -> str:
        """One instruction; where its value is not used, one that does not fetch."""
        address, value, type_ = self.value(node.address), self.value(node.value), node.value.type
        if not isinstance(type_, ir.Int):
            raise InternalError(f"an atomic operation on {type_}")
        t, align = f"i{type_.bits}", type_.bits // 8
        if node.expected is not None:
            pair = f"ptr {address}, {t} {self.value(node.expected)}, {t} {value} seq_cst seq_cst, align {align}"
            return self.code.let(f"extractvalue {{ {t}, i1 }} {self.code.let(f'cmpxchg {pair}')}, 0")
        if node.op in ("add", "or", "xor") and value == "0" and not is_used:
            return ""  # LLVM makes `or` of it, which kernels before 5.12 do not know
        order = "seq_cst" if is_used or node.op == "xchg" else "monotonic"
        return self.code.let(f"atomicrmw {node.op} ptr {address}, {t} {value} {order}, align {align}")

    def _do(self, node: ir.Do) -> str:
        self.statements(node.body)
        return self.value(node.value)


def _declared(type_: ir.Type) -> str:
    """As a parameter of a kfunc: narrow values fill their register."""
    name = type_of(type_)
    if isinstance(type_, ir.Int) and type_.bits < 64:
        return f"{name} {'signext' if type_.signed else 'zeroext'}"
    return f"{name} zeroext" if isinstance(type_, ir.Bool) else name


VALUES: dict[type[ir.Expr], Callable[..., str]] = {
    ir.Const: Values._const,
    ir.Get: Values._get,
    ir.LocalAddr: Values._local_addr,
    ir.SymbolAddr: Values._symbol_addr,
    ir.FunctionAddr: Values._function_addr,
    ir.Text: Values._text,
    ir.Offset: Values._offset,
    ir.Index: Values._index,
    ir.Opaque: Values._opaque,
    ir.NonNull: Values._non_null,
    ir.Relocated: Values._relocated,
    ir.RelocatedValue: Values._relocated_value,
    ir.Load: Values._load,
    ir.Binary: Values._binary,
    ir.Compare: Values._compare,
    ir.Not: Values._not,
    ir.Both: Values._both,
    ir.Either: Values._either,
    ir.Choose: Values._choose,
    ir.Cast: Values._cast,
    ir.Swap: Values._swap,
    ir.Call: Values._call,
    ir.HelperCall: Values._helper_call,
    ir.ExternCall: Values._extern_call,
    ir.AtomicOp: Values._atomic_op,
    ir.Do: Values._do,
}
"""How each kind of expression is evaluated."""
