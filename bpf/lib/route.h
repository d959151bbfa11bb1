/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "config.h"
#include "walk.h"

#define AF_INET 2 /* the kernel's own header would draw in the C library */

/* Where a packet that goes out as it is goes next. */
struct next_hop {
	__u32 ifindex; /* 0: the kernel is to look for itself */
	struct bpf_redir_neigh neighbour;
};

/*
 * Asks the node's routes, as for a packet that it forwards, or those of one table. Beyond where to, they say whether there
 * is a way at all, and whether it is wide enough: bpf_redirect_neigh would take a destination without a route for one on
 * the link, and a packet that is too long would be lost without a word. Returns 0 or a drop reason. Not static: as
 * rewrite_packet.
 */
__noinline int find_next_hop(struct __sk_buff *skb, const struct walk *walk, struct next_hop *hop, __u32 table)
{
	struct bpf_fib_lookup question = { .family = AF_INET };
	__u32 flags = BPF_FIB_LOOKUP_SKIP_NEIGH;
	long answer;

	if (!walk || !hop)
		return DROP_NO_ROUTE; /* never: says so to the verifier */
	question.ifindex = host_ifindex;
	question.l4_protocol = walk->protocol;
	question.sport = walk->goes.source_port;
	question.dport = walk->goes.destination_port;
	question.ipv4_src = walk->goes.source;
	question.ipv4_dst = walk->goes.destination;
	/* What a device will cut into packets is as long as it likes: the kernel compares their size. */
	if (!skb->gso_size)
		question.tot_len = skb->len - ETH_HLEN;
	if (table) {
		question.tbid = table;
		flags |= BPF_FIB_LOOKUP_DIRECT | BPF_FIB_LOOKUP_TBID;
	}
	answer = bpf_fib_lookup(skb, &question, sizeof(question), flags);
	switch (answer) {
	case BPF_FIB_LKUP_RET_SUCCESS:
		break;
	case BPF_FIB_LKUP_RET_FWD_DISABLED:
		hop->ifindex = 0; /* somebody has forbidden that device to forward */
		return 0;
	case BPF_FIB_LKUP_RET_FRAG_NEEDED:
		return DROP_FRAG_NEEDED;
	default:
		return DROP_NO_ROUTE;
	}
	hop->ifindex = question.ifindex;
	hop->neighbour.nh_family = question.family;
	/* The address of an IPv4 route's IPv6 gateway (RFC 8950), or the IPv4 one in its first four bytes. */
	memcpy(hop->neighbour.ipv6_nh, question.ipv6_dst, sizeof(hop->neighbour.ipv6_nh));
	return 0;
}
