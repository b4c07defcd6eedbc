"""Functions and statements: from `ir.Program` to the text of LLVM's module.

In: a checked program. Out: LLVM IR text; and in `ir.Program.callbacks` what functions were made of loops' bodies.
Locals are stack slots that LLVM turns into registers. A function that raises returns a status (0, or the number of the
fault), and its value through a pointer. The body of a `Repeat` or `ForEach` becomes a callback: see `Body.outline`.
"""

from __future__ import annotations

from collections.abc import Callable

from btfkit.errors import InternalError
from btfkit.frontend.python import ir
from btfkit.frontend.python.emit_arith import compare, extend
from btfkit.frontend.python.emit_frame import layout
from btfkit.frontend.python.emit_memory import copy, zero
from btfkit.frontend.python.emit_module import ALWAYSINLINE, COMMON, NOINLINE, ByteOrder, Code, Module, quoted, type_of
from btfkit.frontend.python.emit_values import Values
from btfkit.frontend.span import Span

FOR_EACH_MAP_ELEM, LOOP, USER_RINGBUF_DRAIN = 164, 181, 209
MAX_PARAMS = 5
RETURNED = -1
"""In the place of a fault's number: a loop's body has returned from the whole function."""


def emit(program: ir.Program, *, byte_order: ByteOrder = "little", source_dir: str = "") -> str:
    """The module's text. source_dir: where the program's file lies, for line information."""
    module = Module(program, byte_order, source_dir)
    program.callbacks = []
    for function in program.functions:
        whole = Whole(module, function)
        whole.emit()
        program.callbacks += whole.callbacks
    return module.render()


class Whole:
    """One function of the program, with the callbacks that are made of its loops."""

    def __init__(self, module: Module, function: ir.Function) -> None:
        self.module = module
        self.function = function
        self.bodies: list[Body] = []
        self.callbacks: list[tuple[str, str]] = []
        self.names: dict[ir.Local, str] = {}
        self.left = ir.Local("left", ir.I32)
        self.result = ir.Local("result", function.result)

    def emit(self) -> None:
        function = self.function
        root = Body(self, function.symbol, function.span, function.body)
        root.statements(function.body)
        if root.code.is_open:
            root.end()
        for param in function.params:
            if param in self.names:
                root.place(param)
        offsets, size = layout([(body.source, body.places, body.given) for body in self.bodies])
        for local in offsets:
            root.place(local)
        for body in self.bodies:
            self._render(body, offsets, size)

    def _render(self, body: Body, offsets: dict[ir.Local, int], frame_size: int) -> None:
        is_root = body is self.bodies[0]
        slots, start = [], []
        if is_root and len(self.bodies) > 1:
            slots.append(
                f"  %frame = alloca [{frame_size} x i8], align 8" if frame_size else "  %frame = inttoptr i64 0 to ptr"
            )
        for local, name in body.places.items():
            type_ = type_of(local.type)
            if local in offsets:
                slots.append(f"  {name} = getelementptr i8, ptr %frame, i64 {offsets[local]}")
            elif local.is_memory:
                slots.append(f"  {name} = alloca [{local.size} x i8], align {min(local.align, 8)}")
            else:
                slots.append(f"  {name} = alloca {type_}")
            if local.is_memory or (local in offsets and not is_root):
                continue
            if is_root and local in self.function.params:
                start.append(f"  store {type_} %p{self.function.params.index(local)}, ptr {name}")
            elif not local.is_temp or local in offsets:
                start.append(f"  store {type_} {ZERO.get(type_, '0')}, ptr {name}")
        head = self._head() if is_root else body.head
        lines = ["entry:", *slots, *body.code.slots, *start, *body.code.lines]
        self.module.functions.append("\n".join([f"{head} !dbg !{body.code.scope} {{", *lines, "}"]))

    def _head(self) -> str:
        function = self.function
        params = [f"{type_of(param.type)} %p{number}" for number, param in enumerate(function.params)]
        if function.raises and function.result != ir.NOTHING:
            params.insert(0, "ptr %out")
        name = f"@{quoted(function.symbol)}"
        attributes = ALWAYSINLINE if function.inline or len(params) > MAX_PARAMS else COMMON
        if function.noinline:
            attributes = NOINLINE
            self.module.used.append(name)
        linkage = "" if function.is_global else "internal "
        section = "" if function.section == ".text" else f" section {quoted(function.section)}"
        return f"define {linkage}{self.returned} {name}({', '.join(params)}) #{attributes}{section}"

    @property
    def ends_by_default(self) -> bool:
        """The kernel calls it: it has nobody to raise to."""
        return self.function.is_program or self.function.is_callback

    @property
    def returned(self) -> str:
        """What LLVM's function returns."""
        if self.function.raises and not self.ends_by_default:
            return "i32"
        if not self.ends_by_default:
            return type_of(self.function.result)
        result = self.function.result
        is_wide = self.function.is_callback or not isinstance(result, ir.Int) or result.bits == 64
        return "i64" if is_wide else "i32"


