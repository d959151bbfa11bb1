// SPDX-License-Identifier: Apache-2.0
/* Every map kind the loader offers, and a program that touches each. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct key {
	__u32 id;
	__u16 port;
	__u8 proto;
	__u8 pad;
};

struct value {
	__u64 packets;
	__u32 flags;
	__u8 mac[6];
	__u8 pad[6];
};

struct prefix {
	__u32 prefixlen;
	__be32 addr;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct key);
	__type(value, struct value);
} hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct key);
	__type(value, struct value);
} lru SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u32);
} lpm SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} percpu_hash SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u64);
} lru_percpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} percpu_array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, __u32);
} array SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 16);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_HASH);
		__uint(max_entries, 32);
		__type(key, __u32);
		__type(value, __u64);
	});
} by_endpoint SEC(".maps");

SEC("tc")
int touch(struct __sk_buff *skb)
{
	struct key key = { .id = skb->mark, .port = 80, .proto = 6 };
	struct prefix prefix = { .prefixlen = 32, .addr = skb->mark };
	struct value *value, *least;
	__u32 zero = 0, *slot, *owner;
	__u64 *count, one = 1, *deep;
	void *inner;

	value = bpf_map_lookup_elem(&hash, &key);
	if (value)
		__sync_fetch_and_add(&value->packets, 1);
	least = bpf_map_lookup_elem(&lru, &key);
	if (least)
		__sync_fetch_and_add(&least->packets, 1);

	slot = bpf_map_lookup_elem(&percpu_hash, &zero);
	if (slot)
		*slot += 1;
	bpf_map_update_elem(&lru_percpu, &zero, &one, BPF_ANY);
	count = bpf_map_lookup_elem(&percpu_array, &zero);
	if (count)
		*count += 1;
	slot = bpf_map_lookup_elem(&array, &zero);
	if (slot)
		*slot += 1;

	inner = bpf_map_lookup_elem(&by_endpoint, &key.id);
	if (inner) {
		deep = bpf_map_lookup_elem(inner, &zero);
		if (deep)
			__sync_fetch_and_add(deep, 1);
	}
	owner = bpf_map_lookup_elem(&lpm, &prefix);
	return owner ? *owner : 0;
}

char LICENSE[] SEC("license") = "Dual MIT/GPL";
