/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/* ipcache: every single address the cluster knows. A plain hash, for a trie costs seven times as much. */
struct ipcache_key {
	struct ip_address address;
};

/* ipcache_prefixes: everything wider, asked only when ipcache does not know. */
struct ipcache_prefix_key {
	__u32 prefix_length;    /* of the 128-bit form: 96 + n for IPv4 */
	struct ip_address address;
};

struct ipcache_value {
	__u32 identity;
	__u32 flags;              /* enum ipcache_flag */
	struct ip_address tunnel; /* the node to encapsulate to; all zero: not behind a tunnel */
};

enum ipcache_flag {
	/* Reached as it is, by the node's routes: what pods send there keeps its source. */
	IPCACHE_NATIVE = 1,
};
