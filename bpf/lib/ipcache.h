/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "config.h"
#include "maps.h"
#include "walk.h"

static __always_inline struct endpoint_value *endpoint_of(__be32 address)
{
	struct endpoint_key key = { mapped(address) };

	return bpf_map_lookup_elem(&endpoints, &key);
}

static __always_inline struct ipcache_value *ipcache_exact(__be32 address)
{
	struct ipcache_key key = { mapped(address) };

	return bpf_map_lookup_elem(&ipcache, &key);
}

static __always_inline struct ipcache_value *ipcache_lookup(__be32 address)
{
	struct ipcache_value *value = ipcache_exact(address);
	struct ipcache_prefix_key key;

	if (value)
		return value;
	key.prefix_length = 128;
	key.address = mapped(address);
	return bpf_map_lookup_elem(&ipcache_prefixes, &key);
}

static __always_inline __u32 identity_of(const struct ipcache_value *value)
{
	return value ? value->identity : world_identity;
}

/* The node to encapsulate to; 0: it is not behind a tunnel. */
static __always_inline __be32 tunnel_of(const struct ipcache_value *value)
{
	return value ? value->tunnel.word[3] : 0;
}

/* Is it reached as it is, by the node's routes? */
static __always_inline bool is_native(const struct ipcache_value *value)
{
	return value && value->flags & IPCACHE_NATIVE;
}

/* The node itself answers to both of its addresses. */
static __always_inline bool is_this_node(__be32 address)
{
	return address == node_ipv4 || address == router_ipv4;
}
