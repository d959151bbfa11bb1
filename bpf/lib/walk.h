/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "kernel.h"
#include "../schema/schema.h"

/*
 * The ends of a flow, IPv4. Of an ICMP echo the asking end has the identifier for its port and the other one 0, so
 * that an echo the other way is a flow of its own. Ports of a protocol without any are 0.
 */
struct ends {
	__be32 source;
	__be32 destination;
	__be16 source_port;
	__be16 destination_port;
};

/* One pass of one packet through one program: what is known so far. Its event is written from it. */
struct walk {
	struct __sk_buff *skb;
	__u64 now;                 /* CLOCK_MONOTONIC, coarse */
	struct ends came;          /* the packet as it came */
	struct ends goes;          /* and as it is now */
	struct ends inner;         /* related: the packet that an ICMP error is about */
	__u32 source_identity;
	__u32 destination_identity;
	__u32 egress_policy;
	__u32 egress_rule;
	__u32 ingress_policy;
	__u32 ingress_rule;
	__u32 service;
	__be32 tunnel;
	__u16 endpoint;
	__u16 l4_offset;           /* from the Ethernet header */
	__u8 hook;
	__u8 reason;
	__u8 ct_state;
	__u8 egress_match;
	__u8 ingress_match;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 icmp_type;
	__u8 inner_protocol;
	__u8 ttl;
	bool related;              /* an ICMP error: `inner` is set */
	bool origin;               /* its flow is known: it, or `inner`, goes the way of the flow's first packet */
	bool later_fragment;       /* has no transport header */
	bool report;               /* worth an event although all went well */
};

/* ICMP, but no echo: belongs to no flow of its own, is asked about each time and never remembered. */
static __always_inline bool is_flowless(const struct walk *walk)
{
	return walk->protocol == IPPROTO_ICMP && (walk->icmp_type & ~ICMP_ECHO_REQUEST) != ICMP_ECHO_REPLY;
}

/* An endpoint's, of any node. */
static __always_inline bool is_pod_identity(__u32 identity)
{
	return identity >= IDENTITY_CLUSTER_FIRST && identity < IDENTITY_LOCAL_FIRST;
}

static __always_inline struct ip_address mapped(__be32 ipv4)
{
	struct ip_address address = { .word = { 0, 0, bpf_htonl(0xffff), ipv4 } };

	return address;
}
