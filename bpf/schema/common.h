/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
/*
 * The vocabulary of every map and event. User space reads these types from BTF (`npm run generate`), so a
 * change here changes TypeScript too. Padding is explicit, named pad*, and always zero: the kernel compares
 * every byte of a key.
 */

/* Both families in one form: IPv4 is ::ffff:a.b.c.d (RFC 4291 section 2.5.5.2). */
struct ip_address {
	__be32 word[4];
};

struct mac_address {
	__u8 byte[6];
};

enum limits {
	LIMIT_ENDPOINTS = 4096,
	LIMIT_IPCACHE = 524288,
	LIMIT_IPCACHE_PREFIXES = 65536,
	LIMIT_POLICY = 1048576,
	LIMIT_CONNTRACK = 524288,
	LIMIT_SERVICES = 65536,
	LIMIT_BACKENDS = 65536,
	LIMIT_NAT = 262144,
	LIMIT_FRAGMENTS = 8192,
	LIMIT_EVENT_BYTES = 4194304,
	/* Slots of one service's Maglev table: a prime, at least 100 x backends for shares within 1 %. */
	MAGLEV_SLOTS = 4093,
};

/* Numeric identities below 256 mean the same everywhere. */
enum reserved_identity {
	IDENTITY_UNKNOWN = 0,
	IDENTITY_HOST = 1,
	IDENTITY_WORLD = 2,
	IDENTITY_UNMANAGED = 3,
	IDENTITY_HEALTH = 4,
	IDENTITY_INIT = 5,
	IDENTITY_REMOTE_NODE = 6,
	IDENTITY_KUBE_APISERVER = 7,
	IDENTITY_INGRESS = 8,
	IDENTITY_WORLD_IPV4 = 9,
	IDENTITY_WORLD_IPV6 = 10,
	/* From here to IDENTITY_LOCAL_FIRST they are endpoints', of this cluster and of others. */
	IDENTITY_CLUSTER_FIRST = 256,
	/* From here they mean something to one node only. */
	IDENTITY_LOCAL_FIRST = 0x01000000,
};
