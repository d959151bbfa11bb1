/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/* endpoints: the pods of this node, by address. Doubles as the source check: who may use this address? */
struct endpoint_key {
	struct ip_address address;
};

struct endpoint_value {
	__u32 ifindex;                  /* node side of the pod's veth pair */
	__u32 identity;
	__u32 policy;                   /* the policy set in force: first field of policy_key */
	__u32 egress_shape;             /* enum policy_shape: which probes that set needs */
	__u32 ingress_shape;
	__u32 table;                    /* routes by which what bears this address leaves the node; 0: the node's own */
	__u16 id;
	__u16 flags;                    /* enum endpoint_flag */
	struct mac_address mac;         /* the pod's own */
	struct mac_address gateway_mac; /* node side: what the pod sees as its gateway */
};

enum endpoint_flag {
	/* The policy map could not hold the set: new flows are refused, established ones go on. */
	ENDPOINT_LOCKDOWN = 1,
};
