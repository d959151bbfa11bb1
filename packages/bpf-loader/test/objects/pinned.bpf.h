/* SPDX-License-Identifier: Apache-2.0 */
/* One pinned map, in versions whose values have the same size: see pinned-v1.bpf.c. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct counter_key {
	__u32 id;
};

struct counter {
	__u32 FIRST;
	__u32 SECOND;
	__u64 bytes;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ENTRIES);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, struct counter_key);
	__type(value, struct counter);
} counters SEC(".maps");

SEC("tc")
int count(struct __sk_buff *skb)
{
	struct counter_key key = { .id = skb->mark };
	struct counter *value = bpf_map_lookup_elem(&counters, &key);

	if (value)
		__sync_fetch_and_add(&value->bytes, skb->len);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
