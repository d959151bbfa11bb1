// SPDX-License-Identifier: Apache-2.0
/* The shapes of types that bpf2ts has to know; its output is types.generated.ts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum verdict {
	VERDICT_DROP = 0,
	VERDICT_FORWARD = 1,
	VERDICT_REDIRECT = 7,
	VERDICT_ALIAS = 7,
};

#define MAX_BACKENDS 64
#define MAX_NAME 16

typedef __u8 mac_address[6];

struct ip_address {
	union {
		__be32 v4;
		__u8 v6[16];
	};
	__u8 family;
	__u8 pad[3];
};

struct flow_key {
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 pad1[3];
};

struct counters {
	__u64 packets;
	__u64 bytes;
};

struct flow_value {
	struct counters directions[2];
	enum verdict last_verdict;
	__s32 balance;
	__s64 offset_ns;
	mac_address mac;
	_Bool established;
	__u8 _pad;
	char name[MAX_NAME];
	__u16 history[3];
	struct {
		__u32 x;
		__be64 y;
	} nested;
	/* two bytes of padding the compiler adds are zeroed as well */
	__u16 tail;
};

struct drop_event {
	__u64 timestamp;
	__u16 reason;
	__s8 direction;
	__u8 flags;
	__u32 length;
	/* no name of its own: its members become constants */
	enum {
		OBSERVED_HERE = 1,
		OBSERVED_THERE = 2,
	} point;
	__u8 packet[0];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1000);
	__type(key, struct flow_key);
	__type(value, struct flow_value);
} flow_table SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct counters);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 16);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
	__type(key, __u16);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_LPM_TRIE);
		__uint(max_entries, 32);
		__uint(map_flags, BPF_F_NO_PREALLOC);
		__uint(key_size, 8);
		__uint(value_size, 4);
	});
} policies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} drops SEC(".maps");

const volatile mac_address router_mac = { 2, 0, 0, 0, 0, 1 };
const volatile __u32 backend_count = MAX_BACKENDS;
const volatile _Bool strict_mode = 1;
__u64 drops_total;

/* clang keeps only types that something refers to. bpf2ts leaves such pointers alone. */
const struct drop_event *keep_drop_event __attribute__((unused));

SEC("tc")
int observe(struct __sk_buff *skb)
{
	struct flow_key key = { .protocol = 6 };
	struct drop_event *event = bpf_ringbuf_reserve(&drops, sizeof(*event), 0);

	if (event) {
		event->timestamp = backend_count + router_mac[0] + strict_mode;
		event->reason = bpf_map_lookup_elem(&flow_table, &key) ? 1 : 2;
		event->direction = -1;
		event->flags = 0;
		event->length = skb->len;
		event->point = OBSERVED_HERE;
		drops_total++;
		bpf_ringbuf_submit(event, 0);
	}
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
