"""Functions that run in the kernel when they are called: sort numbers, checksum and hash them.

A program of the type ``syscall`` gets a struct of its author's choice, and may change it: a function call across the
border. ``descending`` and ``seed`` are variables that user space sets; ``calls`` counts inside a nested function.

    sudo python examples/kernel_functions.py
"""

from btfkit.bpf import *

CRC32: Final = 0xEDB8_8320
FNV_PRIME: Final = 0x0000_0100_0000_01B3
ROOM: Final = 32


class Job(Struct):
    count: u32
    numbers: i32[ROOM]
    swaps: u32
    crc: u32
    hash: u64


descending: bool = False
seed: u64 = 0xCBF2_9CE4_8422_2325
sorted_in_all: u64 = 0


@syscall
def sort(job: Job) -> i32:
    """Insertion sort; how many calls there were."""
    global sorted_in_all

    def before(a: i32, b: i32) -> bool:
        compared: Static[u64] = 0
        compared += 1
        return a > b if descending else a < b

    if job.count > ROOM:
        return -22
    numbers = copy(job.numbers)  # what the program is given has no variable indices
    for i in range(1, job.count):
        number = numbers[i]
        at = i
        while at > 0 and before(number, numbers[at - 1]):
            numbers[at] = numbers[at - 1]
            job.swaps += 1
            at -= 1
        numbers[at] = number
    job.numbers = numbers
    sorted_in_all += job.count
    return 0


def crc_of(number: u32, crc: u32) -> u32:
    crc ^= number
    for _ in range(32):
        crc = (crc >> 1) ^ (CRC32 if crc & 1 else 0)
    return crc


@syscall
def digest(job: Job) -> i32:
    """CRC-32 and FNV-1a of the numbers."""
    crc: u32 = 0xFFFF_FFFF
    job.hash = seed
    numbers = copy(job.numbers)
    for i in range(min(job.count, ROOM)):
        number = u32(numbers[i])
        crc = crc_of(number, crc)
        for shift in range(0, 32, 8):
            job.hash = (job.hash ^ (number >> shift & 0xFF)) * FNV_PRIME
    job.crc = ~crc
    return 0


if __name__ == "__main__":
    numbers = [30, -7, 1000, 0, 12, -70000]
    with load() as bpf:
        job = {"count": len(numbers), "numbers": numbers + [0] * (ROOM - len(numbers)), "swaps": 0, "crc": 0, "hash": 0}
        for bpf.descending in (False, True):
            run = bpf.sort.test_run(ctx=job)
            print(run.ctx.numbers[: run.ctx.count], "after", run.ctx.swaps, "swaps")
        run = bpf.digest.test_run(ctx=job)
        print(f"crc32 {run.ctx.crc:08x}, fnv1a {run.ctx.hash:016x}")
