// SPDX-License-Identifier: Apache-2.0
/* Ring buffer producers, with and without waking the consumer. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct event {
	__u64 sequence;
	__u32 mark;
	__u32 length;
};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} events SEC(".maps");

__u64 sequence;
__u64 lost;

static __always_inline int emit(__u32 mark, __u32 length, __u64 flags)
{
	struct event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		lost++;
		return 1;
	}
	event->sequence = sequence++;
	event->mark = mark;
	event->length = length;
	if (mark == 13)
		bpf_ringbuf_discard(event, flags);
	else
		bpf_ringbuf_submit(event, flags);
	return 0;
}

SEC("tc")
int produce(struct __sk_buff *skb)
{
	return emit(skb->mark, skb->len, 0);
}

SEC("tc")
int produce_quietly(struct __sk_buff *skb)
{
	return emit(skb->mark, skb->len, BPF_RB_NO_WAKEUP);
}

char LICENSE[] SEC("license") = "GPL";
