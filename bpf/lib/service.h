/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "conntrack.h"
#include "config.h"
#include "maps.h"
#include "rewrite.h"
#include "walk.h"

static __always_inline __u32 mix(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = word << 15 | word >> 17;
	hash ^= word * 0x1b873593;
	hash = hash << 13 | hash >> 19;
	return hash * 5 + 0xe6546b64;
}

/* murmur3-32 of the flow: any node sends it to the same backend. */
static __always_inline __u32 flow_hash(const struct walk *walk)
{
	__u32 hash = mix(walk->protocol, walk->goes.source);

	hash = mix(hash, walk->goes.destination);
	hash = mix(hash, (__u32)walk->goes.source_port << 16 | walk->goes.destination_port);
	hash ^= hash >> 16;
	hash *= 0x85ebca6b;
	hash ^= hash >> 13;
	hash *= 0xc2b2ae35;
	return hash ^ hash >> 16;
}

static __always_inline struct service_value *service_of(const struct walk *walk)
{
	struct service_key key = {
		.address = mapped(walk->goes.destination),
		.port = walk->goes.destination_port,
		.protocol = walk->protocol,
	};

	return bpf_map_lookup_elem(&services, &key);
}

static __always_inline struct backend_value *backend_at(__u32 index)
{
	return bpf_map_lookup_elem(&backends, &index);
}

/*
 * The backend a flow was given, as long as it is there; UDP flows would else feed a dead one for ever. Also where its
 * service has lost it and another has not: docs/decisions/2026-11-25-lost-backends.md.
 */
static __always_inline struct backend_value *service_backend_kept(const struct ct_value *ct)
{
	struct backend_value *backend = backend_at(ct->backend);

	if (!backend || backend->state == BACKEND_GONE || backend->port != ct->nat_port ||
	    backend->address.word[3] != ct->nat_address.word[3])
		return NULL;
	return backend;
}

/* @id: of the Maglev table. */
static __always_inline struct backend_value *service_backend_chosen(const struct walk *walk, __u32 id, __u32 *index)
{
	/* Scales the hash into the table: no division, and a bound that the verifier sees. */
	__u64 slot = (__u64)flow_hash(walk) * MAGLEV_SLOTS >> 32;
	struct maglev_table *table;
	struct backend_value *backend;

	table = bpf_map_lookup_elem(&maglev, &id);
	if (!table)
		return NULL;
	*index = table->backend[slot];
	if (!*index)
		return NULL;
	backend = backend_at(*index);
	/* The table says who gets new flows: a terminating one too, where nobody else is left. */
	return backend && backend->state != BACKEND_GONE ? backend : NULL;
}

/*
 * Sends a packet for a frontend to a backend: the one this flow had, or a chosen one, which `chosen` then names. `ct`
 * is the flow from client to frontend where it is known. Fills `remember` for the flow from client to backend, or leaves
 * it empty where there is nothing to translate: the destination is no frontend, or its own backend. Returns 0 or a drop
 * reason.
 */
static __always_inline int service_translate(struct walk *walk, struct ct_value *ct, struct ct_new *remember,
					     __u32 *chosen)
{
	struct ends frontend = walk->goes;
	struct backend_value *backend = NULL;
	__be32 address;
	__be16 port;
	int reason;

	if (ct && (ct->flags & CT_SERVICE)) {
		backend = service_backend_kept(ct);
		if (backend)
			ct_touch(walk, ct);
	}
	if (!backend) {
		struct service_value *service = service_of(walk);

		if (!service)
			return ct && (ct->flags & CT_SERVICE) ? DROP_NO_BACKEND : 0;
		walk->service = service->id;
		backend = service_backend_chosen(walk, service->id, chosen);
		if (!backend)
			return DROP_NO_BACKEND;
	}
	address = backend->address.word[3];
	port = backend->port;
	if (address == frontend.destination && port == frontend.destination_port) {
		*chosen = 0;
		return 0;
	}
	remember->flags = CT_TRANSLATED;
	remember->nat_address = frontend.destination;
	remember->nat_port = frontend.destination_port;
	if (address == walk->goes.source) {
		/* A pod that is sent to itself would take its own address for a martian: show it another. */
		remember->flags |= CT_LOOPBACK;
		reason = rewrite_end(walk, END_SOURCE, LOOPBACK_ADDRESS, walk->goes.source_port);
		if (reason)
			return reason;
	}
	return rewrite_end(walk, END_DESTINATION, address, port);
}

