/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "conntrack.h"
#include "config.h"
#include "maps.h"
#include "rewrite.h"
#include "walk.h"
/*
 * Masquerading: pods reach the world under the node's address. The port stays where it can. A port that a
 * socket of the node uses towards the same peer is never taken.
 */

static __always_inline struct nat_key nat_outward(const struct walk *walk)
{
	struct nat_key key = {
		.source = mapped(walk->goes.source),
		.destination = mapped(walk->goes.destination),
		.source_port = walk->goes.source_port,
		.destination_port = walk->goes.destination_port,
		.protocol = walk->protocol,
		.direction = DIRECTION_EGRESS,
	};

	return key;
}

static __always_inline struct nat_key nat_inward(__be32 peer, __be16 peer_port, __be16 port, __u8 protocol)
{
	struct nat_key key = {
		.source = mapped(peer),
		.destination = mapped(node_ipv4),
		.source_port = peer_port,
		.destination_port = port,
		.protocol = protocol,
		.direction = DIRECTION_INGRESS,
	};

	return key;
}

/* Does the node itself speak, or listen, on this port towards that peer? */
static __always_inline bool nat_port_in_use(struct walk *walk, __be16 port)
{
	struct bpf_sock_tuple tuple = {
		.ipv4 = {
			.saddr = walk->goes.destination,
			.daddr = node_ipv4,
			.sport = walk->goes.destination_port,
			.dport = port,
		},
	};
	struct bpf_sock *socket;

	if (walk->protocol == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(walk->skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (walk->protocol == IPPROTO_UDP)
		socket = bpf_sk_lookup_udp(walk->skb, &tuple, sizeof(tuple.ipv4), BPF_F_CURRENT_NETNS, 0);
	else
		return false;
	if (!socket)
		return false;
	bpf_sk_release(socket);
	return true;
}

static __always_inline __u16 nat_random_port(void)
{
	return NAT_PORT_MIN + bpf_get_prandom_u32() % (NAT_PORT_MAX - NAT_PORT_MIN + 1);
}

/* Takes a port towards the peer and writes both entries, the way back first. Returns 0 or a drop reason. */
static __noinline int nat_take_port(struct walk *walk, const struct nat_key *outward, struct nat_value *mapping)
{
	struct nat_value back = {
		.address = mapped(walk->goes.source),
		.port = walk->goes.source_port,
		.expires = mapping->expires,
	};
	__u16 candidate = bpf_ntohs(walk->goes.source_port);
	int attempt;

	if (candidate < NAT_PORT_MIN && walk->goes.source != node_ipv4)
		candidate = nat_random_port();
	for (attempt = 0; attempt < NAT_ATTEMPTS; attempt++) {
		__be16 port = bpf_htons(candidate);
		struct nat_key inward = nat_inward(walk->goes.destination, walk->goes.destination_port, port,
						   walk->protocol);

		if (!nat_port_in_use(walk, port) && !bpf_map_update_elem(&nat, &inward, &back, BPF_NOEXIST)) {
			mapping->port = port;
			if (!bpf_map_update_elem(&nat, outward, mapping, BPF_ANY))
				return 0;
			bpf_map_delete_elem(&nat, &inward);
			return DROP_NO_NAT_MAPPING;
		}
		if (attempt == 0)
			candidate = nat_random_port();
		else
			candidate = candidate == NAT_PORT_MAX ? NAT_PORT_MIN : candidate + 1;
	}
	return DROP_NO_NAT_MAPPING;
}

/* The next packet keeps the mapping as long as it keeps its flow. */
static __always_inline void nat_touch(struct walk *walk, struct nat_value *mapping)
{
	__u64 lifetime = walk->protocol == IPPROTO_TCP ? CT_LIFETIME_TCP : CT_LIFETIME_OTHER;
	__u64 expires = walk->now + lifetime * SECOND;

	if (expires > mapping->expires + SECOND)
		WRITE_ONCE(mapping->expires, expires);
}

static __always_inline int nat_masquerade(struct walk *walk)
{
	struct nat_key outward = nat_outward(walk);
	struct nat_value *known = bpf_map_lookup_elem(&nat, &outward);
	struct nat_value mapping = { .address = mapped(node_ipv4) };
	int reason;

	if (known) {
		nat_touch(walk, known);
		return rewrite_end(walk, END_SOURCE, node_ipv4, known->port);
	}
	/* A fragment came before the start of its flow, or the start was refused. */
	if (walk->later_fragment)
		return DROP_NO_NAT_MAPPING;
	nat_touch(walk, &mapping);
	reason = nat_take_port(walk, &outward, &mapping);
	if (reason)
		return reason;
	walk->report = true;
	return rewrite_end(walk, END_SOURCE, node_ipv4, mapping.port);
}

/*
 * A pod's ICMP error about a packet the world sent it. Where that came back through a mapping, the world must
 * read of the node's address and port; a flow that the world began knows the pod by its own address.
 */
static __always_inline int nat_masquerade_error(struct walk *walk)
{
	struct nat_key outward = {
		.source = mapped(walk->inner.destination),
		.destination = mapped(walk->inner.source),
		.source_port = walk->inner.destination_port,
		.destination_port = walk->inner.source_port,
		.protocol = walk->inner_protocol,
		.direction = DIRECTION_EGRESS,
	};
	struct nat_value *known = bpf_map_lookup_elem(&nat, &outward);
	int reason;

	if (!known)
		return 0;
	reason = rewrite_inner_end(walk, END_DESTINATION, node_ipv4, known->port);
	if (reason)
		return reason;
	return rewrite_end(walk, END_SOURCE, node_ipv4, walk->goes.source_port);
}

/* What the node's own packet would collide with: a pod that has been given this very port towards this peer. */
static __always_inline bool nat_collides(struct walk *walk)
{
	struct nat_key inward = nat_inward(walk->goes.destination, walk->goes.destination_port,
					   walk->goes.source_port, walk->protocol);
	struct nat_value *back = bpf_map_lookup_elem(&nat, &inward);

	return back && back->address.word[3] != node_ipv4;
}

/*
 * Undoes masquerading on a packet for the node. Returns 0, with `goes` changed where it was a pod's, or a drop
 * reason.
 */
static __always_inline int nat_restore(struct walk *walk)
{
	struct nat_key inward;
	struct nat_value *back;
	int reason;

	if (walk->related)
		inward = nat_inward(walk->inner.destination, walk->inner.destination_port, walk->inner.source_port,
				    walk->inner_protocol);
	else
		inward = nat_inward(walk->goes.source, walk->goes.source_port, walk->goes.destination_port,
				    walk->protocol);
	back = bpf_map_lookup_elem(&nat, &inward);
	if (!back)
		return 0;
	nat_touch(walk, back);
	if (walk->related) {
		reason = rewrite_inner_end(walk, END_SOURCE, back->address.word[3], back->port);
		if (reason)
			return reason;
		walk->inner.source = back->address.word[3];
		walk->inner.source_port = back->port;
		return rewrite_end(walk, END_DESTINATION, back->address.word[3], walk->goes.destination_port);
	}
	return rewrite_end(walk, END_DESTINATION, back->address.word[3], back->port);
}
