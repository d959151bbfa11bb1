/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/*
 * policy: immutable sets of entries. Endpoints with the same rights share a set; a change writes a new set
 * and then turns the endpoint's `policy` to it, so that no packet ever sees half of one. The compiler
 * resolves overlaps, so that the first entry found, in the order of `policy_shape`, is the verdict.
 */
struct policy_key {
	__u32 policy;
	__u32 identity;   /* of the peer; 0: any */
	__u8 direction;   /* enum direction */
	__u8 protocol;    /* 0: any */
	__u8 port_bits;   /* leading bits of `port` that count: 16 a port, 0 all ports, between: an aligned block */
	__u8 pad;
	__be16 port;      /* destination port, masked; ICMP: the type */
	__u16 pad2;
};

struct policy_value {
	__u8 deny;
	__u8 pad[3];
	__u32 rule;       /* user space's number for the rule that decided */
};

enum direction {
	DIRECTION_EGRESS = 0,
	DIRECTION_INGRESS = 1,
};

/*
 * One bit for each probe a set needs in one direction; the rest are skipped. Probes run from bit 16 (exact
 * port) down to bit 0 (any port of a protocol), then bit 17 (any protocol); each asks for the peer's
 * identity first and for any identity second.
 */
enum policy_shape {
	POLICY_SHAPE_ANY_PROTOCOL = 0x20000,
	/*
	 * The set denies some peers by their identity. One that has no mark in set 0 (identity, all else zero) may
	 * be such a peer whose entries are still to come: it passes by no entry for any identity, and by no default.
	 */
	POLICY_SHAPE_DENIES_PEERS = 0x40000,
	/* No rule of the set selects this direction: what no entry decides is allowed. */
	POLICY_SHAPE_DEFAULT_ALLOW = 0x80000000,
};

/* What decided. */
enum policy_match {
	POLICY_MATCH_NONE = 0,
	POLICY_MATCH_L3 = 1,
	POLICY_MATCH_L3_L4 = 2,
	POLICY_MATCH_L4 = 3,
	POLICY_MATCH_ALL = 4,
	POLICY_MATCH_L3_PROTOCOL = 5,
	POLICY_MATCH_PROTOCOL = 6,
	/* Decided before, for this flow, under the same policy set and the same peer identity. */
	POLICY_MATCH_CACHED = 7,
	/* The node itself may always reach its pods. */
	POLICY_MATCH_LOCAL_HOST = 8,
	/* A pod may always reach itself. */
	POLICY_MATCH_SELF = 9,
};
