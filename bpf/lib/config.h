/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "kernel.h"
#include "../schema/common.h"
/* What is fixed for a node when its programs are loaded. The verifier sees the values and drops dead branches. */

const volatile __be32 node_ipv4;          /* the node's address on its uplink */
const volatile __be32 router_ipv4;        /* the node's address in its pod CIDR: the pods' gateway */
const volatile __u32 uplink_ifindex;      /* the device towards the fabric */
const volatile __u32 host_ifindex;        /* the device that has router_ipv4: it forwards, so look-ups start there */
const volatile __u32 overlay_ifindex;     /* collect-metadata VXLAN; 0: no overlay */
const volatile __u16 overlay_port = 8472; /* UDP, host order */
const volatile __u32 world_identity = 2;  /* of an IPv4 address nobody knows: 9 in a dual-stack cluster */
const volatile __u8 masquerade = 1;       /* pods reach the world under node_ipv4 */
const volatile __u8 allow_local_host = 1; /* the node always reaches its pods, whatever their policy */

/* The source a pod sees when a service sends its own packets back to it. */
#define LOOPBACK_ADDRESS bpf_htonl(0xa9fe2a01) /* 169.254.42.1 */

/* skb->mark, bits 8 to 11: what has been done to a packet, for the programs that see it later on this node. */
#define MARK_MASK 0x0f00
#define MARK_NO_MASQUERADE 0x0300
