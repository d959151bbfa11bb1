/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#include "lib/admit.h"
#include "lib/arp.h"
#include "lib/deliver.h"
#include "lib/ipcache.h"
#include "lib/parse.h"
#include "lib/service.h"

/* Multicast (RFC 5771), and broadcast to whoever is on the link. */
static __always_inline bool is_group(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000) || address == bpf_htonl(0xffffffff);
}

/* Frontends become backends and backends frontends again. Leaves in `ct` the flow between the pods themselves. */
static __always_inline int translate(struct walk *walk, struct ct_value **ct, struct ct_new *remember, __u32 *chosen)
{
	struct ct_value *flow = *ct;
	int reason;

	if (walk->ct_state == CT_REPLY || walk->ct_state == CT_RELATED) {
		if (!flow)
			return 0;
		/* A frontend is nobody: its client alone may speak of a flow to it, and only of the answers. */
		if (flow->flags & CT_SERVICE)
			return walk->ct_state == CT_RELATED && !walk->origin ? service_translate_inner(walk, flow)
									     : DROP_INVALID_SOURCE_IP;
		if (!(flow->flags & CT_TRANSLATED))
			return 0;
		return walk->ct_state == CT_REPLY ? service_restore(walk, flow) : service_restore_inner(walk, flow);
	}
	/* A known flow between pods is no service's. One that leaves the cluster may have become one. */
	if (flow && !(flow->flags & (CT_SERVICE | CT_OUTSIDE)))
		return 0;
	reason = service_translate(walk, flow, remember, chosen);
	if (reason)
		return reason;
	if (remember->flags & CT_TRANSLATED) {
		*ct = ct_find(walk);
	} else if (flow && (flow->flags & CT_SERVICE)) {
		/* The frontend itself has become its backend: a plain flow, under the key of the service's. */
		walk->ct_state = CT_NEW;
		*ct = NULL;
	}
	return 0;
}

/* Is there a way for it? Returns 0 or a drop reason. */
static __always_inline int way_of(const struct walk *walk, const struct endpoint_value *peer, __be32 tunnel, bool native)
{
	if (!peer) {
		if (is_this_node(walk->goes.destination))
			return 0;
		if (tunnel)
			return overlay_ifindex ? 0 : DROP_NO_TUNNEL_ENDPOINT;
		if (walk->destination_identity == IDENTITY_UNMANAGED && !native)
			return DROP_UNROUTABLE; /* of a pod CIDR, but nobody's */
	}
	return walk->ttl <= 1 ? DROP_TTL_EXCEEDED : 0;
}

/*
 * The table whose routes a packet must take; 0: any that the node has. An address that is of one interface leaves by it, or
 * the fabric drops it: not what speaks as a frontend or, masqueraded, as the node.
 */
static __always_inline __u32 table_of(const struct walk *walk, const struct endpoint_value *pod, bool keeps_address)
{
	return keeps_address && walk->goes.source == walk->came.source ? pod->table : 0;
}

/* What leaves a pod: the node side of its veth pair, ingress. One program serves every pod of the node. */
SEC("tcx/ingress")
int from_container(struct __sk_buff *skb)
{
	struct walk walk = { .skb = skb, .hook = HOOK_FROM_CONTAINER };
	struct endpoint_value *pod, *peer;
	struct ct_new remember = {};
	struct ct_value *ct;
	struct next_hop hop = {};
	__u32 chosen = 0;
	__be32 tunnel = 0;
	__u32 table = 0;
	bool native = false;
	bool asked, own_address;
	int reason;

	if (skb->protocol == bpf_htons(ETH_P_ARP))
		return answer_arp(skb);
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return drop_silently(skb, DROP_UNSUPPORTED_L2);
	walk.now = bpf_ktime_get_coarse_ns();
	reason = parse_ipv4(&walk);
	if (reason)
		return drop(&walk, reason);

	/* Who speaks? Only the pod that owns the address, from its own device. */
	pod = endpoint_of(walk.came.source);
	if (!pod || pod->ifindex != skb->ifindex)
		return drop(&walk, DROP_INVALID_SOURCE_IP);
	walk.endpoint = pod->id;
	walk.source_identity = pod->identity;
	if (is_group(walk.came.destination))
		return drop_silently(skb, DROP_UNROUTABLE); /* stays in the pod */

	/* Which flow, and where to? */
	ct = ct_find(&walk);
	reason = translate(&walk, &ct, &remember, &chosen);
	if (reason)
		return drop(&walk, reason);
	peer = endpoint_of(walk.goes.destination);
	if (peer) {
		walk.destination_identity = peer->identity;
	} else {
		struct ipcache_value *entry = ipcache_lookup(walk.goes.destination);

		walk.destination_identity = identity_of(entry);
		tunnel = tunnel_of(entry);
		native = is_native(entry) && !tunnel && !is_this_node(walk.goes.destination);
	}
	/* Answers are from whom was asked; of errors, those about what came to a frontend. */
	own_address = walk.ct_state == CT_REPLY ||
		      (walk.ct_state == CT_RELATED && ct && (ct->flags & CT_FROM_OUTSIDE));
	if (!peer && !tunnel && !is_this_node(walk.goes.destination))
		table = table_of(&walk, pod, native || own_address || !masquerade);
	reason = way_of(&walk, peer, tunnel, native);
	if (!reason && (native || table)) {
		reason = find_next_hop(skb, &walk, &hop, table);
		walk.skb = skb;
	}
	if (reason)
		return drop(&walk, reason);

	/* May it? Both ends are asked here when both are here. */
	asked = walk.ct_state == CT_NEW || walk.ct_state == CT_ESTABLISHED;
	if (asked && peer == pod) {
		walk.egress_match = walk.ingress_match = POLICY_MATCH_SELF;
	} else if (asked) {
		reason = policy_egress(&walk, pod, ct);
		if (reason)
			return drop(&walk, reason);
		remember.egress_allowed = allowed_under(pod->policy, walk.destination_identity);
		if (peer) {
			reason = policy_ingress(&walk, peer, ct);
			if (reason)
				return drop(&walk, reason);
			remember.ingress_allowed = allowed_under(peer->policy, walk.source_identity);
		}
	}

	/* Remember it. */
	if (asked && !is_flowless(&walk)) {
		if (ct && ct_translated_alike(ct, &remember)) {
			ct_touch(&walk, ct);
		} else {
			if (ct) { /* what it was allowed under stays: in lockdown nobody was asked */
				remember.egress_allowed = ct->egress_allowed;
				remember.ingress_allowed = ct->ingress_allowed;
			}
			if (!peer && !tunnel && !(native && is_pod_identity(walk.destination_identity)))
				remember.flags |= CT_OUTSIDE;
			reason = ct_create(&walk, &walk.goes, &remember);
			if (reason)
				return drop(&walk, reason);
		}
		if (chosen) {
			reason = service_remember(&walk, chosen, 0);
			if (reason)
				return drop(&walk, reason);
		}
	} else if (ct && !is_flowless(&walk)) {
		ct_touch(&walk, ct);
	}

	/* Send it on. */
	if (peer)
		return to_endpoint(&walk, peer);
	if (is_this_node(walk.goes.destination))
		return to_stack(&walk);
	if (tunnel)
		return to_overlay_node(&walk, tunnel);
	if (native || table)
		return to_native(&walk, &hop);
	return to_uplink(&walk, own_address);
}
