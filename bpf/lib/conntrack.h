/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "maps.h"
#include "parse.h"
#include "walk.h"

/* Sorts the ends; true where the source is the low one. */
static __always_inline bool ct_key_of(const struct ends *ends, __u8 protocol, struct ct_key *key)
{
	bool source_is_low = ends->source < ends->destination ||
			     (ends->source == ends->destination && ends->source_port <= ends->destination_port);

	__builtin_memset(key, 0, sizeof(*key));
	key->protocol = protocol;
	if (source_is_low) {
		key->low = mapped(ends->source);
		key->high = mapped(ends->destination);
		key->low_port = ends->source_port;
		key->high_port = ends->destination_port;
	} else {
		key->low = mapped(ends->destination);
		key->high = mapped(ends->source);
		key->low_port = ends->destination_port;
		key->high_port = ends->source_port;
	}
	return source_is_low;
}

static __always_inline bool ct_closing(const struct ct_value *ct)
{
	return ct->flags & (CT_CLOSING_ORIGIN | CT_CLOSING_REPLY);
}

/*
 * An ICMP error goes to whoever sent the packet it is about; else it would open any door to whoever has a flow. Routers
 * on the way may send one too, but pods are none.
 */
static __always_inline bool ct_error_plausible(const struct walk *walk)
{
	__u32 odd = walk->inner.source ^ walk->goes.destination; /* bits, not branches: the verifier walks each */

	if (walk->hook == HOOK_FROM_CONTAINER)
		odd |= walk->inner.destination ^ walk->goes.source;
	return !odd;
}

/* Finds the packet's flow and sets `ct_state`. An expired or ended flow is no flow: its entry will be replaced. */
static __always_inline struct ct_value *ct_find(struct walk *walk)
{
	struct ct_value *ct;
	struct ct_key key;
	bool low;

	walk->ct_state = CT_NEW;
	if (is_flowless(walk) && !(walk->related && ct_error_plausible(walk)))
		return NULL;
	if (walk->related)
		low = ct_key_of(&walk->inner, walk->inner_protocol, &key);
	else
		low = ct_key_of(&walk->goes, walk->protocol, &key);
	ct = bpf_map_lookup_elem(&conntrack, &key);
	if (!ct || ct->expires < walk->now)
		return NULL;
	walk->origin = low == !!(ct->flags & CT_ORIGIN_IS_LOW);
	if (walk->related) {
		walk->ct_state = CT_RELATED;
		return ct;
	}
	/* The same ports again, for another connection: ask policy again. */
	if (walk->protocol == IPPROTO_TCP && ct_closing(ct) &&
	    (walk->tcp_flags & (TCP_FLAG_SYN | TCP_FLAG_ACK)) == TCP_FLAG_SYN)
		return NULL;
	walk->ct_state = walk->origin ? CT_ESTABLISHED : CT_REPLY;
	return ct;
}

static __always_inline __u64 ct_lifetime(const struct walk *walk, __u32 flags)
{
	if (walk->protocol != IPPROTO_TCP)
		return CT_LIFETIME_OTHER * SECOND;
	if ((flags & CT_CLOSING_ORIGIN) && (flags & CT_CLOSING_REPLY))
		return CT_LIFETIME_TCP_CLOSING * SECOND;
	/* A service entry sees one side only; it lets a connection end in peace. */
	if ((flags & CT_SERVICE) && (flags & CT_CLOSING_ORIGIN))
		return CT_LIFETIME_TCP_SYN * SECOND;
	if (!(flags & (CT_SEEN_REPLY | CT_SERVICE)) && (walk->tcp_flags & TCP_FLAG_SYN))
		return CT_LIFETIME_TCP_SYN * SECOND;
	return CT_LIFETIME_TCP * SECOND;
}

