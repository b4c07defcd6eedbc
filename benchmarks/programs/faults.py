"""Look something up in a subprogram, from two places; what is missing is caught in one of them."""

from btfkit.bpf import *


class Rule(Struct):
    action: u32
    hits: u32
    rest: u64


rules: HashMap[u32, Rule] = HashMap(1024)
recent: Queue[u32] = Queue(64)


def apply(key: u32) -> u32:
    rule = rules[key]
    if rule.rest == 0:
        raise RuntimeError
    rule.hits += 1
    rule.rest -= 1
    return rule.action


@tc
def classify(skb: __sk_buff) -> TcAction:
    try:
        action = apply(skb.mark)
    except KeyError:
        action = 0
    if action == 0:
        action = apply(skb.ifindex)
    if action > 7:
        recent.push(action)
        return TC_ACT_SHOT
    return TC_ACT_OK
