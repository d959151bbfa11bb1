/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/*
 * conntrack: one entry a flow, whichever way its packets go. The two ends are sorted, so that both
 * directions find it with one look-up, and two pods of one node share it.
 */
struct ct_key {
	struct ip_address low;
	struct ip_address high;
	__be16 low_port;   /* ICMP echo: the identifier where it was asked, 0 on the other side */
	__be16 high_port;
	__u8 protocol;
	__u8 pad[3];
};

struct ct_value {
	__u64 expires;          /* CLOCK_MONOTONIC, ns: later the entry counts as absent */
	__u64 reported;         /* when an event last told of it */
	struct ip_address nat_address;
	__be16 nat_port;
	__u8 tcp_flags_origin;  /* all TCP flags seen so far, by direction */
	__u8 tcp_flags_reply;
	__u32 flags;            /* enum ct_flag */
	__u32 backend;          /* CT_SERVICE: index into backends */
	/*
	 * What this flow was last allowed under: policy set << 32 | identity of the peer; 0: never asked. While
	 * both are the same the verdict is, so an established flow asks no policy.
	 */
	__u64 egress_allowed;
	__u64 ingress_allowed;
};

enum ct_flag {
	CT_ORIGIN_IS_LOW = 1,    /* the low end sent the first packet */
	CT_SEEN_REPLY = 2,
	CT_CLOSING_ORIGIN = 4,   /* FIN or RST seen from that side */
	CT_CLOSING_REPLY = 8,
	CT_SERVICE = 16,         /* client to frontend: nat_* is the backend */
	CT_TRANSLATED = 32,      /* client to backend: nat_* is the frontend, the source of replies */
	CT_LOOPBACK = 64,        /* the client is the backend: its packets bear LOOPBACK_ADDRESS as their source */
	CT_OUTSIDE = 128,        /* to an address outside the cluster, which may become a frontend any time */
	CT_FROM_OUTSIDE = 256,   /* its client is outside and came to a frontend: of both entries */
};

enum ct_state {
	CT_NEW = 0,
	CT_ESTABLISHED = 1,
	CT_REPLY = 2,
	CT_RELATED = 3,
};

/* Seconds. */
enum ct_lifetime {
	CT_LIFETIME_TCP = 8000,
	CT_LIFETIME_TCP_SYN = 60,
	CT_LIFETIME_TCP_CLOSING = 10,
	CT_LIFETIME_OTHER = 60,
	CT_REPORT_INTERVAL = 5,
};
