"""Which line of a log is the answer: logs as kernels 5.10 to 7.3 write them."""

from __future__ import annotations

import textwrap

import pytest

from btfkit.load.linux.verifier_log import btf_last_words, last_source, last_words

STATS = "processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0\n"

# (id, log, last words, source)
LOGS = [
    ("nothing", "", "", None),
    ("no reason", STATS, "", None),
    (
        "6.12",
        """
        func#0 @0
        0: R1=ctx() R10=fp0
        ; int x = *p; @ flows.c:30
        0: (b7) r2 = 0                        ; R2_w=0
        ; return x @ y; @ dir/flows.c:31
        1: (95) exit
        R0 !read_ok
        """,
        "R0 !read_ok",
        "dir/flows.c:31: return x @ y;",
    ),
    (
        "5.10",
        """
        ; return x;
        0: (61) r1 = *(u32 *)(r1 +0)
         R1_w=pkt(id=0,off=0,r=0,imm=0) R10=fp0 fp-8=mmmm????
        1: (71) r0 = *(u8 *)(r1 +0)
        invalid access to packet, off=0 size=1, R1(id=0,off=0,r=0)
        R1 offset is outside of the packet
        """,
        "invalid access to packet, off=0 size=1, R1(id=0,off=0,r=0); R1 offset is outside of the packet",
        "return x;",
    ),
    (
        "states after the message",
        """
        1: (15) if r0 == 0x0 goto pc-1
        infinite loop detected at insn 1
        cur state: R0_w=0 R1=ctx() R10=fp0
        old state: R0_w=0 R1=ctx() R10=fp0
        """,
        "infinite loop detected at insn 1",
        None,
    ),
    (
        "marks and branches",
        """
        5: (85) call bpf_map_lookup_elem#1
        mark_precise: frame0: last_idx 5 first_idx 0 subseq_idx -1
        mark_precise: frame0: regs=r2 stack= before 4: (b7) r2 = 8
        R2 min value is negative

        from 3 to 7: R0=0 R1=ctx() R10=fp0
        verification time 35 usec
        stack depth 0
        """,
        "R2 min value is negative",
        None,
    ),
    (
        "7.3",
        """
        ; return r0; @ flows.c:31
        0: (95) exit
        R0 !read_ok

        Verification failed: Register Type Safety: Unreadable register

        Reason:
          R0 has never been initialized on this path,
          so the verifier cannot use it as an input.

        At:
          insn 0
                | ^-- error: R0 is not readable

        Causal path:
          no retained diagnostic events on this path

        Suggestion:
          Initialize R0 on every path before this instruction.

        """,
        "R0 !read_ok; R0 has never been initialized on this path, so the verifier cannot use it as an input.",
        "flows.c:31: return r0;",
    ),
]


@pytest.mark.parametrize(("log", "words", "source"), [row[1:] for row in LOGS], ids=[row[0] for row in LOGS])
def test_last_words(log: str, words: str, source: str | None) -> None:
    log = textwrap.dedent(log).lstrip("\n")
    for whole in (log, log + STATS):
        assert last_words(whole) == words
        assert last_source(whole) == source


def test_btf_last_words() -> None:
    log = (
        "magic: 0xeb9f\n[1] INT int size=4\n[2] STRUCT s size=4 vlen=1\n\tm type_id=1 bits_offset=64 Member exceeds\n\n"
    )
    assert btf_last_words(log) == "m type_id=1 bits_offset=64 Member exceeds"
    assert btf_last_words("") == ""
