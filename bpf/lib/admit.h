/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "conntrack.h"
#include "policy.h"
#include "service.h"
#include "walk.h"

/*
 * May a packet from elsewhere reach this pod? Conntrack, ingress policy, and the frontend's address back where
 * the pod asked a service. `source_identity` is set by the caller, who knows where the packet came from.
 * Returns 0 or a drop reason.
 */
static __always_inline int admit(struct walk *walk, const struct endpoint_value *pod)
{
	struct ct_value *ct = ct_find(walk);
	struct ct_new remember = {};
	int reason;

	walk->endpoint = pod->id;
	walk->destination_identity = pod->identity;
	/* Before anything is remembered. Of what the stack forwards, the stack has counted the hop. */
	if (walk->ttl <= 1 && walk->hook != HOOK_TO_CONTAINER)
		return DROP_TTL_EXCEEDED;
	/* A frontend is nobody: what comes back to its client from there, or tells of its packets, is forged. */
	if (ct && (ct->flags & CT_SERVICE))
		return DROP_INVALID_SOURCE_IP;
	if (walk->ct_state == CT_REPLY || walk->ct_state == CT_RELATED) {
		if (!ct)
			return DROP_INVALID_PACKET; /* never: says so to the verifier */
		if (walk->ct_state == CT_REPLY)
			ct_touch(walk, ct);
		if (!(ct->flags & CT_TRANSLATED))
			return 0;
		return walk->ct_state == CT_REPLY ? service_restore(walk, ct) : service_restore_inner(walk, ct);
	}
	/* A pod that this node does not know yet: it may be one that policy denies. A tunnel would have said who it is. */
	if (walk->hook == HOOK_FROM_NETDEV && walk->source_identity == IDENTITY_UNMANAGED)
		return DROP_UNKNOWN_IDENTITY;
	reason = policy_ingress(walk, pod, ct);
	if (reason || is_flowless(walk))
		return reason;
	if (ct && !(ct->flags & CT_FROM_OUTSIDE)) {
		ct_touch(walk, ct);
		return 0;
	}
	/* The client of a frontend asks its backend itself, on the same ports: that is another flow. */
	remember.ingress_allowed = ct ? ct->ingress_allowed : allowed_under(pod->policy, walk->source_identity);
	return ct_create(walk, &walk->goes, &remember);
}
