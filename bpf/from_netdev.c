/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/admit.h"
#include "lib/deliver.h"
#include "lib/ipcache.h"
#include "lib/nat.h"
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

/* What the fabric brings: the uplink, ingress. All that is no pod's passes untouched. */
SEC("tcx/ingress")
int from_netdev(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_FROM_NETDEV };
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
	if (!pod)
		return walk.goes.destination == walk.came.destination ? TCX_NOT_OURS : drop(&walk, DROP_UNROUTABLE);
	entry = ipcache_lookup(walk.came.source);
	walk.source_identity = identity_of(entry);
	if (forged(walk.came.source, entry))
		return drop(&walk, DROP_INVALID_SOURCE_IP);
	reason = admit(&walk, pod);
	if (reason)
		return drop(&walk, reason);
	return to_endpoint(&walk, pod);
}
