/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "config.h"
#include "maps.h"
#include "walk.h"

static __always_inline void count(__u32 index, __u32 bytes)
{
	struct metric_value *value = bpf_map_lookup_elem(&metrics, &index);

	if (value) {
		value->packets++;
		value->bytes += bytes;
	}
}

static __always_inline __u32 event_level(void)
{
	__u32 zero = 0;
	struct settings_value *value = bpf_map_lookup_elem(&settings, &zero);

	return value ? value->events : EVENTS_NONE;
}

/*
 * A reader polls: waking one for a packet would cost fifty times the packet. Not static: the verifier walks it once,
 * by itself. It then trusts nothing in `walk` any more, least of all the pointer, so the packet comes beside it.
 */
__noinline int write_event(struct __sk_buff *skb, const struct walk *walk, __u32 outcome, __u32 place)
{
	struct event *event;

	if (!walk)
		return 0; /* never: says so to the verifier */
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		count(METRIC_EVENTS_LOST, 0);
		return 0;
	}
	event->time = bpf_ktime_get_ns();
	event->source = mapped(walk->came.source);
	event->destination = mapped(walk->came.destination);
	event->new_source = mapped(walk->goes.source);
	event->new_destination = mapped(walk->goes.destination);
	event->tunnel = mapped(walk->tunnel);
	event->source_port = walk->came.source_port;
	event->destination_port = walk->came.destination_port;
	event->new_source_port = walk->goes.source_port;
	event->new_destination_port = walk->goes.destination_port;
	event->source_identity = walk->source_identity;
	event->destination_identity = walk->destination_identity;
	event->egress_policy = walk->egress_policy;
	event->egress_rule = walk->egress_rule;
	event->ingress_policy = walk->ingress_policy;
	event->ingress_rule = walk->ingress_rule;
	event->service = walk->service;
	event->ifindex = skb->ifindex;
	event->length = skb->len;
	event->endpoint = walk->endpoint;
	event->line = place;
	event->file = place >> 16;
	event->hook = walk->hook;
	event->outcome = outcome;
	event->reason = walk->reason;
	event->ct_state = walk->ct_state;
	event->egress_match = walk->egress_match;
	event->ingress_match = walk->ingress_match;
	event->protocol = walk->protocol;
	event->tcp_flags = walk->protocol == IPPROTO_ICMP ? walk->icmp_type : walk->tcp_flags;
	event->pad = 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int dropped(struct walk *walk, int reason, __u32 place)
{
	walk->reason = reason;
	count(reason & 0xff, walk->skb->len);
	if (event_level() >= EVENTS_DROPS)
		write_event(walk->skb, walk, OUTCOME_DROPPED, place);
	return TCX_DISCARD;
}

#define IN_FILE(name) (!__builtin_strcmp(__FILE_NAME__, name))

/* The file that asks, as the schema numbers it; the compiler compares the names. */
#define SOURCE_FILE                                                    \
	(IN_FILE("from_container.c")   ? SOURCE_FROM_CONTAINER_C       \
	 : IN_FILE("to_container.c")   ? SOURCE_TO_CONTAINER_C         \
	 : IN_FILE("from_overlay.c")   ? SOURCE_FROM_OVERLAY_C         \
	 : IN_FILE("from_netdev.c")    ? SOURCE_FROM_NETDEV_C          \
	 : IN_FILE("to_netdev.c")      ? SOURCE_TO_NETDEV_C            \
	 : IN_FILE("deliver.h")        ? SOURCE_DELIVER_H              \
				       : SOURCE_NONE)

/* Names the file and the line, so that a drop leads to the branch that decided it. */
#define drop(walk, reason)                                                                     \
	({                                                                                     \
		_Static_assert(SOURCE_FILE != SOURCE_NONE, "add the file to enum source_file"); \
		dropped(walk, reason, SOURCE_FILE << 16 | __LINE__);                           \
	})

/* For what pods send by themselves and nobody should be told of: counted, no event. */
static __always_inline int drop_silently(struct __sk_buff *skb, int reason)
{
	count(reason & 0xff, skb->len);
	return TCX_DISCARD;
}

static __always_inline void forwarded(struct walk *walk, __u8 outcome)
{
	__u32 level = event_level();

	count(METRIC_FORWARDED + outcome, walk->skb->len);
	if (level >= EVENTS_ALL || (walk->report && level >= EVENTS_FLOWS))
		write_event(walk->skb, walk, outcome, 0);
}
