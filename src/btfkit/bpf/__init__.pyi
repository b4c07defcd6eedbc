# Written by tools/make_stub.py. What these names are: btfkit/bpf/__init__.py.
# ruff: noqa
from typing import Any, Final as Final
from btfkit.bpf.programs import Decorator
from btfkit.bpf.struct_ops import StructOpsDecorator
from btfkit.bpf.session import (
    load as load,
)
from btfkit.bpf.ints import (
    be16 as be16,
    be32 as be32,
    be64 as be64,
    char as char,
    i8 as i8,
    i16 as i16,
    i32 as i32,
    i64 as i64,
    u8 as u8,
    u16 as u16,
    u32 as u32,
    u64 as u64,
)
from btfkit.bpf.records import (
    Bits as Bits,
    Context as Context,
    Header as Header,
    Ptr as Ptr,
    Struct as Struct,
    Union as Union,
    sizeof as sizeof,
)
from btfkit.bpf.maps import (
    Arena as Arena,
    Array as Array,
    ArrayOfMaps as ArrayOfMaps,
    BloomFilter as BloomFilter,
    CgroupArray as CgroupArray,
    CgroupStorage as CgroupStorage,
    CpuMap as CpuMap,
    DevMap as DevMap,
    DevMapHash as DevMapHash,
    HashMap as HashMap,
    HashOfMaps as HashOfMaps,
    InodeStorage as InodeStorage,
    LpmTrie as LpmTrie,
    LruHash as LruHash,
    LruPerCpuHash as LruPerCpuHash,
    PerCpuArray as PerCpuArray,
    PerCpuHash as PerCpuHash,
    PerfEvents as PerfEvents,
    ProgArray as ProgArray,
    Queue as Queue,
    ReuseportSockArray as ReuseportSockArray,
    RingBuf as RingBuf,
    SkStorage as SkStorage,
    SockHash as SockHash,
    SockMap as SockMap,
    Stack as Stack,
    StackTrace as StackTrace,
    TaskStorage as TaskStorage,
    UserRingBuf as UserRingBuf,
    XskMap as XskMap,
)
from btfkit.bpf.words import (
    Static as Static,
    kernel as kernel,
    kfunc as kfunc,
)
from btfkit.bpf.structs import bpf_spin_lock as SpinLock, bpf_timer as Timer
from btfkit.bpf.constants import (
    AF_INET as AF_INET,
    AF_INET6 as AF_INET6,
    AF_NETLINK as AF_NETLINK,
    AF_PACKET as AF_PACKET,
    AF_UNIX as AF_UNIX,
    AF_UNSPEC as AF_UNSPEC,
    AF_VSOCK as AF_VSOCK,
    AdjRoomMode as AdjRoomMode,
    BPF_ADJ_ROOM_ENCAP_L2_MASK as BPF_ADJ_ROOM_ENCAP_L2_MASK,
    BPF_ADJ_ROOM_ENCAP_L2_SHIFT as BPF_ADJ_ROOM_ENCAP_L2_SHIFT,
    BPF_ADJ_ROOM_MAC as BPF_ADJ_ROOM_MAC,
    BPF_ADJ_ROOM_NET as BPF_ADJ_ROOM_NET,
    BPF_ANY as BPF_ANY,
    BPF_CSUM_LEVEL_DEC as BPF_CSUM_LEVEL_DEC,
    BPF_CSUM_LEVEL_INC as BPF_CSUM_LEVEL_INC,
    BPF_CSUM_LEVEL_QUERY as BPF_CSUM_LEVEL_QUERY,
    BPF_CSUM_LEVEL_RESET as BPF_CSUM_LEVEL_RESET,
    BPF_DEVCG_ACC_MKNOD as BPF_DEVCG_ACC_MKNOD,
    BPF_DEVCG_ACC_READ as BPF_DEVCG_ACC_READ,
    BPF_DEVCG_ACC_WRITE as BPF_DEVCG_ACC_WRITE,
    BPF_DEVCG_DEV_BLOCK as BPF_DEVCG_DEV_BLOCK,
    BPF_DEVCG_DEV_CHAR as BPF_DEVCG_DEV_CHAR,
    BPF_DROP as BPF_DROP,
    BPF_EXIST as BPF_EXIST,
    BPF_FIB_LKUP_RET_BLACKHOLE as BPF_FIB_LKUP_RET_BLACKHOLE,
    BPF_FIB_LKUP_RET_FRAG_NEEDED as BPF_FIB_LKUP_RET_FRAG_NEEDED,
    BPF_FIB_LKUP_RET_FWD_DISABLED as BPF_FIB_LKUP_RET_FWD_DISABLED,
    BPF_FIB_LKUP_RET_NOT_FWDED as BPF_FIB_LKUP_RET_NOT_FWDED,
    BPF_FIB_LKUP_RET_NO_NEIGH as BPF_FIB_LKUP_RET_NO_NEIGH,
    BPF_FIB_LKUP_RET_NO_SRC_ADDR as BPF_FIB_LKUP_RET_NO_SRC_ADDR,
    BPF_FIB_LKUP_RET_PROHIBIT as BPF_FIB_LKUP_RET_PROHIBIT,
    BPF_FIB_LKUP_RET_SUCCESS as BPF_FIB_LKUP_RET_SUCCESS,
    BPF_FIB_LKUP_RET_UNREACHABLE as BPF_FIB_LKUP_RET_UNREACHABLE,
    BPF_FIB_LKUP_RET_UNSUPP_LWT as BPF_FIB_LKUP_RET_UNSUPP_LWT,
    BPF_FIB_LOOKUP_DIRECT as BPF_FIB_LOOKUP_DIRECT,
    BPF_FIB_LOOKUP_MARK as BPF_FIB_LOOKUP_MARK,
    BPF_FIB_LOOKUP_OUTPUT as BPF_FIB_LOOKUP_OUTPUT,
    BPF_FIB_LOOKUP_SKIP_NEIGH as BPF_FIB_LOOKUP_SKIP_NEIGH,
    BPF_FIB_LOOKUP_SRC as BPF_FIB_LOOKUP_SRC,
    BPF_FIB_LOOKUP_TBID as BPF_FIB_LOOKUP_TBID,
    BPF_FLOW_DISSECTOR_CONTINUE as BPF_FLOW_DISSECTOR_CONTINUE,
    BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG as BPF_FLOW_DISSECTOR_F_PARSE_1ST_FRAG,
    BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP as BPF_FLOW_DISSECTOR_F_STOP_AT_ENCAP,
    BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL as BPF_FLOW_DISSECTOR_F_STOP_AT_FLOW_LABEL,
    BPF_F_ADJ_ROOM_DECAP_L3_IPV4 as BPF_F_ADJ_ROOM_DECAP_L3_IPV4,
    BPF_F_ADJ_ROOM_DECAP_L3_IPV6 as BPF_F_ADJ_ROOM_DECAP_L3_IPV6,
    BPF_F_ADJ_ROOM_ENCAP_L2_ETH as BPF_F_ADJ_ROOM_ENCAP_L2_ETH,
    BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 as BPF_F_ADJ_ROOM_ENCAP_L3_IPV4,
    BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 as BPF_F_ADJ_ROOM_ENCAP_L3_IPV6,
    BPF_F_ADJ_ROOM_ENCAP_L4_GRE as BPF_F_ADJ_ROOM_ENCAP_L4_GRE,
    BPF_F_ADJ_ROOM_ENCAP_L4_UDP as BPF_F_ADJ_ROOM_ENCAP_L4_UDP,
    BPF_F_ADJ_ROOM_FIXED_GSO as BPF_F_ADJ_ROOM_FIXED_GSO,
    BPF_F_ADJ_ROOM_NO_CSUM_RESET as BPF_F_ADJ_ROOM_NO_CSUM_RESET,
    BPF_F_BPRM_SECUREEXEC as BPF_F_BPRM_SECUREEXEC,
    BPF_F_BROADCAST as BPF_F_BROADCAST,
    BPF_F_CLONE as BPF_F_CLONE,
    BPF_F_CTXLEN_MASK as BPF_F_CTXLEN_MASK,
    BPF_F_CURRENT_CPU as BPF_F_CURRENT_CPU,
    BPF_F_CURRENT_NETNS as BPF_F_CURRENT_NETNS,
    BPF_F_DONT_FRAGMENT as BPF_F_DONT_FRAGMENT,
    BPF_F_EXCLUDE_INGRESS as BPF_F_EXCLUDE_INGRESS,
    BPF_F_FAST_STACK_CMP as BPF_F_FAST_STACK_CMP,
    BPF_F_GET_BRANCH_RECORDS_SIZE as BPF_F_GET_BRANCH_RECORDS_SIZE,
    BPF_F_HDR_FIELD_MASK as BPF_F_HDR_FIELD_MASK,
    BPF_F_INDEX_MASK as BPF_F_INDEX_MASK,
    BPF_F_INGRESS as BPF_F_INGRESS,
    BPF_F_INNER_MAP as BPF_F_INNER_MAP,
    BPF_F_INVALIDATE_HASH as BPF_F_INVALIDATE_HASH,
    BPF_F_LINK as BPF_F_LINK,
    BPF_F_LOCK as BPF_F_LOCK,
    BPF_F_MARK_ENFORCE as BPF_F_MARK_ENFORCE,
    BPF_F_MARK_MANGLED_0 as BPF_F_MARK_MANGLED_0,
    BPF_F_MMAPABLE as BPF_F_MMAPABLE,
    BPF_F_NO_COMMON_LRU as BPF_F_NO_COMMON_LRU,
    BPF_F_NO_PREALLOC as BPF_F_NO_PREALLOC,
    BPF_F_NO_TUNNEL_KEY as BPF_F_NO_TUNNEL_KEY,
    BPF_F_NUMA_NODE as BPF_F_NUMA_NODE,
    BPF_F_PRESERVE_ELEMS as BPF_F_PRESERVE_ELEMS,
    BPF_F_PSEUDO_HDR as BPF_F_PSEUDO_HDR,
    BPF_F_RDONLY as BPF_F_RDONLY,
    BPF_F_RDONLY_PROG as BPF_F_RDONLY_PROG,
    BPF_F_RECOMPUTE_CSUM as BPF_F_RECOMPUTE_CSUM,
    BPF_F_REUSE_STACKID as BPF_F_REUSE_STACKID,
    BPF_F_SEQ_NUMBER as BPF_F_SEQ_NUMBER,
    BPF_F_SKIP_FIELD_MASK as BPF_F_SKIP_FIELD_MASK,
    BPF_F_STACK_BUILD_ID as BPF_F_STACK_BUILD_ID,
    BPF_F_SYSCTL_BASE_NAME as BPF_F_SYSCTL_BASE_NAME,
    BPF_F_TIMER_ABS as BPF_F_TIMER_ABS,
    BPF_F_TIMER_CPU_PIN as BPF_F_TIMER_CPU_PIN,
    BPF_F_TUNINFO_FLAGS as BPF_F_TUNINFO_FLAGS,
    BPF_F_TUNINFO_IPV6 as BPF_F_TUNINFO_IPV6,
    BPF_F_USER_BUILD_ID as BPF_F_USER_BUILD_ID,
    BPF_F_USER_STACK as BPF_F_USER_STACK,
    BPF_F_WRONLY as BPF_F_WRONLY,
    BPF_F_WRONLY_PROG as BPF_F_WRONLY_PROG,
    BPF_F_ZERO_CSUM_TX as BPF_F_ZERO_CSUM_TX,
    BPF_F_ZERO_SEED as BPF_F_ZERO_SEED,
    BPF_HDR_START_MAC as BPF_HDR_START_MAC,
    BPF_HDR_START_NET as BPF_HDR_START_NET,
    BPF_LOAD_HDR_OPT_TCP_SYN as BPF_LOAD_HDR_OPT_TCP_SYN,
    BPF_LOCAL_STORAGE_GET_F_CREATE as BPF_LOCAL_STORAGE_GET_F_CREATE,
    BPF_LWT_ENCAP_IP as BPF_LWT_ENCAP_IP,
    BPF_LWT_ENCAP_SEG6 as BPF_LWT_ENCAP_SEG6,
    BPF_LWT_ENCAP_SEG6_INLINE as BPF_LWT_ENCAP_SEG6_INLINE,
    BPF_LWT_REROUTE as BPF_LWT_REROUTE,
    BPF_MAX_LOOPS as BPF_MAX_LOOPS,
    BPF_MTU_CHK_RET_FRAG_NEEDED as BPF_MTU_CHK_RET_FRAG_NEEDED,
    BPF_MTU_CHK_RET_SEGS_TOOBIG as BPF_MTU_CHK_RET_SEGS_TOOBIG,
    BPF_MTU_CHK_RET_SUCCESS as BPF_MTU_CHK_RET_SUCCESS,
    BPF_MTU_CHK_SEGS as BPF_MTU_CHK_SEGS,
    BPF_NOEXIST as BPF_NOEXIST,
    BPF_OK as BPF_OK,
    BPF_RB_AVAIL_DATA as BPF_RB_AVAIL_DATA,
    BPF_RB_CONS_POS as BPF_RB_CONS_POS,
    BPF_RB_FORCE_WAKEUP as BPF_RB_FORCE_WAKEUP,
    BPF_RB_NO_WAKEUP as BPF_RB_NO_WAKEUP,
    BPF_RB_PROD_POS as BPF_RB_PROD_POS,
    BPF_RB_RING_SIZE as BPF_RB_RING_SIZE,
    BPF_REDIRECT as BPF_REDIRECT,
    BPF_SKB_TSTAMP_DELIVERY_MONO as BPF_SKB_TSTAMP_DELIVERY_MONO,
    BPF_SKB_TSTAMP_UNSPEC as BPF_SKB_TSTAMP_UNSPEC,
    BPF_SK_LOOKUP_F_NO_REUSEPORT as BPF_SK_LOOKUP_F_NO_REUSEPORT,
    BPF_SK_LOOKUP_F_REPLACE as BPF_SK_LOOKUP_F_REPLACE,
    BPF_SK_STORAGE_GET_F_CREATE as BPF_SK_STORAGE_GET_F_CREATE,
    BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB as BPF_SOCK_OPS_ACTIVE_ESTABLISHED_CB,
    BPF_SOCK_OPS_ALL_CB_FLAGS as BPF_SOCK_OPS_ALL_CB_FLAGS,
    BPF_SOCK_OPS_BASE_RTT as BPF_SOCK_OPS_BASE_RTT,
    BPF_SOCK_OPS_HDR_OPT_LEN_CB as BPF_SOCK_OPS_HDR_OPT_LEN_CB,
    BPF_SOCK_OPS_NEEDS_ECN as BPF_SOCK_OPS_NEEDS_ECN,
    BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG as BPF_SOCK_OPS_PARSE_ALL_HDR_OPT_CB_FLAG,
    BPF_SOCK_OPS_PARSE_HDR_OPT_CB as BPF_SOCK_OPS_PARSE_HDR_OPT_CB,
    BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG as BPF_SOCK_OPS_PARSE_UNKNOWN_HDR_OPT_CB_FLAG,
    BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB as BPF_SOCK_OPS_PASSIVE_ESTABLISHED_CB,
    BPF_SOCK_OPS_RETRANS_CB as BPF_SOCK_OPS_RETRANS_CB,
    BPF_SOCK_OPS_RETRANS_CB_FLAG as BPF_SOCK_OPS_RETRANS_CB_FLAG,
    BPF_SOCK_OPS_RTO_CB as BPF_SOCK_OPS_RTO_CB,
    BPF_SOCK_OPS_RTO_CB_FLAG as BPF_SOCK_OPS_RTO_CB_FLAG,
    BPF_SOCK_OPS_RTT_CB as BPF_SOCK_OPS_RTT_CB,
    BPF_SOCK_OPS_RTT_CB_FLAG as BPF_SOCK_OPS_RTT_CB_FLAG,
    BPF_SOCK_OPS_RWND_INIT as BPF_SOCK_OPS_RWND_INIT,
    BPF_SOCK_OPS_STATE_CB as BPF_SOCK_OPS_STATE_CB,
    BPF_SOCK_OPS_STATE_CB_FLAG as BPF_SOCK_OPS_STATE_CB_FLAG,
    BPF_SOCK_OPS_TCP_CONNECT_CB as BPF_SOCK_OPS_TCP_CONNECT_CB,
    BPF_SOCK_OPS_TCP_LISTEN_CB as BPF_SOCK_OPS_TCP_LISTEN_CB,
    BPF_SOCK_OPS_TIMEOUT_INIT as BPF_SOCK_OPS_TIMEOUT_INIT,
    BPF_SOCK_OPS_VOID as BPF_SOCK_OPS_VOID,
    BPF_SOCK_OPS_WRITE_HDR_OPT_CB as BPF_SOCK_OPS_WRITE_HDR_OPT_CB,
    BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG as BPF_SOCK_OPS_WRITE_HDR_OPT_CB_FLAG,
    BPF_TCP_BOUND_INACTIVE as BPF_TCP_BOUND_INACTIVE,
    BPF_TCP_CLOSE as BPF_TCP_CLOSE,
    BPF_TCP_CLOSE_WAIT as BPF_TCP_CLOSE_WAIT,
    BPF_TCP_CLOSING as BPF_TCP_CLOSING,
    BPF_TCP_ESTABLISHED as BPF_TCP_ESTABLISHED,
    BPF_TCP_FIN_WAIT1 as BPF_TCP_FIN_WAIT1,
    BPF_TCP_FIN_WAIT2 as BPF_TCP_FIN_WAIT2,
    BPF_TCP_LAST_ACK as BPF_TCP_LAST_ACK,
    BPF_TCP_LISTEN as BPF_TCP_LISTEN,
    BPF_TCP_NEW_SYN_RECV as BPF_TCP_NEW_SYN_RECV,
    BPF_TCP_SYN_RECV as BPF_TCP_SYN_RECV,
    BPF_TCP_SYN_SENT as BPF_TCP_SYN_SENT,
    BPF_TCP_TIME_WAIT as BPF_TCP_TIME_WAIT,
    BPF_WRITE_HDR_TCP_CURRENT_MSS as BPF_WRITE_HDR_TCP_CURRENT_MSS,
    BPF_WRITE_HDR_TCP_SYNACK_COOKIE as BPF_WRITE_HDR_TCP_SYNACK_COOKIE,
    BTF_F_COMPACT as BTF_F_COMPACT,
    BTF_F_NONAME as BTF_F_NONAME,
    BTF_F_PTR_RAW as BTF_F_PTR_RAW,
    BTF_F_ZERO as BTF_F_ZERO,
    BpfRetCode as BpfRetCode,
    CLOCK_BOOTTIME as CLOCK_BOOTTIME,
    CLOCK_MONOTONIC as CLOCK_MONOTONIC,
    CLOCK_REALTIME as CLOCK_REALTIME,
    CLOCK_TAI as CLOCK_TAI,
    CheckMtuRet as CheckMtuRet,
    ETH_ALEN as ETH_ALEN,
    ETH_DATA_LEN as ETH_DATA_LEN,
    ETH_FRAME_LEN as ETH_FRAME_LEN,
    ETH_HLEN as ETH_HLEN,
    ETH_P_1588 as ETH_P_1588,
    ETH_P_8021AD as ETH_P_8021AD,
    ETH_P_8021Q as ETH_P_8021Q,
    ETH_P_ALL as ETH_P_ALL,
    ETH_P_ARP as ETH_P_ARP,
    ETH_P_IP as ETH_P_IP,
    ETH_P_IPV6 as ETH_P_IPV6,
    ETH_P_LLDP as ETH_P_LLDP,
    ETH_P_MPLS_MC as ETH_P_MPLS_MC,
    ETH_P_MPLS_UC as ETH_P_MPLS_UC,
    ETH_P_PAE as ETH_P_PAE,
    ETH_P_PPP_SES as ETH_P_PPP_SES,
    ETH_P_RARP as ETH_P_RARP,
    ETH_P_TEB as ETH_P_TEB,
    ETH_ZLEN as ETH_ZLEN,
    EthProto as EthProto,
    FibResult as FibResult,
    HdrStartOff as HdrStartOff,
    ICMPV6_DEST_UNREACH as ICMPV6_DEST_UNREACH,
    ICMPV6_ECHO_REPLY as ICMPV6_ECHO_REPLY,
    ICMPV6_ECHO_REQUEST as ICMPV6_ECHO_REQUEST,
    ICMPV6_PARAMPROB as ICMPV6_PARAMPROB,
    ICMPV6_PKT_TOOBIG as ICMPV6_PKT_TOOBIG,
    ICMPV6_TIME_EXCEED as ICMPV6_TIME_EXCEED,
    ICMP_DEST_UNREACH as ICMP_DEST_UNREACH,
    ICMP_ECHO as ICMP_ECHO,
    ICMP_ECHOREPLY as ICMP_ECHOREPLY,
    ICMP_FRAG_NEEDED as ICMP_FRAG_NEEDED,
    ICMP_HOST_UNREACH as ICMP_HOST_UNREACH,
    ICMP_NET_UNREACH as ICMP_NET_UNREACH,
    ICMP_PARAMETERPROB as ICMP_PARAMETERPROB,
    ICMP_PORT_UNREACH as ICMP_PORT_UNREACH,
    ICMP_PROT_UNREACH as ICMP_PROT_UNREACH,
    ICMP_REDIRECT as ICMP_REDIRECT,
    ICMP_SOURCE_QUENCH as ICMP_SOURCE_QUENCH,
    ICMP_TIMESTAMP as ICMP_TIMESTAMP,
    ICMP_TIMESTAMPREPLY as ICMP_TIMESTAMPREPLY,
    ICMP_TIME_EXCEEDED as ICMP_TIME_EXCEEDED,
    INET_ECN_CE as INET_ECN_CE,
    INET_ECN_ECT_0 as INET_ECN_ECT_0,
    INET_ECN_ECT_1 as INET_ECN_ECT_1,
    INET_ECN_MASK as INET_ECN_MASK,
    INET_ECN_NOT_ECT as INET_ECN_NOT_ECT,
    IPPROTO_AH as IPPROTO_AH,
    IPPROTO_DCCP as IPPROTO_DCCP,
    IPPROTO_DSTOPTS as IPPROTO_DSTOPTS,
    IPPROTO_ESP as IPPROTO_ESP,
    IPPROTO_ETHERNET as IPPROTO_ETHERNET,
    IPPROTO_FRAGMENT as IPPROTO_FRAGMENT,
    IPPROTO_GRE as IPPROTO_GRE,
    IPPROTO_HOPOPTS as IPPROTO_HOPOPTS,
    IPPROTO_ICMP as IPPROTO_ICMP,
    IPPROTO_ICMPV6 as IPPROTO_ICMPV6,
    IPPROTO_IGMP as IPPROTO_IGMP,
    IPPROTO_IP as IPPROTO_IP,
    IPPROTO_IPIP as IPPROTO_IPIP,
    IPPROTO_IPV6 as IPPROTO_IPV6,
    IPPROTO_MH as IPPROTO_MH,
    IPPROTO_MPTCP as IPPROTO_MPTCP,
    IPPROTO_NONE as IPPROTO_NONE,
    IPPROTO_RAW as IPPROTO_RAW,
    IPPROTO_ROUTING as IPPROTO_ROUTING,
    IPPROTO_SCTP as IPPROTO_SCTP,
    IPPROTO_TCP as IPPROTO_TCP,
    IPPROTO_UDP as IPPROTO_UDP,
    IPPROTO_UDPLITE as IPPROTO_UDPLITE,
    IPTOS_LOWDELAY as IPTOS_LOWDELAY,
    IPTOS_MINCOST as IPTOS_MINCOST,
    IPTOS_RELIABILITY as IPTOS_RELIABILITY,
    IPTOS_THROUGHPUT as IPTOS_THROUGHPUT,
    IPV6_TCLASS as IPV6_TCLASS,
    IPV6_V6ONLY as IPV6_V6ONLY,
    IP_DF as IP_DF,
    IP_MF as IP_MF,
    IP_OFFSET as IP_OFFSET,
    IP_TOS as IP_TOS,
    IP_TTL as IP_TTL,
    Icmp6Type as Icmp6Type,
    IcmpType as IcmpType,
    IpProto as IpProto,
    LwtEncapMode as LwtEncapMode,
    NETKIT_DROP as NETKIT_DROP,
    NETKIT_NEXT as NETKIT_NEXT,
    NETKIT_PASS as NETKIT_PASS,
    NETKIT_REDIRECT as NETKIT_REDIRECT,
    NF_ACCEPT as NF_ACCEPT,
    NF_DROP as NF_DROP,
    NetkitAction as NetkitAction,
    NfVerdict as NfVerdict,
    SK_DROP as SK_DROP,
    SK_PASS as SK_PASS,
    SOCK_DGRAM as SOCK_DGRAM,
    SOCK_RAW as SOCK_RAW,
    SOCK_SEQPACKET as SOCK_SEQPACKET,
    SOCK_STREAM as SOCK_STREAM,
    SOL_IP as SOL_IP,
    SOL_IPV6 as SOL_IPV6,
    SOL_SOCKET as SOL_SOCKET,
    SOL_TCP as SOL_TCP,
    SOL_UDP as SOL_UDP,
    SO_BINDTODEVICE as SO_BINDTODEVICE,
    SO_KEEPALIVE as SO_KEEPALIVE,
    SO_MARK as SO_MARK,
    SO_MAX_PACING_RATE as SO_MAX_PACING_RATE,
    SO_PRIORITY as SO_PRIORITY,
    SO_RCVBUF as SO_RCVBUF,
    SO_RCVLOWAT as SO_RCVLOWAT,
    SO_REUSEADDR as SO_REUSEADDR,
    SO_REUSEPORT as SO_REUSEPORT,
    SO_SNDBUF as SO_SNDBUF,
    SkAction as SkAction,
    SockOp as SockOp,
    TCPHDR_ACK as TCPHDR_ACK,
    TCPHDR_CWR as TCPHDR_CWR,
    TCPHDR_ECE as TCPHDR_ECE,
    TCPHDR_FIN as TCPHDR_FIN,
    TCPHDR_PSH as TCPHDR_PSH,
    TCPHDR_RST as TCPHDR_RST,
    TCPHDR_SYN as TCPHDR_SYN,
    TCPHDR_URG as TCPHDR_URG,
    TCPOPT_EOL as TCPOPT_EOL,
    TCPOPT_MSS as TCPOPT_MSS,
    TCPOPT_NOP as TCPOPT_NOP,
    TCPOPT_SACK as TCPOPT_SACK,
    TCPOPT_SACK_PERM as TCPOPT_SACK_PERM,
    TCPOPT_TIMESTAMP as TCPOPT_TIMESTAMP,
    TCPOPT_WINDOW as TCPOPT_WINDOW,
    TCP_BPF_DELACK_MAX as TCP_BPF_DELACK_MAX,
    TCP_BPF_IW as TCP_BPF_IW,
    TCP_BPF_RTO_MIN as TCP_BPF_RTO_MIN,
    TCP_BPF_SNDCWND_CLAMP as TCP_BPF_SNDCWND_CLAMP,
    TCP_BPF_SOCK_OPS_CB_FLAGS as TCP_BPF_SOCK_OPS_CB_FLAGS,
    TCP_BPF_SYN as TCP_BPF_SYN,
    TCP_BPF_SYN_IP as TCP_BPF_SYN_IP,
    TCP_BPF_SYN_MAC as TCP_BPF_SYN_MAC,
    TCP_CONGESTION as TCP_CONGESTION,
    TCP_KEEPCNT as TCP_KEEPCNT,
    TCP_KEEPIDLE as TCP_KEEPIDLE,
    TCP_KEEPINTVL as TCP_KEEPINTVL,
    TCP_MAXSEG as TCP_MAXSEG,
    TCP_NODELAY as TCP_NODELAY,
    TCP_NOTSENT_LOWAT as TCP_NOTSENT_LOWAT,
    TCP_SAVED_SYN as TCP_SAVED_SYN,
    TCP_SAVE_SYN as TCP_SAVE_SYN,
    TCP_SYNCNT as TCP_SYNCNT,
    TCP_USER_TIMEOUT as TCP_USER_TIMEOUT,
    TCP_WINDOW_CLAMP as TCP_WINDOW_CLAMP,
    TCX_DROP as TCX_DROP,
    TCX_NEXT as TCX_NEXT,
    TCX_PASS as TCX_PASS,
    TCX_REDIRECT as TCX_REDIRECT,
    TC_ACT_OK as TC_ACT_OK,
    TC_ACT_PIPE as TC_ACT_PIPE,
    TC_ACT_QUEUED as TC_ACT_QUEUED,
    TC_ACT_RECLASSIFY as TC_ACT_RECLASSIFY,
    TC_ACT_REDIRECT as TC_ACT_REDIRECT,
    TC_ACT_REPEAT as TC_ACT_REPEAT,
    TC_ACT_SHOT as TC_ACT_SHOT,
    TC_ACT_STOLEN as TC_ACT_STOLEN,
    TC_ACT_TRAP as TC_ACT_TRAP,
    TC_ACT_UNSPEC as TC_ACT_UNSPEC,
    TcAction as TcAction,
    TcpState as TcpState,
    TcxAction as TcxAction,
    VLAN_HLEN as VLAN_HLEN,
    VLAN_PRIO_MASK as VLAN_PRIO_MASK,
    VLAN_PRIO_SHIFT as VLAN_PRIO_SHIFT,
    VLAN_VID_MASK as VLAN_VID_MASK,
    XDP_ABORTED as XDP_ABORTED,
    XDP_DROP as XDP_DROP,
    XDP_PASS as XDP_PASS,
    XDP_REDIRECT as XDP_REDIRECT,
    XDP_TX as XDP_TX,
    XdpAction as XdpAction,
)
from btfkit.bpf.contexts import (
    KernelContext as KernelContext,
    Registers as Registers,
    __sk_buff as __sk_buff,
    bpf_cgroup_dev_ctx as bpf_cgroup_dev_ctx,
    bpf_nf_ctx as bpf_nf_ctx,
    bpf_perf_event_data as bpf_perf_event_data,
    bpf_perf_event_data_aarch64 as bpf_perf_event_data_aarch64,
    bpf_raw_tracepoint_args as bpf_raw_tracepoint_args,
    bpf_sk_lookup as bpf_sk_lookup,
    bpf_sock as bpf_sock,
    bpf_sock_addr as bpf_sock_addr,
    bpf_sock_ops as bpf_sock_ops,
    bpf_sockopt as bpf_sockopt,
    bpf_sysctl as bpf_sysctl,
    bpf_tcp_sock as bpf_tcp_sock,
    bpf_xdp_sock as bpf_xdp_sock,
    lirc_sample as lirc_sample,
    pt_regs as pt_regs,
    sk_msg_md as sk_msg_md,
    sk_reuseport_md as sk_reuseport_md,
    user_pt_regs as user_pt_regs,
    xdp_md as xdp_md,
)
from btfkit.bpf.structs import (
    LpmKey4 as LpmKey4,
    LpmKey6 as LpmKey6,
    MapProgram as MapProgram,
    SockTuple4 as SockTuple4,
    SockTuple6 as SockTuple6,
    bpf_cgroup_storage_key as bpf_cgroup_storage_key,
    bpf_cpumap_val as bpf_cpumap_val,
    bpf_devmap_val as bpf_devmap_val,
    bpf_dynptr as bpf_dynptr,
    bpf_fib_lookup as bpf_fib_lookup,
    bpf_flow_keys as bpf_flow_keys,
    bpf_iter_num as bpf_iter_num,
    bpf_list_head as bpf_list_head,
    bpf_list_node as bpf_list_node,
    bpf_perf_event_value as bpf_perf_event_value,
    bpf_pidns_info as bpf_pidns_info,
    bpf_rb_node as bpf_rb_node,
    bpf_rb_root as bpf_rb_root,
    bpf_redir_neigh as bpf_redir_neigh,
    bpf_refcount as bpf_refcount,
    bpf_sock_tuple as bpf_sock_tuple,
    bpf_spin_lock as bpf_spin_lock,
    bpf_timer as bpf_timer,
    bpf_tunnel_key as bpf_tunnel_key,
    bpf_wq as bpf_wq,
    bpf_xfrm_state as bpf_xfrm_state,
    btf_ptr as btf_ptr,
)
from btfkit.bpf.packet import (
    ArpHdr as ArpHdr,
    ArpIPv4 as ArpIPv4,
    EspHdr as EspHdr,
    EthHdr as EthHdr,
    GeneveHdr as GeneveHdr,
    GreHdr as GreHdr,
    IPv4Hdr as IPv4Hdr,
    IPv6FragHdr as IPv6FragHdr,
    IPv6Hdr as IPv6Hdr,
    IPv6OptHdr as IPv6OptHdr,
    Icmp6Hdr as Icmp6Hdr,
    IcmpHdr as IcmpHdr,
    IgmpHdr as IgmpHdr,
    MplsHdr as MplsHdr,
    SctpHdr as SctpHdr,
    TcpHdr as TcpHdr,
    UdpHdr as UdpHdr,
    VlanHdr as VlanHdr,
    VxlanHdr as VxlanHdr,
)
action: Decorator
cgroup_bind4: Decorator
cgroup_bind6: Decorator
cgroup_connect4: Decorator
cgroup_connect6: Decorator
cgroup_connect_unix: Decorator
cgroup_dev: Decorator
cgroup_getpeername4: Decorator
cgroup_getpeername6: Decorator
cgroup_getpeername_unix: Decorator
cgroup_getsockname4: Decorator
cgroup_getsockname6: Decorator
cgroup_getsockname_unix: Decorator
cgroup_getsockopt: Decorator
cgroup_post_bind4: Decorator
cgroup_post_bind6: Decorator
cgroup_recvmsg4: Decorator
cgroup_recvmsg6: Decorator
cgroup_recvmsg_unix: Decorator
cgroup_sendmsg4: Decorator
cgroup_sendmsg6: Decorator
cgroup_sendmsg_unix: Decorator
cgroup_setsockopt: Decorator
cgroup_skb: Decorator
cgroup_skb_egress: Decorator
cgroup_skb_ingress: Decorator
cgroup_sock: Decorator
cgroup_sock_create: Decorator
cgroup_sock_release: Decorator
cgroup_sysctl: Decorator
classifier: Decorator
fentry: Decorator
fexit: Decorator
flow_dissector: Decorator
fmod_ret: Decorator
freplace: Decorator
fsession: Decorator
iter: Decorator
kprobe: Decorator
kprobe_multi: Decorator
kprobe_session: Decorator
kretprobe: Decorator
kretprobe_multi: Decorator
kretsyscall: Decorator
ksyscall: Decorator
lirc_mode2: Decorator
lsm: Decorator
lsm_cgroup: Decorator
lwt_in: Decorator
lwt_out: Decorator
lwt_seg6local: Decorator
lwt_xmit: Decorator
netfilter: Decorator
netkit_peer: Decorator
netkit_primary: Decorator
perf_event: Decorator
raw_tp: Decorator
raw_tp_w: Decorator
raw_tracepoint: Decorator
raw_tracepoint_w: Decorator
sk_lookup: Decorator
sk_msg: Decorator
sk_reuseport: Decorator
sk_reuseport_migrate: Decorator
sk_skb: Decorator
sk_skb_stream_parser: Decorator
sk_skb_stream_verdict: Decorator
sk_skb_verdict: Decorator
socket: Decorator
sockops: Decorator
struct_ops: StructOpsDecorator
syscall: Decorator
tc: Decorator
tc_egress: Decorator
tc_ingress: Decorator
tcx_egress: Decorator
tcx_ingress: Decorator
tp: Decorator
tp_btf: Decorator
tracepoint: Decorator
uprobe: Decorator
uprobe_multi: Decorator
uprobe_session: Decorator
uretprobe: Decorator
uretprobe_multi: Decorator
usdt: Decorator
xdp: Decorator
xdp_cpumap: Decorator
xdp_devmap: Decorator
xdp_frags: Decorator
xdp_frags_cpumap: Decorator
xdp_frags_devmap: Decorator
def cast(*args: Any) -> Any: ...
def cmpxchg(*args: Any) -> Any: ...
def copy(*args: Any) -> Any: ...
def cpu_id(*args: Any) -> Any: ...
def current_comm(*args: Any) -> Any: ...
def current_gid(*args: Any) -> Any: ...
def current_pid(*args: Any) -> Any: ...
def current_task(*args: Any) -> Any: ...
def current_tgid(*args: Any) -> Any: ...
def current_uid(*args: Any) -> Any: ...
def fetch_add(*args: Any) -> Any: ...
def field_exists(*args: Any) -> Any: ...
def htonl(*args: Any) -> Any: ...
def htons(*args: Any) -> Any: ...
def ktime_ns(*args: Any) -> Any: ...
def ntohl(*args: Any) -> Any: ...
def ntohs(*args: Any) -> Any: ...
def printk(*args: Any) -> Any: ...
def random_u32(*args: Any) -> Any: ...
def read_kernel(*args: Any) -> Any: ...
def read_user(*args: Any) -> Any: ...
def tail_call(*args: Any) -> Any: ...
def type_exists(*args: Any) -> Any: ...
def xchg(*args: Any) -> Any: ...
def bind(ctx: Any, addr: Any, addr_len: int = ...) -> int: ...
def bprm_opts_set(bprm: Any, flags: int) -> int: ...
def btf_find_by_name_kind(name: Any, name_sz: int = ..., kind: int = ..., flags: int = ...) -> int: ...
def cgrp_storage_delete(map: Any, cgroup: Any) -> int: ...
def cgrp_storage_get(map: Any, cgroup: Any, value: Any, flags: int) -> Any: ...
def check_mtu(ctx: Any, ifindex: int, mtu_len: Any, len_diff: int, flags: int) -> int: ...
def clone_redirect(skb: Any, ifindex: int, flags: int) -> int: ...
def copy_from_user(dst: Any, size: int = ..., user_ptr: Any = ...) -> int: ...
def copy_from_user_task(dst: Any, size: int = ..., user_ptr: Any = ..., tsk: Any = ..., flags: int = ...) -> int: ...
def csum_diff(arg0: Any, from_size: int = ..., to: Any = ..., to_size: int = ..., seed: int = ...) -> int: ...
def csum_level(skb: Any, level: int) -> int: ...
def csum_update(skb: Any, csum: int) -> int: ...
def current_task_under_cgroup(map: Any, index: int) -> int: ...
def d_path(path: Any, buf: Any, sz: int = ...) -> int: ...
def dynptr_data(ptr: Any, offset: int, len: int) -> Any: ...
def dynptr_from_mem(data: Any, size: int = ..., flags: int = ..., ptr: Any = ...) -> int: ...
def dynptr_read(dst: Any, len: int = ..., src: Any = ..., offset: int = ..., flags: int = ...) -> int: ...
def dynptr_write(dst: Any, offset: int, src: Any, len: int = ..., flags: int = ...) -> int: ...
def fib_lookup(ctx: Any, params: Any, plen: int = ..., flags: int = ...) -> int: ...
def find_vma(task: Any, addr: int, callback_fn: Any, callback_ctx: Any, flags: int) -> int: ...
def for_each_map_elem(map: Any, callback_fn: Any, callback_ctx: Any, flags: int) -> int: ...
def get_attach_cookie(ctx: Any) -> int: ...
def get_branch_snapshot(entries: Any, size: int = ..., flags: int = ...) -> int: ...
def get_cgroup_classid(skb: Any) -> int: ...
def get_current_ancestor_cgroup_id(ancestor_level: int) -> int: ...
def get_current_cgroup_id() -> int: ...
def get_current_comm(buf: Any, size_of_buf: int = ...) -> int: ...
def get_current_pid_tgid() -> int: ...
def get_current_task() -> int: ...
def get_current_task_btf() -> Any: ...
def get_current_uid_gid() -> int: ...
def get_func_arg(ctx: Any, n: int, value: Any) -> int: ...
def get_func_arg_cnt(ctx: Any) -> int: ...
def get_func_ip(ctx: Any) -> int: ...
def get_func_ret(ctx: Any, value: Any) -> int: ...
def get_hash_recalc(skb: Any) -> int: ...
def get_listener_sock(sk: Any) -> Any: ...
def get_local_storage(map: Any, flags: int) -> Any: ...
def get_netns_cookie(ctx: Any) -> int: ...
def get_ns_current_pid_tgid(dev: int, ino: int, nsdata: Any, size: int = ...) -> int: ...
def get_numa_node_id() -> int: ...
def get_prandom_u32() -> int: ...
def get_retval() -> int: ...
def get_route_realm(skb: Any) -> int: ...
def get_smp_processor_id() -> int: ...
def get_socket_cookie(ctx: Any) -> int: ...
def get_socket_uid(skb: Any) -> int: ...
def get_stack(ctx: Any, buf: Any, size: int = ..., flags: int = ...) -> int: ...
def get_stackid(ctx: Any, map: Any, flags: int) -> int: ...
def get_task_stack(task: Any, buf: Any, size: int = ..., flags: int = ...) -> int: ...
def getsockopt(bpf_socket: Any, level: int, optname: int, optval: Any, optlen: int = ...) -> int: ...
def ima_file_hash(file: Any, dst: Any, size: int = ...) -> int: ...
def ima_inode_hash(inode: Any, dst: Any, size: int = ...) -> int: ...
def inode_storage_delete(map: Any, inode: Any) -> int: ...
def inode_storage_get(map: Any, inode: Any, value: Any, flags: int) -> Any: ...
def jiffies64() -> int: ...
def kallsyms_lookup_name(name: Any, name_sz: int = ..., flags: int = ..., res: Any = ...) -> int: ...
def kptr_xchg(map_value: Any, ptr: Any) -> Any: ...
def ktime_get_boot_ns() -> int: ...
def ktime_get_coarse_ns() -> int: ...
def ktime_get_ns() -> int: ...
def ktime_get_tai_ns() -> int: ...
def l3_csum_replace(skb: Any, offset: int, arg2: int, to: int, size: int) -> int: ...
def l4_csum_replace(skb: Any, offset: int, arg2: int, to: int, flags: int) -> int: ...
def load_hdr_opt(skops: Any, searchby_res: Any, len: int = ..., flags: int = ...) -> int: ...
def loop(nr_loops: int, callback_fn: Any, callback_ctx: Any, flags: int) -> int: ...
def lwt_push_encap(skb: Any, type: int, hdr: Any, len: int = ...) -> int: ...
def lwt_seg6_action(skb: Any, action: int, param: Any, param_len: int = ...) -> int: ...
def lwt_seg6_adjust_srh(skb: Any, offset: int, delta: int) -> int: ...
def lwt_seg6_store_bytes(skb: Any, offset: int, arg2: Any, len: int = ...) -> int: ...
def map_delete_elem(map: Any, key: Any) -> int: ...
def map_lookup_elem(map: Any, key: Any) -> Any: ...
def map_lookup_percpu_elem(map: Any, key: Any, cpu: int) -> Any: ...
def map_peek_elem(map: Any, value: Any) -> int: ...
def map_pop_elem(map: Any, value: Any) -> int: ...
def map_push_elem(map: Any, value: Any, flags: int) -> int: ...
def map_update_elem(map: Any, key: Any, value: Any, flags: int) -> int: ...
def msg_apply_bytes(msg: Any, bytes: int) -> int: ...
def msg_cork_bytes(msg: Any, bytes: int) -> int: ...
def msg_pop_data(msg: Any, start: int, len: int, flags: int) -> int: ...
def msg_pull_data(msg: Any, start: int, end: int, flags: int) -> int: ...
def msg_push_data(msg: Any, start: int, len: int, flags: int) -> int: ...
def msg_redirect_hash(msg: Any, map: Any, key: Any, flags: int) -> int: ...
def msg_redirect_map(msg: Any, map: Any, key: int, flags: int) -> int: ...
def override_return(regs: Any, rc: int) -> int: ...
def per_cpu_ptr(percpu_ptr: Any, cpu: int) -> Any: ...
def perf_event_output(ctx: Any, map: Any, flags: int, data: Any, size: int = ...) -> int: ...
def perf_event_read(map: Any, flags: int) -> int: ...
def perf_event_read_value(map: Any, flags: int, buf: Any, buf_size: int = ...) -> int: ...
def perf_prog_read_value(ctx: Any, buf: Any, buf_size: int = ...) -> int: ...
def probe_read(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_read_kernel(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_read_kernel_str(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_read_str(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_read_user(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_read_user_str(dst: Any, size: int = ..., unsafe_ptr: Any = ...) -> int: ...
def probe_write_user(dst: Any, src: Any, len: int = ...) -> int: ...
def rc_keydown(ctx: Any, protocol: int, scancode: int, toggle: int) -> int: ...
def rc_pointer_rel(ctx: Any, rel_x: int, rel_y: int) -> int: ...
def rc_repeat(ctx: Any) -> int: ...
def read_branch_records(ctx: Any, buf: Any, size: int = ..., flags: int = ...) -> int: ...
def redirect(ifindex: int, flags: int) -> int: ...
def redirect_map(map: Any, key: int, flags: int) -> int: ...
def redirect_neigh(ifindex: int, params: Any, plen: int = ..., flags: int = ...) -> int: ...
def redirect_peer(ifindex: int, flags: int) -> int: ...
def reserve_hdr_opt(skops: Any, len: int, flags: int) -> int: ...
def ringbuf_discard(data: Any, flags: int) -> None: ...
def ringbuf_discard_dynptr(ptr: Any, flags: int) -> None: ...
def ringbuf_output(ringbuf: Any, data: Any, size: int = ..., flags: int = ...) -> int: ...
def ringbuf_query(ringbuf: Any, flags: int) -> int: ...
def ringbuf_reserve(ringbuf: Any, size: int, flags: int) -> Any: ...
def ringbuf_reserve_dynptr(ringbuf: Any, size: int, flags: int, ptr: Any) -> int: ...
def ringbuf_submit(data: Any, flags: int) -> None: ...
def ringbuf_submit_dynptr(ptr: Any, flags: int) -> None: ...
def send_signal(sig: int) -> int: ...
def send_signal_thread(sig: int) -> int: ...
def seq_printf(m: Any, fmt: Any, fmt_size: int = ..., data: Any = ..., data_len: int = ...) -> int: ...
def seq_printf_btf(m: Any, ptr: Any, ptr_size: int = ..., flags: int = ...) -> int: ...
def seq_write(m: Any, data: Any, len: int = ...) -> int: ...
def set_hash(skb: Any, hash: int) -> int: ...
def set_hash_invalid(skb: Any) -> None: ...
def set_retval(retval: int) -> int: ...
def setsockopt(bpf_socket: Any, level: int, optname: int, optval: Any, optlen: int = ...) -> int: ...
def sk_ancestor_cgroup_id(sk: Any, ancestor_level: int) -> int: ...
def sk_assign(ctx: Any, sk: Any, flags: int) -> int: ...
def sk_cgroup_id(sk: Any) -> int: ...
def sk_fullsock(sk: Any) -> Any: ...
def sk_lookup_tcp(ctx: Any, tuple: Any, tuple_size: int = ..., netns: int = ..., flags: int = ...) -> Any: ...
def sk_lookup_udp(ctx: Any, tuple: Any, tuple_size: int = ..., netns: int = ..., flags: int = ...) -> Any: ...
def sk_redirect_hash(skb: Any, map: Any, key: Any, flags: int) -> int: ...
def sk_redirect_map(skb: Any, map: Any, key: int, flags: int) -> int: ...
def sk_release(sock: Any) -> int: ...
def sk_select_reuseport(reuse: Any, map: Any, key: Any, flags: int) -> int: ...
def sk_storage_delete(map: Any, sk: Any) -> int: ...
def sk_storage_get(map: Any, sk: Any, value: Any, flags: int) -> Any: ...
def skb_adjust_room(skb: Any, len_diff: int, mode: int, flags: int) -> int: ...
def skb_ancestor_cgroup_id(skb: Any, ancestor_level: int) -> int: ...
def skb_cgroup_classid(skb: Any) -> int: ...
def skb_cgroup_id(skb: Any) -> int: ...
def skb_change_head(skb: Any, len: int, flags: int) -> int: ...
def skb_change_proto(skb: Any, proto: int, flags: int) -> int: ...
def skb_change_tail(skb: Any, len: int, flags: int) -> int: ...
def skb_change_type(skb: Any, type: int) -> int: ...
def skb_ecn_set_ce(skb: Any) -> int: ...
def skb_get_tunnel_key(skb: Any, key: Any, size: int = ..., flags: int = ...) -> int: ...
def skb_get_tunnel_opt(skb: Any, opt: Any, size: int = ...) -> int: ...
def skb_get_xfrm_state(skb: Any, index: int, xfrm_state: Any, size: int = ..., flags: int = ...) -> int: ...
def skb_load_bytes(skb: Any, offset: int, to: Any, len: int = ...) -> int: ...
def skb_load_bytes_relative(skb: Any, offset: int, to: Any, len: int = ..., start_header: int = ...) -> int: ...
def skb_output(ctx: Any, map: Any, flags: int, data: Any, size: int = ...) -> int: ...
def skb_pull_data(skb: Any, len: int) -> int: ...
def skb_set_tstamp(skb: Any, tstamp: int, tstamp_type: int) -> int: ...
def skb_set_tunnel_key(skb: Any, key: Any, size: int = ..., flags: int = ...) -> int: ...
def skb_set_tunnel_opt(skb: Any, opt: Any, size: int = ...) -> int: ...
def skb_store_bytes(skb: Any, offset: int, arg2: Any, len: int = ..., flags: int = ...) -> int: ...
def skb_under_cgroup(skb: Any, map: Any, index: int) -> int: ...
def skb_vlan_pop(skb: Any) -> int: ...
def skb_vlan_push(skb: Any, vlan_proto: int, vlan_tci: int) -> int: ...
def skc_lookup_tcp(ctx: Any, tuple: Any, tuple_size: int = ..., netns: int = ..., flags: int = ...) -> Any: ...
def skc_to_mptcp_sock(sk: Any) -> Any: ...
def skc_to_tcp6_sock(sk: Any) -> Any: ...
def skc_to_tcp_request_sock(sk: Any) -> Any: ...
def skc_to_tcp_sock(sk: Any) -> Any: ...
def skc_to_tcp_timewait_sock(sk: Any) -> Any: ...
def skc_to_udp6_sock(sk: Any) -> Any: ...
def skc_to_unix_sock(sk: Any) -> Any: ...
def snprintf(str: Any, str_size: int = ..., fmt: Any = ..., data: Any = ..., data_len: int = ...) -> int: ...
def snprintf_btf(str: Any, str_size: int = ..., ptr: Any = ..., btf_ptr_size: int = ..., flags: int = ...) -> int: ...
def sock_from_file(file: Any) -> Any: ...
def sock_hash_update(skops: Any, map: Any, key: Any, flags: int) -> int: ...
def sock_map_update(skops: Any, map: Any, key: Any, flags: int) -> int: ...
def sock_ops_cb_flags_set(bpf_sock: Any, argval: int) -> int: ...
def spin_lock(lock: Any) -> None: ...
def spin_unlock(lock: Any) -> None: ...
def store_hdr_opt(skops: Any, arg1: Any, len: int = ..., flags: int = ...) -> int: ...
def strncmp(s1: Any, s1_sz: int = ..., s2: Any = ...) -> int: ...
def strtol(buf: Any, buf_len: int = ..., flags: int = ..., res: Any = ...) -> int: ...
def strtoul(buf: Any, buf_len: int = ..., flags: int = ..., res: Any = ...) -> int: ...
def sys_bpf(cmd: int, attr: Any, attr_size: int = ...) -> int: ...
def sys_close(fd: int) -> int: ...
def sysctl_get_current_value(ctx: Any, buf: Any, buf_len: int = ...) -> int: ...
def sysctl_get_name(ctx: Any, buf: Any, buf_len: int = ..., flags: int = ...) -> int: ...
def sysctl_get_new_value(ctx: Any, buf: Any, buf_len: int = ...) -> int: ...
def sysctl_set_new_value(ctx: Any, buf: Any, buf_len: int = ...) -> int: ...
def task_pt_regs(task: Any) -> Any: ...
def task_storage_delete(map: Any, task: Any) -> int: ...
def task_storage_get(map: Any, task: Any, value: Any, flags: int) -> Any: ...
def tcp_check_syncookie(sk: Any, iph: Any, iph_len: int = ..., th: Any = ..., th_len: int = ...) -> int: ...
def tcp_gen_syncookie(sk: Any, iph: Any, iph_len: int = ..., th: Any = ..., th_len: int = ...) -> int: ...
def tcp_raw_check_syncookie_ipv4(iph: Any, th: Any) -> int: ...
def tcp_raw_check_syncookie_ipv6(iph: Any, th: Any) -> int: ...
def tcp_raw_gen_syncookie_ipv4(iph: Any, th: Any, th_len: int = ...) -> int: ...
def tcp_raw_gen_syncookie_ipv6(iph: Any, th: Any, th_len: int = ...) -> int: ...
def tcp_send_ack(tp: Any, rcv_nxt: int) -> int: ...
def tcp_sock(sk: Any) -> Any: ...
def this_cpu_ptr(percpu_ptr: Any) -> Any: ...
def timer_cancel(timer: Any) -> int: ...
def timer_init(timer: Any, map: Any, flags: int) -> int: ...
def timer_set_callback(timer: Any, callback_fn: Any) -> int: ...
def timer_start(timer: Any, nsecs: int, flags: int) -> int: ...
def trace_printk(fmt: Any, fmt_size: int = ..., *args: Any) -> int: ...
def trace_vprintk(fmt: Any, fmt_size: int = ..., data: Any = ..., data_len: int = ...) -> int: ...
def user_ringbuf_drain(map: Any, callback_fn: Any, ctx: Any, flags: int) -> int: ...
def xdp_adjust_head(xdp_md: Any, delta: int) -> int: ...
def xdp_adjust_meta(xdp_md: Any, delta: int) -> int: ...
def xdp_adjust_tail(xdp_md: Any, delta: int) -> int: ...
def xdp_get_buff_len(xdp_md: Any) -> int: ...
def xdp_load_bytes(xdp_md: Any, offset: int, buf: Any, len: int = ...) -> int: ...
def xdp_output(ctx: Any, map: Any, flags: int, data: Any, size: int = ...) -> int: ...
def xdp_store_bytes(xdp_md: Any, offset: int, buf: Any, len: int = ...) -> int: ...
