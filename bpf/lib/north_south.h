/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "conntrack.h"
#include "ipcache.h"
#include "nat.h"
#include "policy.h"
#include "route.h"
#include "service.h"
#include "walk.h"
/*
 * Clients outside, and frontends that the fabric brings their packets for. A backend of this node sees its client; to one
 * of another node the client goes under this node's address, so that the answers come back here.
 */

/* A packet on its way from a client to a backend. */
struct served {
	struct ct_value *ct;    /* the flow between client and backend, where it is known */
	struct ct_new remember; /* of that flow */
	__u32 chosen;           /* the backend's number, where it was chosen for this packet */
};

/* The frontend that a packet is for; of an ICMP error, the one whose answer it is about. NULL: there is none. */
static __always_inline struct service_value *frontend_asked(const struct walk *walk)
{
	struct service_key key = {
		.address = mapped(walk->goes.destination),
		.port = walk->related ? walk->inner.source_port : walk->goes.destination_port,
		.protocol = walk->related ? walk->inner_protocol : walk->protocol,
	};

	return bpf_map_lookup_elem(&services, &key);
}

/* From the frontend to a backend. Returns 0, a drop reason, or TCX_NOT_OURS for an error about nothing that is known. */
static __always_inline int to_backend(struct walk *walk, const struct service_value *service, struct served *served)
{
	struct ct_value *ct;
	int reason;

	if (!service->external_id)
		return DROP_IS_CLUSTER_IP;
	ct = ct_find(walk);
	/* A pod of this node may have asked the same frontend: of its flow nobody outside knows. */
	if (ct && (ct->flags & (CT_SERVICE | CT_FROM_OUTSIDE)) != (CT_SERVICE | CT_FROM_OUTSIDE))
		ct = NULL;
	if (is_flowless(walk)) {
		if (!ct || walk->origin)
			return TCX_NOT_OURS;
		return service_translate_inner(walk, ct);
	}
	if (walk->source_identity == IDENTITY_UNMANAGED)
		return DROP_UNKNOWN_IDENTITY; /* as in admit */
	reason = service_translate_from_outside(walk, service, ct, &served->remember, &served->chosen);
	if (reason)
		return reason;
	ct = ct_find(walk);
	if (ct && walk->ct_state == CT_REPLY) {
		/* The backend has begun a flow of its own between the very ends. */
		walk->ct_state = CT_NEW;
		ct = NULL;
	}
	served->ct = ct;
	return 0;
}

/* Notes the flow; `ends` are client and backend. Returns 0 or a drop reason. */
static __always_inline int remember_served(struct walk *walk, const struct ends *ends, struct served *served)
{
	struct ct_value *ct = served->ct;
	int reason = 0;

	if (walk->ct_state == CT_RELATED)
		return 0;
	if (ct && ct_translated_alike(ct, &served->remember)) {
		ct_touch(walk, ct);
	} else {
		if (ct) /* what it was allowed under stays: in lockdown nobody was asked */
			served->remember.ingress_allowed = ct->ingress_allowed;
		reason = ct_create(walk, ends, &served->remember);
	}
	if (!reason && served->chosen)
		reason = service_remember(walk, served->chosen, CT_FROM_OUTSIDE);
	return reason;
}

/* To a backend of this node: as whoever the client is. Returns 0 or a drop reason. */
static __always_inline int serve_here(struct walk *walk, const struct endpoint_value *pod, struct served *served)
{
	int reason;

	walk->endpoint = pod->id;
	walk->destination_identity = pod->identity;
	if (walk->ttl <= 1)
		return DROP_TTL_EXCEEDED;
	if (walk->ct_state == CT_RELATED)
		return 0;
	reason = policy_ingress(walk, pod, served->ct);
	if (reason)
		return reason;
	served->remember.ingress_allowed = allowed_under(pod->policy, walk->source_identity);
	return remember_served(walk, &walk->goes, served);
}

/*
 * To a backend elsewhere: as this node, and in a tunnel as whoever the client is to the whole cluster. `tunnel` and `hop`
 * are the way then. Returns 0 or a drop reason.
 */
static __always_inline int serve_elsewhere(struct walk *walk, struct served *served, __be32 *tunnel, struct next_hop *hop)
{
	struct ipcache_value *entry = ipcache_lookup(walk->goes.destination);
	struct __sk_buff *skb = walk->skb;
	struct ends ends = walk->goes;
	int reason;

	walk->destination_identity = identity_of(entry);
	*tunnel = tunnel_of(entry);
	if (is_this_node(walk->goes.destination))
		return DROP_UNROUTABLE; /* whose answers no program sees */
	if (*tunnel) {
		if (!overlay_ifindex)
			return DROP_NO_TUNNEL_ENDPOINT;
	} else {
		/* Nobody's, or a pod's of this node that is not there any more. */
		if ((walk->destination_identity == IDENTITY_UNMANAGED || is_pod_identity(walk->destination_identity)) &&
		    !is_native(entry))
			return DROP_UNROUTABLE;
		if (walk->ttl <= 1)
			return DROP_TTL_EXCEEDED;
		reason = find_next_hop(skb, walk, hop, 0);
		walk->skb = skb;
		if (reason)
			return reason;
	}
	if (walk->ct_state == CT_RELATED) {
		reason = nat_masquerade_error(walk);
		if (!reason && walk->goes.source == ends.source)
			reason = DROP_NO_NAT_MAPPING;
	} else {
		reason = nat_masquerade(walk, *tunnel ? router_ipv4 : node_ipv4);
	}
	if (reason)
		return reason;
	/* What a number beyond these stands for, only this node knows. */
	if (walk->source_identity >= IDENTITY_LOCAL_FIRST)
		walk->source_identity = world_identity;
	return remember_served(walk, &ends, served);
}

/*
 * What has come back from a backend elsewhere, and is for a client again: from its frontend. Returns 0 or a drop reason.
 */
static __always_inline int answer_client(struct walk *walk)
{
	struct ct_value *ct = ct_find(walk);

	walk->destination_identity = identity_of(ipcache_lookup(walk->goes.destination));
	if (!ct || !(ct->flags & CT_FROM_OUTSIDE) || (ct->flags & CT_SERVICE))
		return DROP_UNROUTABLE;
	if (walk->ttl <= 1)
		return DROP_TTL_EXCEEDED;
	if (walk->ct_state == CT_RELATED)
		return walk->origin ? service_restore_inner(walk, ct) : DROP_UNROUTABLE;
	if (walk->ct_state != CT_REPLY)
		return DROP_UNROUTABLE;
	ct_touch(walk, ct);
	return service_restore(walk, ct);
}
