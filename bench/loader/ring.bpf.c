// SPDX-License-Identifier: Apache-2.0
/* Writes one record a run; whether a reader is woken is what differs. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct record {
	__u64 sequence;
	__u32 mark;
	__u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4194304);
} records SEC(".maps");

__u64 sequence;
__u64 lost;

static __always_inline int produce(struct __sk_buff *skb, __u64 flags)
{
	struct record *record = bpf_ringbuf_reserve(&records, sizeof(*record), 0);

	if (!record) {
		lost++;
		return 1;
	}
	record->sequence = sequence++;
	record->mark = skb->mark;
	record->length = skb->len;
	bpf_ringbuf_submit(record, flags);
	return 0;
}

SEC("tc")
int produce_loudly(struct __sk_buff *skb)
{
	return produce(skb, 0);
}

SEC("tc")
int produce_quietly(struct __sk_buff *skb)
{
	return produce(skb, BPF_RB_NO_WAKEUP);
}

char LICENSE[] SEC("license") = "GPL";
