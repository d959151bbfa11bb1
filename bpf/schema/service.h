/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/* services: frontends. */
struct service_key {
	struct ip_address address;
	__be16 port;
	__u8 protocol;
	__u8 pad;
};

struct service_value {
	__u32 id;             /* key of maglev: for pods of this node */
	__u32 backend_count;
	/*
	 * The same for clients outside: `id`, or a table of this node's backends alone where traffic is to stay local.
	 * 0: a cluster IP, which is not served to them.
	 */
	__u32 external_id;
};

/* maglev: per service one table of MAGLEV_SLOTS indexes into `backends`. */
struct maglev_table {
	__u16 backend[MAGLEV_SLOTS];
	__u16 pad;
};

/* backends: index 0 is never used, so that a zeroed slot means none. */
struct backend_value {
	struct ip_address address;
	__be16 port;
	__u8 protocol;
	__u8 state;           /* enum backend_state */
	__u32 pad;
};

enum backend_state {
	BACKEND_GONE = 0,
	BACKEND_ACTIVE = 1,
	BACKEND_TERMINATING = 2, /* keeps its flows, gets no new ones */
};
