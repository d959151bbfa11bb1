// SPDX-License-Identifier: Apache-2.0
/* Maps that hold maps and programs, filled by the compiler. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u32);
};

struct inner first SEC(".maps"), second SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, struct inner);
} outer SEC(".maps") = {
	.values = { [0] = &first, [2] = &second },
};

int tail_one(struct __sk_buff *skb);
int tail_two(struct __sk_buff *skb);

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__uint(key_size, sizeof(__u32));
	__array(values, int(struct __sk_buff *));
} tails SEC(".maps") = {
	.values = { [1] = (void *)&tail_one, [3] = (void *)&tail_two },
};

SEC("tc")
int dispatch(struct __sk_buff *skb)
{
	bpf_tail_call(skb, &tails, skb->mark);
	return 100;
}

SEC("tc")
int tail_one(struct __sk_buff *skb)
{
	return 1;
}

SEC("tc")
int tail_two(struct __sk_buff *skb)
{
	__u32 zero = 0, two = 2, *value;
	void *map = bpf_map_lookup_elem(&outer, &two);

	if (!map)
		return -1;
	value = bpf_map_lookup_elem(map, &zero);
	return value ? *value : -2;
}

SEC("?tc")
int optional(struct __sk_buff *skb)
{
	return 9;
}

char LICENSE[] SEC("license") = "GPL";
