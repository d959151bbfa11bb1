/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/config.h"
#include "lib/ipcache.h"
#include "lib/nat.h"
#include "lib/parse.h"
#include "lib/report.h"

/* What leaves the node: the uplink, egress. Pods go under the node's address. */
SEC("tcx/egress")
int to_netdev(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_TO_NETDEV };
	struct endpoint_value *pod;
	int reason;

	if (!masquerade || skb->protocol != bpf_htons(ETH_P_IP) || (skb->mark & MARK_MASK) == MARK_NO_MASQUERADE)
		return TCX_NOT_OURS;
	walk.now = bpf_ktime_get_coarse_ns();
	reason = parse_ipv4(&walk);
	if (walk.came.source == node_ipv4) {
		if (reason || (walk.protocol == IPPROTO_UDP && walk.came.destination_port == bpf_htons(overlay_port)))
			return TCX_NOT_OURS;
		if (!nat_collides(&walk))
			return TCX_NOT_OURS;
		walk.source_identity = IDENTITY_HOST;
	} else {
		pod = endpoint_of(walk.came.source);
		if (!pod)
			return TCX_NOT_OURS;
		walk.endpoint = pod->id;
		walk.source_identity = pod->identity;
	}
	if (reason)
		return drop(&walk, reason);
	walk.destination_identity = world_identity;
	reason = walk.related ? nat_masquerade_error(&walk) : nat_masquerade(&walk, node_ipv4);
	if (reason)
		return drop(&walk, reason);
	forwarded(&walk, OUTCOME_TO_NETDEV);
	return TCX_NOT_OURS;
}
