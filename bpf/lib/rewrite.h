/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "parse.h"
#include "walk.h"
/*
 * Changing addresses and ports, checksums kept right. Transport checksums go through the helper, for only the
 * kernel knows whether a checksum is complete or left to the device; the rest is written in place.
 */

enum which_end { END_SOURCE, END_DESTINATION };

/* RFC 1624 equation 3. */
static __always_inline __u16 checksum_replace(__u16 check, __be32 from, __be32 to)
{
	__u32 sum = (__u16)~check;

	sum += (__u16)~from;
	sum += (__u16)~(from >> 16);
	sum += (__u16)to;
	sum += (__u16)(to >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline int fix_transport_checksum(struct __sk_buff *skb, const struct walk *walk, __be32 from, __be32 to,
						  __be16 from_port, __be16 to_port)
{
	__u64 mangled = 0;
	__u32 offset;

	switch (walk->protocol) {
	case IPPROTO_TCP:
		offset = walk->l4_offset + offsetof(struct tcphdr, check);
		break;
	case IPPROTO_UDP:
		offset = walk->l4_offset + offsetof(struct udphdr, check);
		mangled = BPF_F_MARK_MANGLED_0; /* a UDP checksum of 0 means none: leave it */
		break;
	case IPPROTO_ICMP:
		if (from_port != to_port &&
		    bpf_l4_csum_replace(skb, walk->l4_offset + offsetof(struct icmp_header, checksum), from_port, to_port, 2))
			return DROP_INVALID_PACKET;
		return 0;
	default:
		return 0; /* SCTP sums its own packet only (RFC 9260 section 6.8); others have none we know */
	}
	if (bpf_l4_csum_replace(skb, offset, from, to, BPF_F_PSEUDO_HDR | mangled | 4))
		return DROP_INVALID_PACKET;
	if (from_port != to_port && bpf_l4_csum_replace(skb, offset, from_port, to_port, mangled | 2))
		return DROP_INVALID_PACKET;
	return 0;
}

/*
 * Not static: the verifier walks it once, by itself, and not once for every way to come here. It then trusts no pointer
 * in `walk` any more, so the packet comes beside it.
 */
__noinline int rewrite_packet(struct __sk_buff *skb, struct walk *walk, __u32 which, __be32 address, __u32 new_port)
{
	__be16 port = new_port, old_port;
	void *data, *end;
	struct iphdr *ip;
	__be32 old;
	bool ports;
	__u32 l4;

	if (!walk)
		return DROP_INVALID_PACKET; /* never: says so to the verifier */
	old = which == END_SOURCE ? walk->goes.source : walk->goes.destination;
	old_port = which == END_SOURCE ? walk->goes.source_port : walk->goes.destination_port;
	ports = !walk->later_fragment && port != old_port;
	l4 = walk->l4_offset & 0x7f; /* at most 14 + 60: says so to the verifier */
	if (ports && walk->protocol == IPPROTO_SCTP)
		return DROP_NO_NAT_MAPPING; /* its checksum covers the port */
	if (!walk->later_fragment && fix_transport_checksum(skb, walk, old, address, old_port, port))
		return DROP_INVALID_PACKET;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	ip = data + ETH_HLEN;
	if ((void *)(ip + 1) > end)
		return DROP_INVALID_PACKET;
	ip->check = checksum_replace(ip->check, old, address);
	if (which == END_SOURCE) {
		ip->saddr = address;
		walk->goes.source = address;
		walk->goes.source_port = port;
	} else {
		ip->daddr = address;
		walk->goes.destination = address;
		walk->goes.destination_port = port;
	}
	if (ports) {
		__u32 offset = walk->protocol == IPPROTO_ICMP ? offsetof(struct icmp_header, id)
							      : which == END_SOURCE ? 0 : 2;
		__be16 *field = data + l4 + offset;

		if ((void *)(field + 1) > end)
			return DROP_INVALID_PACKET;
		*field = port;
	}
	return 0;
}

/* Gives one end of the packet another address and port. Returns 0 or a drop reason. */
static __always_inline int rewrite_end(struct walk *walk, enum which_end which, __be32 address, __be16 port)
{
	struct __sk_buff *skb = walk->skb;
	int reason = rewrite_packet(skb, walk, which, address, port);

	walk->skb = skb;
	return reason;
}

/*
 * Gives one end of the packet inside an ICMP error another address and port, so that the host it is for knows
 * the packet as its own. The inner IP checksum makes up for the address, so only the port changes the outer sum.
 */
static __always_inline int rewrite_inner_packet(struct __sk_buff *skb, struct walk *walk, enum which_end which,
						__be32 address, __be16 port)
{
	__be32 old = which == END_SOURCE ? walk->inner.source : walk->inner.destination;
	__be16 old_port = which == END_SOURCE ? walk->inner.source_port : walk->inner.destination_port;
	__u32 l4 = walk->l4_offset & 0x7f;
	__u32 offset = walk->inner_protocol == IPPROTO_ICMP ? offsetof(struct icmp_header, id)
							    : which == END_SOURCE ? 0 : 2;
	void *data, *end;
	struct iphdr *ip;
	__be16 *field;

	if (port != old_port &&
	    bpf_l4_csum_replace(skb, l4 + offsetof(struct icmp_header, checksum), old_port, port, 2))
		return DROP_INVALID_PACKET;
	data = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	ip = data + l4 + sizeof(struct icmp_header);
	field = (void *)(ip + 1) + offset;
	if ((void *)(ip + 1) + 8 > end)
		return DROP_INVALID_PACKET;
	ip->check = checksum_replace(ip->check, old, address);
	if (which == END_SOURCE)
		ip->saddr = address;
	else
		ip->daddr = address;
	*field = port;
	return 0;
}

static __always_inline int rewrite_inner_end(struct walk *walk, enum which_end which, __be32 address, __be16 port)
{
	return rewrite_inner_packet(walk->skb, walk, which, address, port);
}
