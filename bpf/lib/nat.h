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

/* @address: the node's own that the peer knows it by. */
static __always_inline struct nat_key nat_inward(__be32 peer, __be16 peer_port, __be32 address, __be16 port,
						 __u8 protocol)
{
	struct nat_key key = {
		.source = mapped(peer),
		.destination = mapped(address),
		.source_port = peer_port,
		.destination_port = port,
		.protocol = protocol,
		.direction = DIRECTION_INGRESS,
	};

	return key;
}

/* Does the node itself speak, or listen, on this port towards that peer? */
static __always_inline bool nat_port_in_use(struct __sk_buff *skb, const struct walk *walk, __be32 address, __be16 port)
{
	/* The part of struct bpf_sock_tuple that is IPv4's: stack is dear. */
	__typeof__(((struct bpf_sock_tuple *)0)->ipv4) ipv4 = {
		.saddr = walk->goes.destination,
		.daddr = address,
		.sport = walk->goes.destination_port,
		.dport = port,
	};
	struct bpf_sock_tuple *tuple = (void *)&ipv4;
	struct bpf_sock *socket;

	if (walk->protocol == IPPROTO_TCP)
		socket = bpf_skc_lookup_tcp(skb, tuple, sizeof(ipv4), BPF_F_CURRENT_NETNS, 0);
	else if (walk->protocol == IPPROTO_UDP)
		socket = bpf_sk_lookup_udp(skb, tuple, sizeof(ipv4), BPF_F_CURRENT_NETNS, 0);
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

static __always_inline bool nat_is(const struct nat_value *mapping, __be32 address, __be16 port)
{
	return mapping->address.word[3] == address && mapping->port == port;
}

/*
 * May a port be taken from whoever has it? From this very flow; from one that has expired; from a pod whose
 * connection conntrack knows to be over, for a mapping alone sees no connection end. `key` is room for one.
 */
static __always_inline bool nat_port_idle(const struct walk *walk, const struct nat_value *held, struct ct_key *key)
{
	struct ends ends = {
		.source = held->address.word[3],
		.destination = walk->goes.destination,
		.source_port = held->port,
		.destination_port = walk->goes.destination_port,
	};
	struct ct_value *ct;

	if (held->expires < walk->now || nat_is(held, walk->goes.source, walk->goes.source_port))
		return true;
	if (ends.source == node_ipv4)
		return false; /* the node's own flows are not in conntrack */
	ct_key_of(&ends, walk->protocol, key);
	ct = bpf_map_lookup_elem(&conntrack, key);
	return !ct || ct->expires < walk->now;
}

/* Gives up both entries of the flow that has a port. `outward` is room for a key. */
static __always_inline void nat_free_port(const struct nat_key *inward, const struct nat_value *held,
					  struct nat_key *outward)
{
	*outward = (struct nat_key){
		.source = held->address,
		.destination = inward->source,
		.source_port = held->port,
		.destination_port = inward->source_port,
		.protocol = inward->protocol,
		.direction = DIRECTION_EGRESS,
	};
	bpf_map_delete_elem(&nat, outward);
	bpf_map_delete_elem(&nat, inward);
}

/* When a mapping ends, where no packet comes any more. */
static __always_inline __u64 nat_expiry(const struct walk *walk)
{
	__u64 lifetime = walk->protocol == IPPROTO_TCP ? CT_LIFETIME_TCP : CT_LIFETIME_OTHER;

	return walk->now + lifetime * SECOND;
}

/*
 * Takes a port of `address` towards the peer and writes both entries, the way back first. Returns the port in network
 * order, or a drop reason, negative. Not static: as rewrite_packet.
 */
__noinline int nat_take_port(struct __sk_buff *skb, const struct walk *walk, __be32 address)
{
	int attempts = NAT_ATTEMPTS, attempt;
	struct nat_value value = {};
	/* One after the other: stack is dear. */
	union {
		struct ct_key flow;
		struct nat_key outward;
	} others;
	__u16 candidate;

	if (!walk)
		return -DROP_NO_NAT_MAPPING; /* never: says so to the verifier */
	value.address = mapped(walk->goes.source);
	value.port = walk->goes.source_port;
	value.expires = nat_expiry(walk);
	candidate = bpf_ntohs(walk->goes.source_port);
	if (walk->protocol == IPPROTO_SCTP)
		attempts = candidate < NAT_PORT_MIN ? 0 : 1; /* its checksum covers the port */
	if (candidate < NAT_PORT_MIN && walk->goes.source != node_ipv4)
		candidate = nat_random_port();
	for (attempt = 0; attempt < attempts; attempt++) {
		__be16 port = bpf_htons(candidate);
		struct nat_key inward = nat_inward(walk->goes.destination, walk->goes.destination_port, address, port,
						   walk->protocol);
		struct nat_value *held = bpf_map_lookup_elem(&nat, &inward);

		if (held && nat_port_idle(walk, held, &others.flow)) {
			nat_free_port(&inward, held, &others.outward);
			held = NULL;
		}
		if (!held && !nat_port_in_use(skb, walk, address, port) &&
		    !bpf_map_update_elem(&nat, &inward, &value, BPF_NOEXIST)) {
			others.outward = nat_outward(walk);
			value.address = mapped(address);
			value.port = port;
			if (!bpf_map_update_elem(&nat, &others.outward, &value, BPF_ANY))
				return port;
			bpf_map_delete_elem(&nat, &inward);
			return -DROP_NO_NAT_MAPPING;
		}
		if (attempt == 0)
			candidate = nat_random_port();
		else
			candidate = candidate == NAT_PORT_MAX ? NAT_PORT_MIN : candidate + 1;
	}
	return -DROP_NO_NAT_MAPPING;
}

/* The next packet keeps the mapping as long as it keeps its flow. True where it was time to say so. */
static __always_inline bool nat_touch(const struct walk *walk, struct nat_value *mapping)
{
	__u64 expires = nat_expiry(walk);

	if (expires <= mapping->expires + SECOND)
		return false;
	WRITE_ONCE(mapping->expires, expires);
	return true;
}

/*
 * The other entry of a mapping that has just been touched: it lives as long, and is written again where it was
 * evicted. Else a flow that goes one way only would lose its way back, or its port to another. False where another
 * flow has its place.
 */
static __always_inline bool nat_touch_other(const struct nat_key *key, __be32 address, __be16 port, __u64 expires)
{
	struct nat_value *other = bpf_map_lookup_elem(&nat, key);
	struct nat_value value = { .address = mapped(address), .port = port, .expires = expires };

	if (!other)
		return !bpf_map_update_elem(&nat, key, &value, BPF_NOEXIST);
	if (!nat_is(other, address, port))
		return false;
	WRITE_ONCE(other->expires, expires);
	return true;
}

/* Is there a port, or an echo's identifier, for the answer to be told by? */
static __always_inline bool nat_has_port(const struct walk *walk)
{
	switch (walk->protocol) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		return true;
	case IPPROTO_ICMP:
		return walk->icmp_type == ICMP_ECHO_REQUEST;
	}
	return false;
}