ZERO = {"ptr": "null", "i1": "false"}


class Body(Values):
    """Statements that become one function of LLVM's: a function's own, or those of a loop that is outlined from it."""

    def __init__(self, whole: Whole, name: str, span: Span, source: list[ir.Stmt]) -> None:
        self.whole = whole
        self.module = whole.module
        self.source = source
        self.code = Code(self.module.subprogram(name, span), self.module)
        self.code.at(span)
        self.is_root = not whole.bodies
        self.places: dict[ir.Local, str] = {}
        self.given: frozenset[ir.Local] = frozenset()
        self.head = ""
        self.loops: list[tuple[str, str]] = []
        self.handlers: list[tuple[list[tuple[frozenset[ir.Fault], str]], ir.Local | None]] = []
        self.returns = self.raises = False
        whole.bodies.append(self)

    def place(self, local: ir.Local) -> str:
        name = self.places.get(local)
        if name is None:
            name = self.places[local] = self.whole.names.setdefault(local, f"%l{len(self.whole.names)}")
        return name

    def set(self, local: ir.Local, value: str) -> None:
        self.code.put(f"store {type_of(local.type)} {value}, ptr {self.place(local)}")

    def statements(self, body: list[ir.Stmt]) -> None:
        for stmt in body:
            if not self.code.is_open:
                break
            self.code.at(stmt.span)
            STATEMENTS[type(stmt)](self, stmt)

    # -- ways out
    def end(self) -> None:
        """Off the end of the statements."""
        if not self.is_root:
            self.code.end("ret i64 0")
        else:
            self.leave("")

    def leave(self, value: str) -> None:
        """Return from the whole function; "" is no value."""
        whole, function = self.whole, self.whole.function
        if not self.is_root:
            self.returns = True
            if value:
                self.set(whole.result, value)
            self._stop(RETURNED)
        elif whole.ends_by_default:
            if value:
                value = extend(self.code, function.result, value, int(whole.returned[1:]))
            self.code.end(f"ret {whole.returned} {value or function.default}")
        elif function.raises:
            if value:
                self.code.put(f"store {type_of(function.result)} {value}, ptr %out")
            self.code.end("ret i32 0")
        elif function.result == ir.NOTHING:
            self.code.end("ret void")
        else:
            self.code.end(f"ret {whole.returned} {value or ZERO.get(whole.returned, '0')}")

    def raise_fault(self, fault: ir.Fault) -> None:
        for handlers, caught in reversed(self.handlers):
            for faults, label in handlers:
                if not faults or fault in faults:
                    if caught:
                        self.set(caught, str(int(fault)))
                    self.code.jump(label)
                    return
        self._raise_out(str(int(fault)))

    def raise_number(self, status: str) -> None:
        for handlers, caught in reversed(self.handlers):
            if caught:
                self.set(caught, status)
            for faults, label in handlers:
                if not faults:
                    self.code.jump(label)
                    return
                for fault in sorted(faults):
                    other = self.code.label()
                    self.code.fork(compare(self.code, "eq", ir.I32, status, str(int(fault))), label, other)
                    self.code.start(other)
        self._raise_out(status)

    def _raise_out(self, status: str) -> None:
        if not self.is_root:
            self.raises = True
            self._stop(status)
        elif self.whole.function.raises and not self.whole.ends_by_default:
            self.code.end(f"ret i32 {status}")
        else:
            self.leave("")

    def _stop(self, why: int | str) -> None:
        self.set(self.whole.left, str(why))
        self.code.end("ret i64 1")

    # -- statements
    def _set(self, stmt: ir.Set) -> None:
        self.set(stmt.local, self.value(stmt.value))

    def _store(self, stmt: ir.Store) -> None:
        value, type_ = self.value(stmt.value), stmt.value.type
        if isinstance(type_, ir.Bool):
            value, type_ = extend(self.code, type_, value, 8), ir.U8
        if stmt.swap:
            value = self.network(type_, value)
        address = self.field(stmt.base, stmt.off, stmt.static)
        volatile = "volatile " if stmt.volatile else ""
        self.code.put(f"store {volatile}{type_of(type_)} {value}, ptr {address}, align {stmt.align}")
        if stmt.static and not stmt.off:  # else joined with a store to other memory
            self.code.put('call void asm sideeffect "", ""()')

    def _copy(self, stmt: ir.Copy) -> None:
        copy(self.code, self.value(stmt.to), self.value(stmt.source), stmt.size, stmt.align)

    def _zero(self, stmt: ir.Zero) -> None:
        zero(self.code, self.value(stmt.to), stmt.size, stmt.align)

    def _barrier(self, _: ir.Barrier) -> None:
        self.code.put('call void asm sideeffect "", ""()')

    def _eval(self, stmt: ir.Eval) -> None:
        if isinstance(stmt.value, ir.AtomicOp):
            self.atomic(stmt.value, is_used=False)
        else:
            self.value(stmt.value)

    def _if(self, stmt: ir.If) -> None:
        code = self.code
        yes, end = code.label(), code.label()
        no = code.label() if stmt.other else end
        self.condition(stmt.cond, yes, no)
        code.start(yes)
        self.statements(stmt.then)
        if stmt.other:
            if code.is_open:
                code.jump(end)
            code.start(no)
            self.statements(stmt.other)
        code.start(end)

    def _while(self, stmt: ir.While) -> None:
        code = self.code
        head, body, step, end = (code.label() for _ in range(4))
        code.start(head)
        self.condition(stmt.cond, body, end)
        code.start(body)
        self.loops.append((end, step))
        self.statements(stmt.body)
        self.loops.pop()
        code.start(step)
        self.statements(stmt.step)
        if code.is_open:
            code.jump(head)
        code.start(end)

    def _break(self, stmt: ir.Break) -> None:
        self._out_of_loop(0, "ret i64 1")

    def _continue(self, stmt: ir.Continue) -> None:
        self._out_of_loop(1, "ret i64 0")

    def _out_of_loop(self, which: int, in_callback: str) -> None:
        if self.loops:
            self.code.jump(self.loops[-1][which])
        elif self.is_root:
            raise InternalError("break or continue outside a loop")
        else:
            self.code.end(in_callback)

    def _return(self, stmt: ir.Return) -> None:
        self.leave(self.value(stmt.value) if stmt.value else "")

    def _raise(self, stmt: ir.Raise) -> None:
        if isinstance(stmt.fault, ir.Expr):
            self.raise_number(extend(self.code, stmt.fault.type, self.value(stmt.fault), 32))
        else:
            self.raise_fault(stmt.fault)

    def _try(self, stmt: ir.Try) -> None:
        code = self.code
        labels, end = [code.label() for _ in stmt.handlers], code.label()
        fitting = [(faults, label) for (faults, _), label in zip(stmt.handlers, labels, strict=True)]
        self.handlers.append((fitting, stmt.caught))
        self.statements(stmt.body)
        self.handlers.pop()
        self.statements(stmt.orelse)
        for label, (_, handler) in zip(labels, stmt.handlers, strict=True):
            if code.is_open:
                code.jump(end)
            code.start(label)
            self.statements(handler)
        code.start(end)

    # -- loops by helpers
    def _repeat(self, stmt: ir.Repeat) -> None:
        count = extend(self.code, ir.U32, self.value(stmt.count), 64)
        callback, body = self.outline("loop", stmt, ["i64 %index"])
        if stmt.index:
            bits = stmt.index.type.bits if isinstance(stmt.index.type, ir.Int) else 64
            body.set(stmt.index, extend(body.code, ir.U64, "%index", bits))
            body.given = frozenset({stmt.index})
        body.fill()
        self.helper(LOOP, "i64", [f"i64 {count}", f"ptr {callback}", "ptr %frame", "i64 0"])
        self._after(body)

    def _for_each(self, stmt: ir.ForEach) -> None:
        callback, body = self.outline("each", stmt, ["ptr %map", "ptr %key", "ptr %value"])
        for local, name in ((stmt.key, "%key"), (stmt.value, "%value")):
            if local:
                body.set(local, name)
                body.given |= {local}
        body.fill()
        self.helper(
            FOR_EACH_MAP_ELEM,
            "i64",
            [f"ptr {self.module.symbol(stmt.map.name)}", f"ptr {callback}", "ptr %frame", "i64 0"],
        )
        self._after(body)

    def _drain(self, stmt: ir.Drain) -> None:
        callback, body = self.outline("drain", stmt, ["ptr %record"])
        body.set(stmt.record, "%record")
        body.given = frozenset({stmt.record})
        body.fill()
        buffer = self.module.symbol(stmt.map.name)
        self.helper(USER_RINGBUF_DRAIN, "i64", [f"ptr {buffer}", f"ptr {callback}", "ptr %frame", "i64 0"])
        self._after(body)

    def outline(self, kind: str, stmt: ir.Repeat | ir.ForEach | ir.Drain, params: list[str]) -> tuple[str, Body]:
        """A callback for the loop's body; what it shares with the others lies in the frame, its last parameter.

        It returns 0 to go on and 1 to end the loop; then `Whole.left` says whether and how to leave what is around it.
        """
        whole = self.whole
        name = f"{whole.function.symbol}.loop.{len(whole.bodies)}"
        whole.callbacks.append((name, kind))
        body = Body(whole, name, stmt.span if stmt.span.line else whole.function.span, stmt.body)
        body.head = f"define internal i64 @{quoted(name)}({', '.join([*params, 'ptr %frame'])}) #{NOINLINE}"
        return f"@{quoted(name)}", body

    def fill(self) -> None:
        """The statements of a callback."""
        self.statements(self.source)
        if self.code.is_open:
            self.end()

    def _after(self, body: Body) -> None:
        """Where a loop's body has left more than the loop, go on with that."""
        if not (body.returns or body.raises):
            return
        code, whole = self.code, self.whole
        status = code.let(f"load i32, ptr {self.place(whole.left)}")
        left, on = code.label(), code.label()
        code.fork(code.let(f"icmp ne i32 {status}, 0"), left, on)
        code.start(left)
        self.set(whole.left, "0")
        if body.returns and body.raises:
            returned, raised = code.label(), code.label()
            code.fork(code.let(f"icmp eq i32 {status}, {RETURNED}"), returned, raised)
            code.start(raised)
            self.raise_number(status)
            code.start(returned)
        if body.returns:
            has_value = whole.function.result != ir.NOTHING
            self.leave(
                code.let(f"load {type_of(whole.result.type)}, ptr {self.place(whole.result)}") if has_value else ""
            )
        else:
            self.raise_number(status)
        code.start(on)


STATEMENTS: dict[type[ir.Stmt], Callable[..., None]] = {
    ir.Set: Body._set,
    ir.Store: Body._store,
    ir.Copy: Body._copy,
    ir.Zero: Body._zero,
    ir.Barrier: Body._barrier,
    ir.Eval: Body._eval,
    ir.If: Body._if,
    ir.While: Body._while,
    ir.Repeat: Body._repeat,
    ir.ForEach: Body._for_each,
    ir.Drain: Body._drain,
    ir.Break: Body._break,
    ir.Continue: Body._continue,
    ir.Return: Body._return,
    ir.Raise: Body._raise,
    ir.Try: Body._try,
}
"""How each kind of statement is emitted."""
