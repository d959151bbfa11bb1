/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/admit.h"
#include "lib/deliver.h"
#include "lib/ipcache.h"
#include "lib/nat.h"
#include "lib/north_south.h"
#include "lib/parse.h"

/* What other nodes encapsulated: the tunnel device, ingress. The VNI says whose packet it is. */
SEC("tcx/ingress")
int from_overlay(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_FROM_OVERLAY };
	struct bpf_tunnel_key key = {};
	struct endpoint_value *pod;
	int reason;

	if (skb->protocol != bpf_htons(ETH_P_IP))
		return drop_silently(skb, DROP_UNSUPPORTED_L2);
	walk.now = bpf_ktime_get_coarse_ns();
	reason = parse_ipv4(&walk);
	if (reason)
		return drop(&walk, reason);
	if (bpf_skb_get_tunnel_key(skb, &key, sizeof(key), 0))
		return drop(&walk, DROP_NO_TUNNEL_ENDPOINT);
	walk.tunnel = bpf_htonl(key.remote_ipv4);
	walk.source_identity = key.tunnel_id;
	/* No other node is this one. */
	if (key.tunnel_id == IDENTITY_UNKNOWN || key.tunnel_id == IDENTITY_HOST)
		return drop(&walk, DROP_INVALID_IDENTITY);

	pod = endpoint_of(walk.came.destination);
	if (!pod) {
		if (!is_this_node(walk.came.destination))
			return drop(&walk, DROP_UNROUTABLE);
		if (walk.came.destination == router_ipv4) {
			reason = nat_restore(&walk);
			if (!reason && walk.goes.destination != router_ipv4) {
				reason = answer_client(&walk);
				if (!reason)
					return to_uplink(&walk, true);
			}
			if (reason)
				return drop(&walk, reason);
		}
		walk.destination_identity = IDENTITY_HOST;
		return to_stack(&walk);
	}
	reason = admit(&walk, pod);
	if (reason)
		return drop(&walk, reason);
	return to_endpoint(&walk, pod);
}