/*
 * The port that the flow has, in network order, where it is still its own; 0: none; a drop reason, negative. Not static: as
 * rewrite_packet.
 */
__noinline int nat_port_kept(struct __sk_buff *skb, const struct walk *walk, __be32 address)
{
	struct nat_key outward;
	struct nat_value *known;

	if (!skb || !walk)
		return -DROP_NO_NAT_MAPPING; /* never: says so to the verifier */
	outward = nat_outward(walk);
	known = bpf_map_lookup_elem(&nat, &outward);
	if (!nat_has_port(walk))
		return -DROP_UNKNOWN_L4;
	if (known && known->expires >= walk->now && known->address.word[3] == address) {
		struct nat_key inward = nat_inward(walk->goes.destination, walk->goes.destination_port, address,
						   known->port, walk->protocol);
		__be16 port = known->port;

		if (!nat_touch(walk, known) ||
		    nat_touch_other(&inward, walk->goes.source, walk->goes.source_port, known->expires))
			return port;
	}
	/* A fragment came before the start of its flow, or the start was refused. */
	return walk->later_fragment ? -DROP_NO_NAT_MAPPING : 0;
}

/* Gives the packet one of the node's own addresses for its source. Returns 0 or a drop reason. */
static __always_inline int nat_masquerade(struct walk *walk, __be32 address)
{
	struct __sk_buff *skb = walk->skb;
	int port = nat_port_kept(skb, walk, address);

	if (!port) {
		port = nat_take_port(skb, walk, address);
		walk->report = true;
	}
	walk->skb = skb;
	return port < 0 ? -port : rewrite_end(walk, END_SOURCE, address, port);
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
	__be32 address;
	int reason;

	if (!known)
		return 0;
	address = known->address.word[3];
	reason = rewrite_inner_end(walk, END_DESTINATION, address, known->port);
	if (reason)
		return reason;
	return rewrite_end(walk, END_SOURCE, address, walk->goes.source_port);
}

