# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Key(Struct):
    a: u32
    b: u32


class Event(Struct):
    n: u64


counts: dict[Key, u64] = {}
table: Array[u64] = Array(4)
per_cpu: PerCpuArray[u64] = PerCpuArray(4)
events: RingBuf[Event] = RingBuf(1 << 16)
perf: PerfEvents[Event] = PerfEvents()
work: Queue[Event] = Queue(4)
calls: ProgArray = ProgArray(4)
inners: HashOfMaps[u32, HashMap[u32, u64]] = HashOfMaps(4, inner=HashMap(8))
seen: BloomFilter[u32] = BloomFilter(4)
plain = HashMap(8)
filled: dict[u32, u64] = {1: 2}  # expect: map 'filled' must start empty
one: dict[u32] = {}  # expect: names key, value, not 1 type
three: HashMap[u32, u32, u32] = HashMap(4)  # expect: names key, value, not 3 types
sizeless: dict[u32, int] = {}  # expect: the value type: int is not a type of fixed size
words: dict[str, u64] = {}  # expect: the key type: str is not a type of a BPF program
number: Array[u64] = 4  # expect: map 'number' is set to 4
text: u32 = "x"  # expect: 'x' is not u32
huge: u8 = 300  # expect: 300 does not fit u8
wide: int = 5
stored: PerCpuArray[u64] = HashMap(4)  # expect: map 'stored'


@syscall
def keys(ctx: Key) -> i32:
    counts[3] += 1  # expect: the key of 'counts' is Key, not 3
    counts["a"] = 1  # expect: the key of 'counts'
    x = counts[Event(1)]  # expect: the key of 'counts' is Key, not Event
    table[4] = 1  # expect: index 4 of 4 elements
    table[-1] = 1  # expect: index -1 of 4 elements
    table["a"] += 1  # expect: the key of 'table'
    table[0] = "x"  # expect: the value of 'table' is u64, not 'x'
    table[0] += "x"  # expect: an integer is needed, not 'x'
    del table[0]  # expect: an element of the array 'table' cannot be deleted
    table.pop(0)  # expect: an element of the array 'table' cannot be deleted
    if Event(1) in counts:  # expect: the key of 'counts' is Key, not Event
        return 1
    counts.get()  # expect: get() takes 1 to 2 arguments
    counts.get(ctx, "x")  # expect: the default is u64, not 'x'
    counts.get(ctx, default=1)  # expect: get() takes 1 to 2 arguments
    counts[1:2] = 3  # expect: a map has no slices
    counts.setdefault(ctx, Event(1))  # expect: the default is u64, not Event
    counts.update(ctx)  # expect: update() takes 2 to 3 arguments
    if counts:  # expect: map 'counts' is not a condition
        return 1
    if counts == table:  # expect: a map cannot be compared
        return 1
    y = counts + 1  # expect: + of map 'counts'
    z = copy(counts)  # expect: cannot be copied
    w = counts[ctx].a  # expect: u64 has no attributes
    return 0


@syscall
def not_global(ctx: Key) -> i32:
    counts[ctx] += 1  # expect: 'counts' may not be set here
    counts = 3
    return 0


@syscall
def special(ctx: Key) -> i32:
    a = events[0]  # expect: map 'events' has no elements with keys
    events[0] = Event(1)  # expect: an element of map 'events' cannot be set by a program
    events.get(0)  # expect: map 'events' has no keys
    events.pop(0)  # expect: map 'events' has no keys
    events.emit(3)  # expect: a record of 'events' is Event, not 3
    events.emit(ctx)  # expect: a record of 'events' is Event, not Key
    events.emit()  # expect: emit() takes 1 to 2 arguments
    counts.emit(Event(1))  # expect: emit(record) is for ring buffers and perf event arrays
    events.reserve()  # expect: reserve() is used in a with statement
    with counts.reserve() as e:  # expect: reserve() is for ring buffers
        e.n = 1
    with events.reserve():  # expect: the record needs a name
        ctx.a = 1
    counts.items()  # expect: this is used in a for loop
    for k in events:  # expect: map 'events' has no elements to look at one by one
        ctx.a = 1
    for k in counts.items():  # expect: items() gives two
        ctx.a = 1
    for k, v, w in counts.items():  # expect: items() gives two
        ctx.a = 1
    m = len(events)  # expect: len() of map 'events' is not known
    work.push(3)  # expect: a value of 'work' is Event, not 3
    work.pop(1)  # expect: pop() of a queue or stack takes nothing
    counts.push(1)  # expect: push() is for queues, stacks and Bloom filters
    counts.pop()  # expect: pop() takes a key
    counts.peek()  # expect: peek() is for queues and stacks
    table.of_cpu(0, 0)  # expect: 'table' is not a per-CPU map
    b = calls[0]  # expect: a program is called: calls[i](ctx)
    calls[0] = 3  # expect: an element of map 'calls' cannot be set by a program
    counts[ctx](ctx)  # expect: an element of map 'counts' cannot be called
    inners[0] = 3  # expect: an element of map 'inners' cannot be set by a program
    inner = inners[0]
    inner["a"] = 3  # expect: the key of
    c = plain[3]  # expect: this map has no annotation that says its types
    d = seen[3]  # expect: map 'seen' has no elements with keys
    n = wide + 1
    tail_call(ctx, counts, 0)  # expect: a ProgArray is needed
    xchg(n, 3)  # expect: this is not a place in memory
    fetch_add(counts, 3)  # expect: this is not a place in memory
    return 0