static __always_inline __u32 ct_flags_after(const struct walk *walk, __u32 flags, bool reply)
{
	if (reply)
		flags |= CT_SEEN_REPLY;
	if (walk->protocol == IPPROTO_TCP) {
		if (walk->tcp_flags & TCP_FLAG_RST)
			flags |= CT_CLOSING_ORIGIN | CT_CLOSING_REPLY;
		else if (walk->tcp_flags & TCP_FLAG_FIN)
			flags |= reply ? CT_CLOSING_REPLY : CT_CLOSING_ORIGIN;
	}
	return flags;
}

/* Notes a packet of a known flow. Writes only what changed, so that flows on two CPUs share cache lines. */
static __always_inline void ct_touch(struct walk *walk, struct ct_value *ct)
{
	bool reply = walk->ct_state == CT_REPLY;
	__u32 flags = ct_flags_after(walk, ct->flags, reply);
	__u64 expires = walk->now + ct_lifetime(walk, flags);
	__u8 told = walk->tcp_flags & (TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST);

	if (flags != ct->flags) {
		walk->report |= !!((flags ^ ct->flags) & CT_SEEN_REPLY);
		__sync_fetch_and_or(&ct->flags, flags);
	}
	/* Lifetimes shrink too, when a connection ends. */
	if (expires > ct->expires + SECOND || expires + SECOND < ct->expires)
		WRITE_ONCE(ct->expires, expires);
	if (told) {
		__u8 *seen = reply ? &ct->tcp_flags_reply : &ct->tcp_flags_origin;

		if (told & ~*seen) {
			*seen |= told;
			walk->report = true;
		}
	}
	if (walk->now > ct->reported + CT_REPORT_INTERVAL * SECOND) {
		WRITE_ONCE(ct->reported, walk->now);
		walk->report = true;
	}
}

/* What a new entry remembers beyond its ends. */
struct ct_new {
	__u64 egress_allowed;
	__u64 ingress_allowed;
	__be32 nat_address;
	__be16 nat_port;
	__u32 backend; /* CT_SERVICE */
	__u32 flags;
};

/* Is the flow translated as this packet of it is? The same two ends may meet by a frontend, and without one. */
static __always_inline bool ct_translated_alike(const struct ct_value *ct, const struct ct_new *packet)
{
	if ((ct->flags ^ packet->flags) & CT_TRANSLATED)
		return false;
	return !(packet->flags & CT_TRANSLATED) ||
	       (ct->nat_address.word[3] == packet->nat_address && ct->nat_port == packet->nat_port);
}

/*
 * Once a flow, so it is a function of its own. Not static: the verifier walks it once, by itself. The packet comes beside
 * `walk`, as everywhere; clang 14 tells the kernel too little of its type otherwise.
 */
__noinline int ct_insert(struct __sk_buff *skb, struct walk *walk, const struct ends *ends, const struct ct_new *remember)
{
	struct ct_value value = {};
	struct ct_key key;
	__u32 flags;

	if (!skb || !walk || !ends || !remember)
		return DROP_CT_INSERTION_FAILED; /* never: says so to the verifier */
	flags = ct_flags_after(walk, remember->flags, false);
	value.reported = walk->now;
	value.tcp_flags_origin = walk->tcp_flags & (TCP_FLAG_FIN | TCP_FLAG_SYN | TCP_FLAG_RST);
	value.backend = remember->backend;
	value.egress_allowed = remember->egress_allowed;
	value.ingress_allowed = remember->ingress_allowed;
	if (ct_key_of(ends, walk->protocol, &key))
		flags |= CT_ORIGIN_IS_LOW;
	value.flags = flags;
	value.expires = walk->now + ct_lifetime(walk, flags);
	if (flags & (CT_SERVICE | CT_TRANSLATED)) {
		value.nat_address = mapped(remember->nat_address);
		value.nat_port = remember->nat_port;
	}
	walk->report = true;
	return bpf_map_update_elem(&conntrack, &key, &value, BPF_ANY) ? DROP_CT_INSERTION_FAILED : 0;
}

static __always_inline int ct_create(struct walk *walk, const struct ends *ends, const struct ct_new *remember)
{
	struct __sk_buff *skb = walk->skb;
	int reason = ct_insert(skb, walk, ends, remember);

	walk->skb = skb;
	return reason;
}
