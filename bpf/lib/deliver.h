/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "config.h"
#include "report.h"
#include "route.h"
#include "walk.h"
/*
 * The ways out of a program. Each ends the walk: it reports and returns the verdict. Whether a packet may take one is
 * asked before, and before it is remembered: what goes nowhere leaves nothing behind.
 */

/* Time to live, one less; RFC 1141 says how the checksum follows. Returns 0 or a drop reason. */
static __always_inline int decrement_ttl(struct walk *walk)
{
	void *data = (void *)(long)walk->skb->data, *end = (void *)(long)walk->skb->data_end;
	struct iphdr *ip = data + ETH_HLEN;
	__u32 check;

	if ((void *)(ip + 1) > end)
		return DROP_INVALID_PACKET;
	check = ip->check + bpf_htons(0x0100);
	ip->check = check + (check >= 0xffff);
	ip->ttl--;
	return 0;
}

/* Into the pod's namespace, past the queue of the device in between. */
static __always_inline int to_endpoint(struct walk *walk, const struct endpoint_value *pod)
{
	struct ethhdr *eth;
	int reason = decrement_ttl(walk);

	if (reason)
		return drop(walk, reason);
	eth = (void *)(long)walk->skb->data;
	if ((void *)(eth + 1) > (void *)(long)walk->skb->data_end)
		return drop(walk, DROP_INVALID_PACKET);
	memcpy(eth->h_dest, pod->mac.byte, ETH_ALEN);
	memcpy(eth->h_source, pod->gateway_mac.byte, ETH_ALEN);
	forwarded(walk, OUTCOME_TO_ENDPOINT);
	return bpf_redirect_peer(pod->ifindex, 0);
}

/* To another node. The source identity travels as the VNI (RFC 7348 section 5). */
static __always_inline int to_overlay_node(struct walk *walk, __be32 node)
{
	struct bpf_tunnel_key key = {
		.tunnel_id = walk->source_identity,
		.remote_ipv4 = bpf_ntohl(node),
		.tunnel_ttl = 64,
	};

	walk->tunnel = node;
	if (bpf_skb_set_tunnel_key(walk->skb, &key, sizeof(key), BPF_F_ZERO_CSUM_TX))
		return drop(walk, DROP_ENCAP_FAILED);
	forwarded(walk, OUTCOME_TO_OVERLAY);
	return bpf_redirect(overlay_ifindex, 0);
}

/* Out of the node by its uplink, to whichever next hop the node's routes name. */
static __always_inline int to_uplink(struct walk *walk, bool own_address)
{
	int reason = decrement_ttl(walk);

	if (reason)
		return drop(walk, reason);
	if (own_address)
		walk->skb->mark = (walk->skb->mark & ~MARK_MASK) | MARK_NO_MASQUERADE;
	forwarded(walk, OUTCOME_TO_NETDEV);
	return bpf_redirect_neigh(uplink_ifindex, NULL, 0, 0);
}

/* The same, as it is: to a pod of another node, or to whoever else knows the way back to the pod. */
static __always_inline int to_native(struct walk *walk, struct next_hop *hop)
{
	int reason = decrement_ttl(walk);

	if (reason)
		return drop(walk, reason);
	walk->skb->mark = (walk->skb->mark & ~MARK_MASK) | MARK_NO_MASQUERADE;
	forwarded(walk, OUTCOME_TO_NETDEV);
	if (!hop->ifindex)
		return bpf_redirect_neigh(uplink_ifindex, NULL, 0, 0);
	return bpf_redirect_neigh(hop->ifindex, &hop->neighbour, sizeof(hop->neighbour), 0);
}

/* To the node's own network stack. */
static __always_inline int to_stack(struct walk *walk)
{
	bpf_skb_change_type(walk->skb, PACKET_FOR_US);
	forwarded(walk, OUTCOME_TO_STACK);
	return TCX_ACCEPT;
}
