// SPDX-License-Identifier: Apache-2.0
/*
 * Runs another program on one frame, again and again. A test run keeps one packet for all its repeats, and a datapath
 * changes it: TTL, MAC addresses, a service's backend. So each repeat gets the frame back first, and the same with a
 * target that does nothing tells what that costs.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#define FRAME_WORDS 8
#define NO_TARGET 77

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} targets SEC(".maps");

__u32 target;
__u64 frame[FRAME_WORDS];
__u32 flow;              /* grows with every new flow */
__be32 destinations[16]; /* of new flows, 65,536 to each in turn */
__u32 vni;
__u32 tunnel_from;      /* host order, as the helper wants it */

/* The packet as it was; NULL if it is none of ours. */
static __always_inline struct iphdr *restore(struct __sk_buff *skb)
{
	__u64 *data = (void *)(long)skb->data;
	int word;

	if ((void *)(data + FRAME_WORDS) > (void *)(long)skb->data_end)
		return NULL;
#pragma unroll
	for (word = 0; word < FRAME_WORDS; word++)
		data[word] = frame[word];
	skb->mark = 0;
	return (void *)data + ETH_HLEN;
}

SEC("tc")
int replay(struct __sk_buff *skb)
{
	if (!restore(skb))
		return NO_TARGET;
	bpf_tail_call(skb, &targets, target);
	return NO_TARGET;
}

/* Each repeat is another flow: the next source port. */
SEC("tc")
int replay_new(struct __sk_buff *skb)
{
	struct iphdr *ip = restore(skb);
	struct tcphdr *tcp;
	__u32 number;

	if (!ip)
		return NO_TARGET;
	tcp = (void *)(ip + 1);
	number = flow++;
	tcp->source = bpf_htons(number);
	ip->daddr = destinations[(number >> 16) & 15];
	bpf_tail_call(skb, &targets, target);
	return NO_TARGET;
}

/*
 * As the tunnel device hands it over; a test run cannot say so. Each time anew: what this helper sets is one for all
 * programs of a CPU, and between two runs others may have their turn.
 */
SEC("tc")
int replay_tunnel(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {
		.tunnel_id = vni,
		.local_ipv4 = tunnel_from, /* a receiver reads the source as the remote */
	};

	if (!restore(skb) || bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0))
		return NO_TARGET;
	bpf_tail_call(skb, &targets, target);
	return NO_TARGET;
}

char LICENSE[] SEC("license") = "GPL";
