/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "ipcache.h"
#include "report.h"

#define ARP_REQUEST 1
#define ARP_REPLY 2

/* RFC 826, for IPv4 over Ethernet. The kernel's own header would draw in the C library. */
struct arp_ipv4 {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_length;
	__u8 protocol_length;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__be32 sender;
	__u8 target_mac[ETH_ALEN];
	__be32 target;
} __attribute__((packed));

/*
 * A pod has one neighbour, its gateway: whatever address it asks for, the answer is the node side of its veth
 * pair (RFC 826; a router's proxy, RFC 1027). What it says of itself needs no answer.
 */
static __always_inline int answer_arp(struct __sk_buff *skb)
{
	struct endpoint_value *pod;
	struct arp_ipv4 *arp;
	struct ethhdr *eth;
	__be32 sender, target;

	linearize(skb, sizeof(*eth) + sizeof(*arp));
	eth = (void *)(long)skb->data;
	arp = (void *)(eth + 1);
	if ((void *)(arp + 1) > (void *)(long)skb->data_end)
		return drop_silently(skb, DROP_INVALID_PACKET);
	if (arp->operation != bpf_htons(ARP_REQUEST) || arp->protocol != bpf_htons(ETH_P_IP))
		return drop_silently(skb, DROP_UNSUPPORTED_L2);
	sender = arp->sender;
	target = arp->target;
	pod = endpoint_of(sender);
	if (!pod || pod->ifindex != skb->ifindex || sender == target)
		return drop_silently(skb, DROP_INVALID_SOURCE_IP);
	memcpy(arp->target_mac, arp->sender_mac, ETH_ALEN);
	memcpy(arp->sender_mac, pod->gateway_mac.byte, ETH_ALEN);
	memcpy(eth->h_dest, arp->target_mac, ETH_ALEN);
	memcpy(eth->h_source, pod->gateway_mac.byte, ETH_ALEN);
	arp->sender = target;
	arp->target = sender;
	arp->operation = bpf_htons(ARP_REPLY);
	return bpf_redirect(skb->ifindex, 0);
}
