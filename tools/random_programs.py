"""Random programs in the Python subset: what CPython and the running kernel make of them, for as long as wanted.

In: the number of programs, a seed. Out: progress, and each failure with the seed of its module, the first made small;
exit status 1 where anything failed. A module of programs is compiled for cpu v3, every fifth for v4, every seventh for
v2, every ninth for big endian too (which is not run).

    python tools/random_programs.py [--count N] [--seed N] [--jobs N] [--runs N] [--keep-going]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.random_minimise import minimise
from tests.random_oracle import Failure, compare, compile_only
from tests.random_programs import make

PER_MODULE, SIZE = 20, 4


def cpu_of(seed: int) -> str:
    return "v4" if seed % 5 == 0 else "v2" if seed % 7 == 0 else "v3"


def try_module(seed: int, runs: int) -> tuple[int, list[Failure]]:
    """A module's seed, and what is wrong with it."""
    module = make(seed, PER_MODULE, SIZE)
    failures = compare(module, seed, cpu=cpu_of(seed), runs=runs)
    if seed % 9 == 0 and not failures:
        compile_only(module, byte_order="big")
    return seed, failures


def main() -> int:
    parser = argparse.ArgumentParser(description="Random programs: CPython and the kernel agree.")
    parser.add_argument("--count", type=int, default=1000, help="programs (1000)")
    parser.add_argument("--seed", type=int, default=0, help="the first module's (0)")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    parser.add_argument("--runs", type=int, default=8, help="contexts that each program is run on (8)")
    parser.add_argument("--keep-going", action="store_true", help="do not stop at the first failure")
    args = parser.parse_args()
    started, kinds, done, left_out, number = time.monotonic(), Counter[str](), 0, 0, 0
    first: tuple[int, Failure] | None = None
    seeds = range(args.seed, args.seed + -(-args.count // PER_MODULE))
    with ProcessPoolExecutor(args.jobs) as pool:
        for number, (seed, failures) in enumerate(pool.map(try_module, seeds, [args.runs] * len(seeds)), 1):
            done += PER_MODULE
            for failure in failures:
                if failure.is_limit:
                    left_out += 1
                    continue
                first = first or (seed, failure)
                kinds[failure.kind] += 1
                print(f"seed {seed}, {failure.program}: {failure.kind}: {failure.detail[-600:]}", flush=True)
            if kinds and not args.keep_going:
                pool.shutdown(cancel_futures=True)
                break
            if number % 20 == 0:
                print(f"{done} programs, {kinds.total()} failed, {time.monotonic() - started:.0f} s", flush=True)
    print(f"{done} programs, seeds {args.seed} to {args.seed + number - 1}, {args.runs} runs each: "
          f"{done - left_out - kinds.total()} agree, {left_out} too large for the kernel or cpu v2, "
          f"{kinds.total()} failed {dict(kinds)}, {time.monotonic() - started:.0f} s")  # fmt: skip
    if first is not None:
        seed, failure = first
        print(
            f"seed {seed}, made small:\n{minimise(make(seed, PER_MODULE, SIZE), failure, seed, cpu=cpu_of(seed)).text}"
        )
    return 1 if kinds else 0


if __name__ == "__main__":
    sys.exit(main())
