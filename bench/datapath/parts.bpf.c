// SPDX-License-Identifier: Apache-2.0
/*
 * The floor: what the parts of a walk cost when nothing joins them. The same parts that datapath-performance.md,
 * section 4, adds up to 110-170 ns for a pod's packet to another node, 200 ns to a pod of the same node, 130 ns for
 * one that arrives, and 50 ns for a service on top. Here one program does them in turn, so that any machine has its
 * own floor.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct tuple {
	__be32 daddr;
	__be32 saddr;
	__be16 dport;
	__be16 sport;
	__u8 protocol;
	__u8 reply;
	__u16 pad;
};

struct flow {
	__u64 packets;
	__u64 bytes;
	__u64 rest[5];
};

struct rule {
	__u32 identity;
	__u8 direction;
	__u8 protocol;
	__u16 port;
};

struct prefix {
	__u32 length;
	__be32 address;
};

struct event {
	__u64 word[8];
};

#define MAP(name, kind, entries, key_type, value_type, flags)                                                      \
	struct {                                                                                                   \
		__uint(type, kind);                                                                                \
		__uint(max_entries, entries);                                                                      \
		__uint(map_flags, flags);                                                                          \
		__type(key, key_type);                                                                             \
		__type(value, value_type);                                                                         \
	} name SEC(".maps")

MAP(pods, BPF_MAP_TYPE_HASH, 65536, __be32, __u64, 0);
MAP(frontends, BPF_MAP_TYPE_HASH, 65536, struct tuple, struct tuple, 0);
MAP(flows, BPF_MAP_TYPE_LRU_HASH, 524288, struct tuple, struct flow, 0);
MAP(prefixes, BPF_MAP_TYPE_LPM_TRIE, 65536, struct prefix, __u64, BPF_F_NO_PREALLOC);
MAP(rules, BPF_MAP_TYPE_HASH, 16384, struct rule, __u64, 0);
MAP(counters, BPF_MAP_TYPE_PERCPU_ARRAY, 16, __u32, __u64, 0);
MAP(steps, BPF_MAP_TYPE_PROG_ARRAY, 4, __u32, __u32, 0);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4194304);
} events SEC(".maps");

/* What user space puts into the maps. */
const volatile __be32 pod = bpf_htonl(0x0a000001);
const volatile __be32 remote = bpf_htonl(0x0a000101);
const volatile __u32 peer = 100;
__u64 sink;

static __always_inline bool parse(struct __sk_buff *skb, struct tuple *tuple)
{
	void *data = (void *)(long)skb->data;
	struct iphdr *ip = data + ETH_HLEN;
	struct tcphdr *tcp = (void *)(ip + 1);

	if ((void *)(tcp + 1) > (void *)(long)skb->data_end || skb->protocol != bpf_htons(ETH_P_IP))
		return false;
	tuple->daddr = ip->daddr;
	tuple->saddr = ip->saddr;
	tuple->dport = tcp->dest;
	tuple->sport = tcp->source;
	tuple->protocol = ip->protocol;
	return true;
}

static __always_inline void see(void *value)
{
	if (value)
		sink += *(volatile __u32 *)value;
}

static __always_inline void endpoint(void)
{
	__be32 key = pod;

	see(bpf_map_lookup_elem(&pods, &key));
}

static __always_inline void frontend(const struct tuple *tuple)
{
	struct tuple key = { .daddr = tuple->daddr, .dport = tuple->dport, .protocol = tuple->protocol };

	see(bpf_map_lookup_elem(&frontends, &key));
}

/* Two ways of a flow are two keys, as most have it: the first misses. */
static __always_inline struct flow *conntrack(struct tuple *tuple)
{
	struct flow *flow;

	tuple->reply = 1;
	see(bpf_map_lookup_elem(&flows, tuple));
	tuple->reply = 0;
	flow = bpf_map_lookup_elem(&flows, tuple);
	if (flow)
		__sync_fetch_and_add(&flow->packets, 1);
	return flow;
}

static __always_inline void ipcache(void)
{
	struct prefix key = { 32, remote };

	see(bpf_map_lookup_elem(&prefixes, &key));
}

static __always_inline void policy(__u8 direction)
{
	struct rule key = { peer, direction, IPPROTO_TCP, 80 };

	see(bpf_map_lookup_elem(&rules, &key));
}

