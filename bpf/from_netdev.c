/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/admit.h"
#include "lib/deliver.h"
#include "lib/ipcache.h"
#include "lib/nat.h"
#include "lib/north_south.h"
#include "lib/parse.h"

/*
 * The node's own addresses and its pods' never come this way, nor does what is behind a tunnel, nor what is of a pod CIDR
 * and not reached natively: it is forged.
 */
static __always_inline bool forged(__be32 source, const struct ipcache_value *entry)
{
	return is_this_node(source) || endpoint_of(source) || tunnel_of(entry) ||
	       (entry && entry->identity == IDENTITY_UNMANAGED && !is_native(entry));
}

/* A client's packet for a frontend. */
static __always_inline int serve(struct walk *walk, const struct service_value *service)
{
	struct served served = {};
	struct next_hop hop = {};
	struct endpoint_value *pod;
	__be32 tunnel = 0;
	int reason = to_backend(walk, service, &served);

	if (reason == TCX_NOT_OURS)
		return TCX_NOT_OURS;
	if (reason)
		return drop(walk, reason);
	pod = endpoint_of(walk->goes.destination);
	reason = pod ? serve_here(walk, pod, &served) : serve_elsewhere(walk, &served, &tunnel, &hop);
	if (reason)
		return drop(walk, reason);
	if (pod)
		return to_endpoint(walk, pod);
	return tunnel ? to_overlay_node(walk, tunnel) : to_native(walk, &hop);
}

/* What the fabric brings: the uplink, ingress. All that is no pod's and no frontend's passes untouched. */
SEC("tcx/ingress")
int from_netdev(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_FROM_NETDEV };
	struct service_value *service = NULL;
	struct endpoint_value *pod;
	struct ipcache_value *entry;
	int reason;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return TCX_NOT_OURS;
	walk.now = bpf_ktime_get_coarse_ns();
	if (parse_ipv4(&walk))
		return TCX_NOT_OURS;
	if (walk.came.destination == node_ipv4) {
		if (walk.protocol == IPPROTO_UDP && walk.came.destination_port == bpf_htons(overlay_port))
			return TCX_NOT_OURS; /* the tunnel's outside */
		reason = nat_restore(&walk);
		if (reason)
			return drop(&walk, reason);
		if (walk.goes.destination == node_ipv4)
			return TCX_NOT_OURS;
	}
	pod = endpoint_of(walk.goes.destination);
	if (!pod && walk.goes.destination == walk.came.destination) {
		service = frontend_asked(&walk);
		if (!service)
			return TCX_NOT_OURS;
	}
	entry = ipcache_lookup(walk.came.source);
	walk.source_identity = identity_of(entry);
	if (forged(walk.came.source, entry))
		return drop(&walk, DROP_INVALID_SOURCE_IP);
	if (service)
		return serve(&walk, service);
	reason = pod ? admit(&walk, pod) : answer_client(&walk);
	if (reason)
		return drop(&walk, reason);
	return pod ? to_endpoint(&walk, pod) : to_uplink(&walk, true);
}
