# ruff: noqa
# fmt: off
from btfkit.bpf import *


class Args(Struct):
    a: u64


@xdp
def no_parameter() -> XdpAction:  # expect: a @xdp program takes one parameter, not 0
    return XDP_PASS


@xdp
def two(ctx: xdp_md, more: u32) -> XdpAction:  # expect: a @xdp program takes one parameter, not 2
    return XDP_PASS


@xdp
def other_context(ctx: __sk_buff) -> XdpAction:  # expect: a @xdp program is given xdp_md, not __sk_buff
    return XDP_PASS


@xdp
def no_context(ctx: u32) -> XdpAction:  # expect: a @xdp program is given xdp_md, not u32
    return XDP_PASS


@xdp
def untyped(ctx) -> XdpAction:  # expect: parameter 'ctx' has no type
    return XDP_PASS


@tc
def hidden(ctx: __sk_buff) -> TcAction:
    a = ctx.family  # expect: a @tc program has no __sk_buff.family
    ctx.len = 3  # expect: __sk_buff.len cannot be written
    return TC_ACT_OK


@socket
def hidden_too(ctx: __sk_buff) -> u32:
    a = ctx.data  # expect: a @socket program has no __sk_buff.data
    ctx.mark = 3  # expect: a @socket program cannot write __sk_buff.mark
    return 0


@tc
def in_a_function(ctx: __sk_buff) -> TcAction:
    uses_family(ctx)
    return TC_ACT_OK


def uses_family(ctx: __sk_buff) -> u32:
    return ctx.family  # expect: a @tc program has no __sk_buff.family


@socket
def packet(ctx: __sk_buff) -> u32:
    eth = ctx.packet(EthHdr)  # expect: a @socket program has no __sk_buff.data
    return 0


@syscall
def two_structs(a: Args, b: Args) -> i32:  # expect: a @syscall program takes one parameter, not 2
    return 0


@xdp
def read_only(ctx: xdp_md) -> XdpAction:
    ctx.data = 3  # expect: xdp_md.data cannot be written
    ctx.ingress_ifindex = 3  # expect: xdp_md.ingress_ifindex cannot be written
    ctx.ingress_ifindex += 3  # expect: xdp_md.ingress_ifindex cannot be written
    return XDP_PASS


@cgroup_skb_ingress
def out_of_range(ctx: __sk_buff) -> i32:
    return 2  # expect: a @cgroup_skb_ingress program returns 0 to 1, not 2


@xdp
def result(ctx: xdp_md) -> Args:  # expect: a program returns an integer, not Args
    return Args(1)


@xdp
def maybe(ctx: xdp_md) -> XdpAction | None:  # expect: a program returns an integer, not XdpAction | None
    return XDP_PASS


@xdp
def nothing(ctx: xdp_md) -> XdpAction:
    ctx.rx_queue_index  # expect: this does nothing # expect: 'nothing' can end without returning a value


@xdp
def no_value(ctx: xdp_md) -> XdpAction:
    if ctx.rx_queue_index > 3:  # expect: 'no_value' can end without returning a value
        return XDP_DROP


@xdp
def text(ctx: xdp_md) -> XdpAction:
    return "pass"  # expect: the result is


@xdp
def no_result(ctx: xdp_md):
    pass


@xdp
def again(ctx: xdp_md) -> XdpAction:  # expect: 'again' is defined again in line 120: this one is lost
    return XDP_PASS


@tc
def again(ctx: __sk_buff) -> TcAction:
    return TC_ACT_OK
