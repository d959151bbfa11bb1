// SPDX-License-Identifier: Apache-2.0
/* Programs the verifier must refuse, each for a reason that the test knows. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} table SEC(".maps");

SEC("tc")
int fine(struct __sk_buff *skb)
{
	return 0;
}

SEC("?tc")
int no_null_check(struct __sk_buff *skb)
{
	__u32 key = 0;
	__u32 *value = bpf_map_lookup_elem(&table, &key);

	return *value; /* the line of the error */
}

extern int netloom_missing_kfunc(int) __ksym;

SEC("?tc")
int missing_kfunc(struct __sk_buff *skb)
{
	return netloom_missing_kfunc(1);
}

char LICENSE[] SEC("license") = "GPL";
