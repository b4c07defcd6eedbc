"""Work for programs in the kernel: a queue of jobs, a stack of urgent ones, and as many workers as there are threads.

User space pushes numbers; each run of ``work`` takes one job, urgent ones first (the newest before the others), looks
for the number's smallest factor, and sends what it found. Any number of threads may push and pop at once.

    sudo python examples/work_queue.py 1000003 999999000001 12345678901
"""

import sys
from concurrent.futures import ThreadPoolExecutor

from btfkit.bpf import *

IDLE: Final = 1


class Job(Struct):
    id: u32
    number: u64


class Done(Struct):
    id: u32
    cpu: u32
    number: u64
    factor: u64


jobs: Queue[Job] = Queue(1024)
urgent: Stack[Job] = Stack(64)
done: RingBuf[Done] = RingBuf(size=1 << 16)
per_cpu: PerCpuArray[u64] = PerCpuArray(1)
longest: u64 = 1 << 20


def smallest_factor(number: u64) -> u64:
    """number itself where it is prime; 0 where that would take too long to tell."""
    factor: u64 = 2
    for _ in range(longest):
        if factor * factor > number:
            return number
        if number % factor == 0:
            return factor
        factor += 1
    return 0


@syscall
def work() -> i32:
    job = urgent.pop()
    if job is None:
        job = jobs.pop()
    if job is None:
        return IDLE
    per_cpu[0] += 1
    with done.reserve() as result:
        result.id = job.id
        result.cpu = cpu_id()
        result.number = job.number
        result.factor = smallest_factor(job.number)
    return 0


if __name__ == "__main__":
    with load() as bpf:
        for index, text in enumerate(sys.argv[1:] or ["1000003", "999999000001", "12345678901"]):
            bpf.jobs.push({"id": index, "number": int(text)})
        bpf.urgent.push({"id": 1000, "number": 91})

        def worker() -> None:
            while bpf.work.test_run().retval != IDLE:
                pass

        with ThreadPoolExecutor() as pool:
            for _ in range(4):
                pool.submit(worker)
        for result in bpf.done.drain():
            print(f"job {result.id} on CPU {result.cpu}: {result.number} = {result.factor} * …")
        print("jobs by CPU:", bpf.per_cpu[0])
