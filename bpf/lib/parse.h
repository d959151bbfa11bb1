/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "maps.h"
#include "walk.h"

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/*
 * Sees to it that the first `length` bytes can be read in place, or all of a shorter packet. The caller derives
 * its pointers anew, and checks them.
 */
static __always_inline void linearize(struct __sk_buff *skb, __u32 length)
{
	if ((void *)(long)skb->data + length > (void *)(long)skb->data_end)
		bpf_skb_pull_data(skb, skb->len < length ? skb->len : length);
}

/* Only the first fragment has ports; it leaves them for the others (RFC 791 section 2.3). */
static __always_inline int fragment_ports(struct walk *walk, __be16 id, bool first)
{
	struct fragment_key key = {
		.source = mapped(walk->came.source),
		.destination = mapped(walk->came.destination),
		.id = id,
		.protocol = walk->protocol,
	};
	struct fragment_value *found;

	if (first) {
		struct fragment_value ports = { walk->came.source_port, walk->came.destination_port };

		return bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY) ? DROP_FRAGMENT_UNKNOWN : 0;
	}
	found = bpf_map_lookup_elem(&fragments, &key);
	if (!found)
		return DROP_FRAGMENT_UNKNOWN;
	walk->came.source_port = found->source_port;
	walk->came.destination_port = found->destination_port;
	if (walk->protocol == IPPROTO_ICMP)
		walk->icmp_type = found->source_port ? ICMP_ECHO_REQUEST : ICMP_ECHO_REPLY;
	walk->later_fragment = true;
	return 0;
}

/* The first eight bytes of the packet that an ICMP error is about (RFC 792) hold its ports or identifier. */
static __always_inline int parse_inner(struct walk *walk, void *icmp, void *end)
{
	struct iphdr *ip = icmp + sizeof(struct icmp_header);
	struct icmp_header *echo;
	__be16 *ports;

	if ((void *)(ip + 1) > end || ip->ihl != 5)
		return DROP_INVALID_PACKET;
	ports = (void *)(ip + 1);
	if ((void *)ports + 8 > end)
		return DROP_INVALID_PACKET;
	walk->related = true;
	walk->inner_protocol = ip->protocol;
	walk->inner.source = ip->saddr;
	walk->inner.destination = ip->daddr;
	if (ip->protocol == IPPROTO_ICMP) {
		echo = (void *)ports;
		if (echo->type == ICMP_ECHO_REQUEST)
			walk->inner.source_port = echo->id;
		else if (echo->type == ICMP_ECHO_REPLY)
			walk->inner.destination_port = echo->id;
	} else {
		walk->inner.source_port = ports[0];
		walk->inner.destination_port = ports[1];
	}
	return 0;
}

static __always_inline int parse_transport(struct walk *walk, void *l4, void *end)
{
	struct icmp_header *icmp = l4;
	__be16 *ports = l4;

	switch (walk->protocol) {
	case IPPROTO_TCP:
		if (l4 + sizeof(struct tcphdr) > end)
			return DROP_INVALID_PACKET;
		walk->tcp_flags = ((__u8 *)l4)[13];
		break;
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		if (l4 + 8 > end)
			return DROP_INVALID_PACKET;
		break;
	case IPPROTO_ICMP:
		if (l4 + 8 > end)
			return DROP_INVALID_PACKET;
		walk->icmp_type = icmp->type;
		if (icmp->type == ICMP_ECHO_REQUEST) {
			walk->came.source_port = icmp->id;
			return 0;
		}
		if (icmp->type == ICMP_ECHO_REPLY) {
			walk->came.destination_port = icmp->id;
			return 0;
		}
		if (icmp->type == ICMP_UNREACHABLE || icmp->type == ICMP_TIME_EXCEEDED ||
		    icmp->type == ICMP_PARAMETER_PROBLEM)
			return parse_inner(walk, l4, end);
		return 0;
	default:
		return 0;
	}
	walk->came.source_port = ports[0];
	walk->came.destination_port = ports[1];
	return 0;
}

#define PLAIN_HEADERS (ETH_HLEN + sizeof(struct iphdr) + sizeof(struct tcphdr)) /* no options */
#define MOST_HEADERS (ETH_HLEN + 60 + sizeof(struct icmp_header) + 28)           /* options; an ICMP error and its subject */

/* Fills `came` and `goes` from an IPv4 packet. Returns 0 or a drop reason. */
static __always_inline int parse_ipv4(struct walk *walk)
{
	struct __sk_buff *skb = walk->skb;
	void *data, *end;
	struct iphdr *ip;
	__u16 fragment;
	__be16 id;
	int reason;

	linearize(skb, PLAIN_HEADERS);
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	ip = data + ETH_HLEN;
	if ((void *)(ip + 1) > end || ip->version != 4 || ip->ihl < 5)
		return DROP_INVALID_PACKET;
	if (ip->ihl > 5 || ip->protocol == IPPROTO_ICMP) {
		linearize(skb, MOST_HEADERS);
		data = (void *)(long)skb->data;
		end = (void *)(long)skb->data_end;
		ip = data + ETH_HLEN;
		if ((void *)(ip + 1) > end)
			return DROP_INVALID_PACKET;
	}
	walk->came.source = ip->saddr;
	walk->came.destination = ip->daddr;
	walk->protocol = ip->protocol;
	walk->ttl = ip->ttl;
	walk->l4_offset = ETH_HLEN + ip->ihl * 4;
	fragment = bpf_ntohs(ip->frag_off);
	id = ip->id;
	if (fragment & IP_OFFSET_MASK) {
		reason = fragment_ports(walk, id, false);
	} else {
		reason = parse_transport(walk, data + walk->l4_offset, end);
		if (!reason && (fragment & IP_MORE_FRAGMENTS) && !is_flowless(walk))
			reason = fragment_ports(walk, id, true);
	}
	walk->goes = walk->came;
	return reason;
}
