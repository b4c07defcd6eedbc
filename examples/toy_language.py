"""A toy language: ``count EXPR``, ``NAME += EXPR``, ``return EXPR``; expressions go from left to right.

`ObjectBuilder` makes an object of its instructions. Run it as root: sudo .venv/bin/python examples/toy_language.py
"""

import sys

from btfkit import LoadError, Object, types
from btfkit.format.insn import Insn, encode_insn
from btfkit.format.maptype import MapType
from btfkit.frontend.objects import ObjectBuilder

PROGRAM = ["count arg % 3", "total += arg * 2", "return total + 1"]
OPERATIONS = {"+": 0x0F, "-": 0x1F, "*": 0x2F, "/": 0x3F, "%": 0x9F}  # r7 = r7 … r8
COUNT = [Insn(0x63, 10, 7, -4, 0), Insn(0xBF, 2, 10, 0, 0), Insn(0x07, 2, 0, 0, -4)]  # key = r7; r2 = &key
ADD_ONE = [Insn(0x85, 0, 0, 0, 1), Insn(0x15, 0, 0, 2, 0), Insn(0xB7, 1, 0, 0, 1), Insn(0xDB, 0, 1, 0, 0)]
ADD, RETURN = [Insn(0xDB, 1, 7, 0, 0)], [Insn(0xBF, 0, 7, 0, 0), Insn(0x95, 0, 0, 0, 0)]


def compile_toy(program: list[str]) -> Object:
    b = ObjectBuilder(sys.byteorder, path="toy.o")
    u32, u64 = b.type(types.Int("u32", 4)), b.type(types.Int("u64", 8))
    args = b.type(types.Struct("args", 8, (types.Member("arg", u64, 0),)))
    counts = b.map("counts", MapType.ARRAY, value=u64, max_entries=3)
    variables = {n: b.variable(n, u64) for n in sorted({line.split()[0] for line in program if "+=" in line})}
    insns, relocs, lines = [Insn(0x79, 6, 1, 0, 0)], [], [(0, 1, 1)]  # r6 = ctx->arg

    def address(decl, register):
        relocs.append((len(insns), decl))
        insns.extend([Insn(0x18, register, 0, 0, 0), Insn(0, 0, 0, 0, 0)])

    for number, line in enumerate(program, 1):
        lines.append((len(insns), number, 1))
        verb, *words = line.replace("+=", "").split()
        for i, word in enumerate(words[::2]):
            reg = 8 if i else 7
            if word in variables:
                address(variables[word], reg)
            known = Insn(0xBF, reg, 6, 0, 0) if word == "arg" else Insn(0x79, reg, reg, 0, 0)
            insns.append(Insn(0xB7, reg, 0, 0, int(word)) if word.isdigit() else known)
            insns += [Insn(OPERATIONS[words[2 * i - 1]], 7, 8, 0, 0)] if i else []
        insns += {"count": COUNT, "return": RETURN}.get(verb, [])
        if verb != "return":
            address(counts if verb == "count" else variables[verb], 1)
            insns += ADD_ONE if verb == "count" else ADD
    code = {"code": b"".join(encode_insn(i, sys.byteorder) for i in insns), "relocs": relocs, "lines": lines}
    b.function("main", [("ctx", b.type(types.Ptr(args)))], u32, section="syscall", file="toy", source=program, **code)
    b.license("GPL")
    return Object.of(b.finish())


if __name__ == "__main__":
    obj = compile_toy(PROGRAM)
    try:
        with obj.load() as bpf:
            print("returned:", [bpf.programs["main"].test_run(ctx={"arg": arg}).retval for arg in range(5)])
            print("total:", bpf.variables["total"].value, " counts:", dict(bpf.maps["counts"].items()))
    except LoadError as error:
        print(f"{obj.plan()}\nnot loaded: {error}")
