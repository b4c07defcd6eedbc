"""One server for many ports: connections to any port of a range go to one listening socket.

    sudo python examples/many_ports.py 7000 7999

The server listens on one port only; a program of the type sk_lookup gives its socket whatever comes in for the range.
It answers with the port that the client called.
"""

import argparse
from socket import create_server

from btfkit.bpf import *

servers: SockMap = SockMap(1)
calls: dict[u16, u64] = {}  # by port
first: u16 = 0
last: u16 = 0


@sk_lookup
def steer(ctx: bpf_sk_lookup) -> SkAction:
    port = u16(ctx.local_port)
    if ctx.protocol != IPPROTO_TCP or not first <= port <= last:
        return SK_PASS  # as if this program were not there
    server = servers.get(0)
    if server is None:
        return SK_DROP
    calls[port] += 1
    result = sk_assign(ctx, server, 0)
    sk_release(server)
    return SK_DROP if result else SK_PASS


if __name__ == "__main__":
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("first", type=int)
    cli.add_argument("last", type=int)
    args = cli.parse_args()
    with load() as bpf, create_server(("", 0)) as server:
        bpf.servers[0] = server
        bpf.first, bpf.last = args.first, args.last
        with bpf.steer.attach():
            while True:
                client, _ = server.accept()
                with client:
                    port = client.getsockname()[1]
                    client.sendall(f"you called port {port}\n".encode())
                    print(f"port {port}: {bpf.calls[port]} calls")