static __always_inline void count(struct __sk_buff *skb)
{
	__u32 key = 1;
	__u64 *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		*value += skb->len;
}

static __always_inline int encapsulate(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = { .tunnel_id = 42, .remote_ipv4 = 0xc0a83202, .tunnel_ttl = 64 };

	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}

/* Another address and port, to the same values: their checksums are what costs. */
static __always_inline void translate(struct __sk_buff *skb, const struct tuple *tuple)
{
	__be32 address = tuple->daddr;
	__be16 port = tuple->dport;
	__u32 l4 = ETH_HLEN + sizeof(struct iphdr);

	bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check), address, address, BPF_F_PSEUDO_HDR | 4);
	bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), address, address, 4);
	bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct iphdr, daddr), &address, 4, 0);
	bpf_l4_csum_replace(skb, l4 + offsetof(struct tcphdr, check), port, port, 2);
	bpf_skb_store_bytes(skb, l4 + offsetof(struct tcphdr, dest), &port, 2, 0);
}

#define STEP(name, next)                                                                                           \
	SEC("tc") int name(struct __sk_buff *skb)                                                                  \
	{                                                                                                          \
		bpf_tail_call(skb, &steps, next);                                                                  \
		return TC_ACT_SHOT;                                                                                \
	}
#define STEP(name, next)                                                                                           \
	SEC("tc") int name(struct __sk_buff *skb)                                                                  \
	{                                                                                                          \
		bpf_tail_call(skb, &steps, next);                                                                  \
		return TC_ACT_SHOT;                                                                                \
	}
STEP(step_0, 1)
STEP(step_1, 2)

SEC("tc")
int step_2(struct __sk_buff *skb)
{
	return encapsulate(skb);
}

/* No reader is woken: that alone would cost ten times the packet. */
static __always_inline void tell(void)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->word[0] = sink;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}

enum kind {
	SERVICE = 1,  /* the destination becomes another */
	NEW = 2,      /* no flow is known, and some are remembered */
	LOCAL = 4,    /* the other end is here too: both are asked */
	ARRIVING = 8, /* the other end alone is here */
	DENIED = 16,
};

static __always_inline bool flow_of(struct tuple *tuple, int kind)
{
	struct flow flow = { .packets = 1 };

	return conntrack(tuple) || ((kind & NEW) && !bpf_map_update_elem(&flows, tuple, &flow, BPF_ANY));
}

static __always_inline int walk(struct __sk_buff *skb, int kind)
{
	struct tuple tuple = {};

	if (!parse(skb, &tuple))
		return TC_ACT_SHOT;
	endpoint();
	if (!(kind & ARRIVING))
		frontend(&tuple);
	if (kind & SERVICE) {
		tuple.pad = 1; /* the flow to the frontend is one of its own */
		if ((kind & NEW) && !flow_of(&tuple, kind))
			return TC_ACT_SHOT;
		tuple.pad = 0;
		frontend(&tuple);
		translate(skb, &tuple);
	}
	if (!flow_of(&tuple, kind) && !(kind & DENIED))
		return TC_ACT_SHOT;
	ipcache();
	policy(kind & ARRIVING ? 1 : 0);
	if (kind & LOCAL) {
		endpoint();
		tuple.pad = 2; /* the other pod's own entry */
		if (!flow_of(&tuple, kind))
			return TC_ACT_SHOT;
		policy(1);
	}
	count(skb);
	if (kind & DENIED) {
		tell();
		return TC_ACT_SHOT;
	}
	if (kind & (LOCAL | ARRIVING))
		return bpf_redirect_peer(skb->ifindex, 0);
	/* Two tail calls more: most datapaths are made of several programs. */
	bpf_tail_call(skb, &steps, 0);
	return TC_ACT_SHOT;
}

#define PARTS(name, kind) SEC("tc") int parts_##name(struct __sk_buff *skb) { return walk(skb, kind); }
PARTS(remote, 0)
PARTS(service, SERVICE)
PARTS(local, LOCAL)
PARTS(arriving, ARRIVING)
PARTS(remote_new, NEW)
PARTS(service_new, SERVICE | NEW)
PARTS(local_new, LOCAL | NEW)
PARTS(denied, DENIED)

char LICENSE[] SEC("license") = "GPL";
