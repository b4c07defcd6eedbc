# ruff: noqa
from btfkit.bpf import *


class Args(Struct):
    a: u64


@xdp
def no_parameter() -> XdpAction:  # expect: takes one parameter
    return XDP_PASS


@xdp
def two(ctx: xdp_md, more: u32) -> XdpAction:  # expect: takes one parameter
    return XDP_PASS


@xdp
def other_context(ctx: __sk_buff) -> XdpAction:  # expect:
    return XDP_PASS


@xdp
def no_context(ctx: u32) -> XdpAction:  # expect:
    return XDP_PASS


@xdp
def untyped(ctx) -> XdpAction:  # expect: parameter 'ctx' has no type
    return XDP_PASS


@tc
def hidden(ctx: __sk_buff) -> TcAction:
    a = ctx.family  # expect:
    ctx.len = 3  # expect: __sk_buff.len cannot be written
    return TC_ACT_OK


@socket
def hidden_too(ctx: __sk_buff) -> u32:
    a = ctx.data  # expect:
    ctx.mark = 3  # expect: __sk_buff.mark cannot be written
    return 0


@xdp
def read_only(ctx: xdp_md) -> XdpAction:
    ctx.data = 3  # expect: xdp_md.data cannot be written
    ctx.ingress_ifindex = 3  # expect: xdp_md.ingress_ifindex cannot be written
    ctx.ingress_ifindex += 3  # expect: xdp_md.ingress_ifindex cannot be written
    return XDP_PASS


@cgroup_skb_ingress
def out_of_range(ctx: __sk_buff) -> i32:
    return 2  # expect:


@xdp
def result(ctx: xdp_md) -> Args:  # expect: a program returns an integer, not Args
    return Args(1)


@xdp
def maybe(ctx: xdp_md) -> XdpAction | None:  # expect:
    return XDP_PASS


@xdp
def nothing(ctx: xdp_md) -> XdpAction:
    ctx.rx_queue_index  # expect: this does nothing


@xdp
def no_value(ctx: xdp_md) -> XdpAction:
    if ctx.rx_queue_index > 3:
        return XDP_DROP  # expect: 'no_value' can end without returning a value


@xdp
def text(ctx: xdp_md) -> XdpAction:
    return "pass"  # expect: the result is


@xdp
def no_result(ctx: xdp_md):
    pass
