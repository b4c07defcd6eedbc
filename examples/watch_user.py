"""System calls of one user, second by second: a map of maps, whose inner maps are swapped while they are counted in.

``watched`` has a map for each user who is of interest; all others cost one lookup. Once a second the user gets the
other of two maps. The kernel waits until no program is in the old one, so what is read there stands still.

    sudo python examples/watch_user.py [uid]
"""

import sys
import time

from btfkit.bpf import *

even: HashMap[u32, u64] = HashMap(512)
odd: HashMap[u32, u64] = HashMap(512)
watched: HashOfMaps[u32, HashMap[u32, u64]] = HashOfMaps(64, inner=HashMap(512))


@raw_tracepoint("sys_enter")
def enter(id: i64):
    calls = watched.get(current_uid())
    if calls is not None:
        calls[u32(id)] += 1
    return 0


if __name__ == "__main__":
    uid = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    with load() as bpf, bpf.enter.attach():
        now, before = bpf.even, bpf.odd
        while True:
            bpf.watched[uid] = now
            print(dict(sorted(before.items(), key=lambda item: -item[1])[:8]))
            before.clear()
            now, before = before, now
            time.sleep(1)
