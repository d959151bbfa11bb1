// SPDX-License-Identifier: Apache-2.0
/* Config (.rodata), live variables (.data, .bss), string literals. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

enum mode {
	MODE_OFF,
	MODE_ON = 7,
};

struct endpoint {
	__be32 addr;
	__u16 port;
	__u8 mac[6];
};

const volatile __u32 node_id = 1;
const volatile __u64 big = 0x1122334455667788;
const volatile _Bool enabled = 0;
const volatile enum mode mode = MODE_ON;
const volatile __s16 offset = -5;
const volatile __u8 router_mac[6] = { 2, 0, 0, 0, 0, 1 };
const volatile struct endpoint gateway = { .addr = 0x0100000a, .port = 443 };
const volatile __u16 ports[4] = { 1, 2, 3, 4 };

__u64 packets_total;
__u32 last_mark = 42;
static __u32 hidden = 5;

SEC("tc")
int config(struct __sk_buff *skb)
{
	static const char text[] = "loader";

	packets_total += 1;
	last_mark = skb->mark;
	hidden += 1;
	if (!enabled)
		return hidden == 0 ? text[0] : -1;
	return node_id + ports[skb->mark & 3] + offset + (mode == MODE_ON ? 0 : 1000) + router_mac[5];
}

SEC("tc")
int literals(struct __sk_buff *skb)
{
	char got[4] = "abc";
	const char *want = "abcdefghijklmnopqrstuvwxyz";

	return bpf_strncmp(got, 3, want) == 0 ? 1 : (gateway.port + (__u32)big);
}

char LICENSE[] SEC("license") = "GPL";
