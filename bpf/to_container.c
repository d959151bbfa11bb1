/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/admit.h"
#include "lib/ipcache.h"
#include "lib/parse.h"
#include "lib/report.h"

/* What the node's own stack sends to a pod: the node side of its veth pair, egress. */
SEC("tcx/egress")
int to_container(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_TO_CONTAINER };
	struct endpoint_value *pod;
	int reason;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return TCX_ACCEPT; /* the answers of from_container pass here */
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return drop_silently(skb, DROP_UNSUPPORTED_L2);
	walk.now = bpf_ktime_get_coarse_ns();
	reason = parse_ipv4(&walk);
	if (reason)
		return drop(&walk, reason);
	pod = endpoint_of(walk.came.destination);
	if (!pod || pod->ifindex != skb->ifindex)
		return drop(&walk, DROP_UNROUTABLE);
	walk.source_identity = is_this_node(walk.came.source) ? IDENTITY_HOST
							      : identity_of(ipcache_lookup(walk.came.source));
	reason = admit(&walk, pod);
	if (reason)
		return drop(&walk, reason);
	forwarded(&walk, OUTCOME_TO_ENDPOINT);
	return TCX_ACCEPT;
}
