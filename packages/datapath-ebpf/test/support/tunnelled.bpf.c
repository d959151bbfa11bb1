/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Gives a packet of a test run what only a tunnel device could: the metadata that from_overlay reads. Then it goes on
 * into the program in `next`. Made by, in this directory:
 *
 *   clang -O2 -g -target bpf -mcpu=v3 -ffile-compilation-dir=. -I/usr/include/$(uname -m)-linux-gnu \
 *     -c tunnelled.bpf.c -o tunnelled.bpf.o && llvm-strip -g tunnelled.bpf.o
 */
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

struct tunnel_value {
	__u32 vni;
	__u32 remote; /* host order */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct tunnel_value);
	__uint(max_entries, 1);
} tunnel SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__type(key, __u32);
	__type(value, __u32);
	__uint(max_entries, 1);
} next SEC(".maps");

SEC("tcx/ingress")
int tunnelled(struct __sk_buff *skb)
{
	struct bpf_tunnel_key key = {};
	struct tunnel_value *value;
	__u32 zero = 0;

	value = bpf_map_lookup_elem(&tunnel, &zero);
	if (!value)
		return 100;
	key.tunnel_id = value->vni;
	key.local_ipv4 = value->remote; /* where a packet that came in has its sender */
	if (bpf_skb_set_tunnel_key(skb, &key, sizeof(key), 0))
		return 101;
	bpf_tail_call(skb, &next, 0);
	return 102;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
