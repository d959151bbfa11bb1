/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/*
 * events: one record for one pass of one packet through one program, written when the pass ends. It holds all
 * that was looked up and decided on the way, so that a walk can be told from its records alone.
 */
struct event {
	__u64 time;                       /* CLOCK_MONOTONIC, ns */
	struct ip_address source;         /* as the packet came */
	struct ip_address destination;
	struct ip_address new_source;     /* as it went on; the same where nothing translated it */
	struct ip_address new_destination;
	struct ip_address tunnel;         /* outcome to-overlay: the node it went to; from-overlay: it came from */
	__be16 source_port;
	__be16 destination_port;
	__be16 new_source_port;
	__be16 new_destination_port;
	__u32 source_identity;
	__u32 destination_identity;
	__u32 egress_policy;              /* 0: not asked */
	__u32 egress_rule;                /* 0: none, the default decided */
	__u32 ingress_policy;
	__u32 ingress_rule;
	__u32 ifindex;                    /* where the program is attached */
	__u32 length;                     /* of the packet with its Ethernet header */
	__u16 service;                    /* maglev index; 0: none */
	__u16 endpoint;                   /* the pod of this node whose packet it is */
	__u16 line;                       /* of the drop, in the source; 0: not dropped */
	__u8 file;                        /* enum source_file: of that line */
	__u8 hook;                        /* enum hook */
	__u8 outcome;                     /* enum outcome */
	__u8 reason;                      /* enum drop_reason, where dropped */
	__u8 ct_state;                    /* enum ct_state */
	__u8 egress_match;                /* enum policy_match */
	__u8 ingress_match;
	__u8 protocol;
	__u8 tcp_flags;
	__u8 pad;
};

/* The files that drop packets, by name: `SOURCE_DELIVER_H` is deliver.h. */
enum source_file {
	SOURCE_NONE = 0,
	SOURCE_FROM_CONTAINER_C = 1,
	SOURCE_TO_CONTAINER_C = 2,
	SOURCE_FROM_OVERLAY_C = 3,
	SOURCE_FROM_NETDEV_C = 4,
	SOURCE_TO_NETDEV_C = 5,
	SOURCE_DELIVER_H = 6,
};

enum hook {
	HOOK_FROM_CONTAINER = 1,
	HOOK_TO_CONTAINER = 2,
	HOOK_FROM_OVERLAY = 3,
	HOOK_FROM_NETDEV = 4,
	HOOK_TO_NETDEV = 5,
};

enum outcome {
	OUTCOME_DROPPED = 0,
	OUTCOME_TO_ENDPOINT = 1,
	OUTCOME_TO_OVERLAY = 2,
	OUTCOME_TO_NETDEV = 3,
	OUTCOME_TO_STACK = 4,
};

/* Numbers and meanings as Cilium's users know them, where it has them. */
enum drop_reason {
	DROP_NONE = 0,
	DROP_INVALID_SOURCE_IP = 132,
	DROP_POLICY_DENIED = 133,
	DROP_INVALID_PACKET = 134,
	DROP_FRAG_NEEDED = 136,
	DROP_UNKNOWN_L4 = 142,
	DROP_UNROUTABLE = 151,
	DROP_CT_INSERTION_FAILED = 155,
	DROP_NO_BACKEND = 158,
	DROP_NO_TUNNEL_ENDPOINT = 160,
	DROP_UNSUPPORTED_L2 = 166,
	DROP_NO_NAT_MAPPING = 167,
	DROP_NO_ROUTE = 169,
	DROP_ENCAP_FAILED = 170,
	DROP_INVALID_IDENTITY = 171,
	DROP_UNKNOWN_IDENTITY = 172,
	DROP_IS_CLUSTER_IP = 174,
	DROP_FRAGMENT_UNKNOWN = 175,
	DROP_POLICY_DENY_RULE = 181,
	DROP_TTL_EXCEEDED = 196,
	DROP_POLICY_LOCKDOWN = 207,
};

/* metrics: indexed by drop reason below 256, by 256 + outcome above. */
struct metric_value {
	__u64 packets;
	__u64 bytes;
};

enum metric {
	METRIC_FORWARDED = 256,
	METRIC_EVENTS_LOST = 264,
	METRIC_COUNT = 265,
};

/* settings: one element, read by every program, changed while they run. */
struct settings_value {
	__u32 events; /* enum event_level */
};

enum event_level {
	EVENTS_NONE = 0,
	EVENTS_DROPS = 1,
	/* Drops, and of each flow: the first packet each way, each new TCP flag, and one in CT_REPORT_INTERVAL. */
	EVENTS_FLOWS = 2,
	EVENTS_ALL = 3,
};
