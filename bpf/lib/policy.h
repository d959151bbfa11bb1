/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "conntrack.h"
#include "config.h"
#include "maps.h"
#include "walk.h"

struct policy_question {
	__u32 policy;
	__u32 shape;
	__u32 identity;
	__be16 port;
	__u8 direction;
	__u8 protocol;
};

struct policy_answer {
	__u32 rule;
	__u8 match;
};

static __always_inline __u8 policy_match_of(__u32 identity, __u8 protocol, __u8 port_bits)
{
	if (identity)
		return port_bits ? POLICY_MATCH_L3_L4 : protocol ? POLICY_MATCH_L3_PROTOCOL : POLICY_MATCH_L3;
	return port_bits ? POLICY_MATCH_L4 : protocol ? POLICY_MATCH_PROTOCOL : POLICY_MATCH_ALL;
}

/* The peer by its identity first, then anyone. */
static __always_inline struct policy_value *policy_probe(struct policy_key *key, __u32 identity)
{
	struct policy_value *value;

	key->identity = identity;
	value = bpf_map_lookup_elem(&policy, key);
	if (value)
		return value;
	key->identity = 0;
	return bpf_map_lookup_elem(&policy, key);
}

/* An endpoint's identity that this node has not written into its sets yet. */
static __always_inline bool policy_unknown(const struct policy_question *question)
{
	struct policy_key key = { .identity = question->identity };

	if (!(question->shape & POLICY_SHAPE_DENIES_PEERS) || !is_pod_identity(question->identity))
		return false;
	return !bpf_map_lookup_elem(&policy, &key);
}

/*
 * Asks the policy set; the first entry found decides (schema/policy.h). Returns 0 or a drop reason. Runs once a
 * flow and policy set, so it is a function of its own. Not static: the verifier walks it once, by itself, instead of
 * once for every way to come here.
 */
__noinline int policy_ask(const struct policy_question *question, struct policy_answer *answer)
{
	struct policy_value *value = NULL;
	struct policy_key key = {};
	__u32 shape;
	int bits;

	if (!question || !answer)
		return DROP_POLICY_DENIED; /* never: says so to the verifier */
	key.policy = question->policy;
	key.direction = question->direction;
	key.protocol = question->protocol;
	shape = question->shape;
	for (bits = 16; bits >= 0; bits--) {
		if (!(shape & (1 << bits)))
			continue;
		key.port_bits = bits;
		key.port = bpf_htons(bpf_ntohs(question->port) & (0xffff0000 >> bits));
		value = policy_probe(&key, question->identity);
		if (value)
			goto found;
	}
	if (shape & POLICY_SHAPE_ANY_PROTOCOL) {
		key.protocol = 0;
		key.port_bits = 0;
		key.port = 0;
		value = policy_probe(&key, question->identity);
		if (value)
			goto found;
	}
	answer->rule = 0;
	answer->match = POLICY_MATCH_NONE;
	if (!(shape & POLICY_SHAPE_DEFAULT_ALLOW))
		return DROP_POLICY_DENIED;
	return policy_unknown(question) ? DROP_UNKNOWN_IDENTITY : 0;
found:
	answer->rule = value->rule;
	answer->match = policy_match_of(key.identity, key.protocol, key.port_bits);
	if (value->deny)
		return DROP_POLICY_DENY_RULE;
	return key.identity == 0 && policy_unknown(question) ? DROP_UNKNOWN_IDENTITY : 0;
}

static __always_inline __u64 allowed_under(__u32 policy, __u32 identity)
{
	return (__u64)policy << 32 | identity;
}

/* 0 is never allowed under: it says that nobody was asked. */
static __always_inline bool allowed_before(__u64 before, __u64 now)
{
	return now && before == now;
}

/* ICMP has no ports: rules name its type. */
static __always_inline __be16 policy_port(const struct walk *walk)
{
	return walk->protocol == IPPROTO_ICMP ? bpf_htons(walk->icmp_type) : walk->goes.destination_port;
}

/* May the pod send this? Replies and errors about a known flow are not asked. */
static __always_inline int policy_egress(struct walk *walk, const struct endpoint_value *pod, struct ct_value *ct)
{
	__u64 allowed = allowed_under(pod->policy, walk->destination_identity);
	struct policy_question question = {
		.policy = pod->policy,
		.shape = pod->egress_shape,
		.identity = walk->destination_identity,
		.port = policy_port(walk),
		.direction = DIRECTION_EGRESS,
		.protocol = walk->protocol,
	};
	struct policy_answer answer = {};
	int reason;

	walk->egress_policy = pod->policy;
	if (ct && allowed_before(ct->egress_allowed, allowed)) {
		walk->egress_match = POLICY_MATCH_CACHED;
		return 0;
	}
	if (pod->flags & ENDPOINT_LOCKDOWN)
		return ct && ct->egress_allowed ? 0 : DROP_POLICY_LOCKDOWN;
	reason = policy_ask(&question, &answer);
	walk->egress_rule = answer.rule;
	walk->egress_match = answer.match;
	if (!reason && ct)
		WRITE_ONCE(ct->egress_allowed, allowed);
	return reason;
}

/* May this reach the pod? */
static __always_inline int policy_ingress(struct walk *walk, const struct endpoint_value *pod, struct ct_value *ct)
{
	__u64 allowed = allowed_under(pod->policy, walk->source_identity);
	struct policy_question question = {
		.policy = pod->policy,
		.shape = pod->ingress_shape,
		.identity = walk->source_identity,
		.port = policy_port(walk),
		.direction = DIRECTION_INGRESS,
		.protocol = walk->protocol,
	};
	struct policy_answer answer = {};
	int reason;

	walk->ingress_policy = pod->policy;
	if (ct && allowed_before(ct->ingress_allowed, allowed)) {
		walk->ingress_match = POLICY_MATCH_CACHED;
		return 0;
	}
	if (allow_local_host && walk->source_identity == IDENTITY_HOST) {
		walk->ingress_match = POLICY_MATCH_LOCAL_HOST;
		return 0;
	}
	if (pod->flags & ENDPOINT_LOCKDOWN)
		return ct && ct->ingress_allowed ? 0 : DROP_POLICY_LOCKDOWN;
	reason = policy_ask(&question, &answer);
	walk->ingress_rule = answer.rule;
	walk->ingress_match = answer.match;
	if (!reason && ct)
		WRITE_ONCE(ct->ingress_allowed, allowed);
	return reason;
}
