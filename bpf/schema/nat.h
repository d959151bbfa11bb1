/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/* nat: masquerading, two entries a flow: what leaves the node, and what comes back. */
struct nat_key {
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;      /* ICMP echo: outward the identifier, back 0 */
	__be16 destination_port; /* ICMP echo: outward 0, back the identifier */
	__u8 protocol;
	__u8 direction;          /* enum direction */
	__u16 pad;
};

struct nat_value {
	struct ip_address address; /* egress: the new source; ingress: the new destination */
	__be16 port;
	__u16 pad;
	__u32 pad2;
	__u64 expires;             /* CLOCK_MONOTONIC, ns */
};

enum nat_limits {
	NAT_PORT_MIN = 32768,
	NAT_PORT_MAX = 65535,
	NAT_ATTEMPTS = 32,
};
