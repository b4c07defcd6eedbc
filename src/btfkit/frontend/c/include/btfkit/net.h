/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet headers as they are on the wire, and the byte order of their fields.
 *
 *     #include <btfkit/net.h>
 *
 * The structs have the names of the kernel's own, so programs move over unchanged; they stay away where
 * vmlinux.h or the kernel's header of that struct was included first. Sources: IEEE 802.3; RFC 768, 791,
 * 793, 8200.
 */
#ifndef BTFKIT_NET_H
#define BTFKIT_NET_H

#include <btfkit/bpf.h>

/* ---- byte order ------------------------------------------------------------------------------ */

/* Between the program's byte order and the wire's (big-endian); constants are converted at compile time. */
#ifndef __BPF_ENDIAN__
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define bpf_htons(x) ((__be16)__builtin_bswap16(x))
#define bpf_htonl(x) ((__be32)__builtin_bswap32(x))
#define bpf_cpu_to_be64(x) ((__be64)__builtin_bswap64(x))
#elif __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define bpf_htons(x) ((__be16)(x))
#define bpf_htonl(x) ((__be32)(x))
#define bpf_cpu_to_be64(x) ((__be64)(x))
#else
#error "unknown byte order"
#endif
#define bpf_ntohs(x) ((__u16)bpf_htons(x))
#define bpf_ntohl(x) ((__u32)bpf_htonl(x))
#define bpf_be64_to_cpu(x) ((__u64)bpf_cpu_to_be64(x))
#endif /* !__BPF_ENDIAN__ */

/* ---- Ethernet -------------------------------------------------------------------------------- */

#define ETH_ALEN 6

/* Values of h_proto, in the program's byte order. */
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_8021Q 0x8100
#define ETH_P_IPV6 0x86DD
#define ETH_P_8021AD 0x88A8

#if !defined(__VMLINUX_H__) && !defined(_LINUX_IF_ETHER_H)
struct ethhdr {
	__u8 h_dest[ETH_ALEN];
	__u8 h_source[ETH_ALEN];
	__be16 h_proto;
} __attribute__((packed));
#endif

/* What follows h_proto where that is ETH_P_8021Q or ETH_P_8021AD. */
#ifndef __VMLINUX_H__
struct vlan_hdr {
	__be16 h_vlan_TCI;
	__be16 h_vlan_encapsulated_proto;
};
#endif

/* ---- IP -------------------------------------------------------------------------------------- */

#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ICMPV6 58

/* Masks of iphdr.frag_off, in the program's byte order. */
#define IP_DF 0x4000
#define IP_MF 0x2000
#define IP_OFFSET 0x1FFF

#if !defined(__VMLINUX_H__) && !defined(_LINUX_IP_H)
struct iphdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u8 ihl : 4; /* length of this header in words of 4 bytes */
	__u8 version : 4;
#else
	__u8 version : 4;
	__u8 ihl : 4;
#endif
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__sum16 check;
	__be32 saddr;
	__be32 daddr;
};
#endif

#if !defined(__VMLINUX_H__) && !defined(_LINUX_IN6_H)
struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be16 u6_addr16[8];
		__be32 u6_addr32[4];
	} in6_u;
};
#endif

#if !defined(__VMLINUX_H__) && !defined(_IPV6_H)
struct ipv6hdr {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u8 priority : 4;
	__u8 version : 4;
#else
	__u8 version : 4;
	__u8 priority : 4;
#endif
	__u8 flow_lbl[3];
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	struct in6_addr saddr;
	struct in6_addr daddr;
};
#endif

/* ---- TCP, UDP -------------------------------------------------------------------------------- */

#if !defined(__VMLINUX_H__) && !defined(_LINUX_TCP_H)
struct tcphdr {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	__u16 res1 : 4;
	__u16 doff : 4; /* length of this header in words of 4 bytes */
	__u16 fin : 1;
	__u16 syn : 1;
	__u16 rst : 1;
	__u16 psh : 1;
	__u16 ack : 1;
	__u16 urg : 1;
	__u16 ece : 1;
	__u16 cwr : 1;
#else
	__u16 doff : 4;
	__u16 res1 : 4;
	__u16 cwr : 1;
	__u16 ece : 1;
	__u16 urg : 1;
	__u16 ack : 1;
	__u16 psh : 1;
	__u16 rst : 1;
	__u16 syn : 1;
	__u16 fin : 1;
#endif
	__be16 window;
	__sum16 check;
	__be16 urg_ptr;
};
#endif

#if !defined(__VMLINUX_H__) && !defined(_LINUX_UDP_H)
struct udphdr {
	__be16 source;
	__be16 dest;
	__be16 len;
	__sum16 check;
};
#endif

#endif /* BTFKIT_NET_H */
