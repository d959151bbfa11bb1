// SPDX-License-Identifier: Apache-2.0
/* One program for each kind of hook; tcx programs leave a trace of the order they ran in. */
#include <linux/bpf.h>
#include <linux/in.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

#define TCX_NEXT -1

__u64 trail;
__u64 xdp_packets;
__u64 connects;
const volatile __u16 redirect_port = 0;

static __always_inline int leave(__u8 name)
{
	trail = trail << 8 | name;
	return TCX_NEXT;
}

SEC("tcx/ingress")
int a(struct __sk_buff *skb)
{
	return leave('a');
}

SEC("tcx/ingress")
int b(struct __sk_buff *skb)
{
	return leave('b');
}

SEC("tcx/egress")
int c(struct __sk_buff *skb)
{
	return leave('c');
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	xdp_packets++;
	return XDP_PASS;
}

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	connects++;
	if (redirect_port)
		ctx->user_port = bpf_htons(redirect_port);
	return 1;
}

SEC("tc")
int echo_context(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;

	skb->mark += 1;
	skb->priority = 3;
	skb->cb[0] = skb->cb[1] + skb->ifindex;
	if (data + 14 > end)
		return 2;
	*(__u8 *)data = 0xee;
	return 7;
}

SEC("syscall")
int add(__u32 *ctx)
{
	ctx[0] += ctx[1];
	return ctx[0];
}

char LICENSE[] SEC("license") = "GPL";