/*
 * The same for a client outside, whose packet is for a frontend that has been looked up. The client may be the backend,
 * and needs no other address for that: it gets this node's.
 */
static __always_inline int service_translate_from_outside(struct walk *walk, const struct service_value *service,
							  struct ct_value *ct, struct ct_new *remember, __u32 *chosen)
{
	struct backend_value *backend = NULL;
	__be32 address;
	__be16 port;

	if (ct) {
		backend = service_backend_kept(ct);
		if (backend)
			ct_touch(walk, ct);
	}
	if (!backend) {
		walk->service = service->external_id;
		backend = service_backend_chosen(walk, service->external_id, chosen);
		if (!backend)
			return DROP_NO_BACKEND;
	}
	address = backend->address.word[3];
	port = backend->port;
	remember->flags = CT_TRANSLATED | CT_FROM_OUTSIDE;
	remember->nat_address = walk->goes.destination;
	remember->nat_port = walk->goes.destination_port;
	return rewrite_end(walk, END_DESTINATION, address, port);
}

/*
 * Remembers the chosen backend, once policy has let the packet pass: what is refused leaves nothing. `from` is
 * CT_FROM_OUTSIDE, or 0 for a pod of this node.
 */
static __always_inline int service_remember(struct walk *walk, __u32 chosen, __u32 from)
{
	struct ct_new entry = {
		.flags = CT_SERVICE | from,
		.backend = chosen,
		.nat_address = walk->goes.destination,
		.nat_port = walk->goes.destination_port,
	};

	return ct_create(walk, &walk->came, &entry);
}

/* Gives a reply of a backend the frontend's address back, before the client sees it. */
static __always_inline int service_restore(struct walk *walk, const struct ct_value *ct)
{
	__be32 backend = walk->goes.source;
	int reason = rewrite_end(walk, END_SOURCE, ct->nat_address.word[3], ct->nat_port);

	if (reason || !(ct->flags & CT_LOOPBACK))
		return reason;
	return rewrite_end(walk, END_DESTINATION, backend, walk->goes.destination_port);
}

/* The same for an ICMP error about a packet of the client's: its inner destination is the frontend again. */
static __always_inline int service_restore_inner(struct walk *walk, const struct ct_value *ct)
{
	__be32 backend = walk->goes.source;
	int reason;

	/* Only where the error is about the client's own packet; the backend never knew of the frontend. */
	if (!walk->origin)
		return 0;
	reason = rewrite_inner_end(walk, END_DESTINATION, ct->nat_address.word[3], ct->nat_port);
	/* Outside nobody knows a backend, nor who is on the way there. */
	if (!reason && (ct->flags & CT_FROM_OUTSIDE))
		return rewrite_end(walk, END_SOURCE, ct->nat_address.word[3], walk->goes.source_port);
	if (reason || !(ct->flags & CT_LOOPBACK))
		return reason;
	/* The pod tells itself: of its own packet, and from the frontend. */
	reason = rewrite_inner_end(walk, END_SOURCE, backend, walk->inner.source_port);
	if (reason)
		return reason;
	reason = rewrite_end(walk, END_SOURCE, ct->nat_address.word[3], walk->goes.source_port);
	return reason ? reason : rewrite_end(walk, END_DESTINATION, backend, walk->goes.destination_port);
}

/* The other way: a client's ICMP error about a frontend's reply is for the backend that sent it. */
static __always_inline int service_translate_inner(struct walk *walk, const struct ct_value *ct)
{
	int reason = rewrite_inner_end(walk, END_SOURCE, ct->nat_address.word[3], ct->nat_port);

	if (reason)
		return reason;
	walk->inner.source = ct->nat_address.word[3];
	walk->inner.source_port = ct->nat_port;
	return rewrite_end(walk, END_DESTINATION, ct->nat_address.word[3], walk->goes.destination_port);
}