/*
 * What the node's own packet would collide with: a pod that has been given this very port towards this peer. A flow
 * that collided once keeps its other port.
 */
static __always_inline bool nat_collides(struct walk *walk)
{
	struct nat_key outward = nat_outward(walk);
	struct nat_value *known = bpf_map_lookup_elem(&nat, &outward);
	struct nat_key inward = nat_inward(walk->goes.destination, walk->goes.destination_port, node_ipv4,
					   walk->goes.source_port, walk->protocol);
	struct nat_value *back = bpf_map_lookup_elem(&nat, &inward);

	if (known && known->expires >= walk->now)
		return true;
	return back && back->expires >= walk->now && back->address.word[3] != node_ipv4;
}

/*
 * Undoes masquerading on a packet for the node. Returns 0, with `goes` changed where it was a pod's or, to a backend
 * elsewhere, a client's; or a drop reason. Not static: as rewrite_packet.
 */
__noinline int nat_restore_packet(struct __sk_buff *skb, struct walk *walk)
{
	struct nat_value *back;
	struct nat_key key; /* of the way back, and then of the way out: stack is dear */
	int reason;

	if (!walk)
		return DROP_INVALID_PACKET; /* never: says so to the verifier */
	if (walk->related && walk->inner.source != walk->goes.destination)
		return 0;
	if (walk->related)
		key = nat_inward(walk->inner.destination, walk->inner.destination_port, walk->inner.source,
				 walk->inner.source_port, walk->inner_protocol);
	else
		key = nat_inward(walk->goes.source, walk->goes.source_port, walk->goes.destination,
				 walk->goes.destination_port, walk->protocol);
	back = bpf_map_lookup_elem(&nat, &key);
	if (!back || back->expires < walk->now)
		return 0;
	if (walk->related) {
		reason = rewrite_inner_packet(skb, walk, END_SOURCE, back->address.word[3], back->port);
		if (reason)
			return reason;
		walk->inner.source = back->address.word[3];
		walk->inner.source_port = back->port;
		return rewrite_packet(skb, walk, END_DESTINATION, back->address.word[3], walk->goes.destination_port);
	}
	if (nat_touch(walk, back)) {
		key.destination = key.source;
		key.destination_port = key.source_port;
		key.source = back->address;
		key.source_port = back->port;
		key.direction = DIRECTION_EGRESS;
		nat_touch_other(&key, walk->goes.destination, walk->goes.destination_port, back->expires);
	}
	return rewrite_packet(skb, walk, END_DESTINATION, back->address.word[3], back->port);
}

static __always_inline int nat_restore(struct walk *walk)
{
	struct __sk_buff *skb = walk->skb;
	int reason = nat_restore_packet(skb, walk);

	walk->skb = skb;
	return reason;
}
