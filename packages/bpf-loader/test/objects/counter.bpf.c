// SPDX-License-Identifier: Apache-2.0
/* What the examples in the README load: counts packets by source and port, and tells of every so manyth. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct flow_key {
	__be32 source;
	__be16 port;
	__u16 pad;
};

struct flow_value {
	__u64 packets;
};

struct sample {
	__u64 time;
	__u32 length;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow_key);
	__type(value, struct flow_value);
	__uint(max_entries, 1024);
} flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536);
} samples SEC(".maps");

const struct sample *keep_sample;
const volatile __u32 sample_rate = 1;
__u64 packets;

static __always_inline void count_flow(const struct flow_key *key)
{
	struct flow_value *known = bpf_map_lookup_elem(&flows, key);
	struct flow_value first = { .packets = 1 };

	if (known)
		__sync_fetch_and_add(&known->packets, 1);
	else
		bpf_map_update_elem(&flows, key, &first, BPF_ANY);
}

static __always_inline void sample(__u32 length)
{
	struct sample *one = bpf_ringbuf_reserve(&samples, sizeof(*one), 0);

	if (!one)
		return;
	one->time = bpf_ktime_get_ns();
	one->length = length;
	one->pad = 0;
	bpf_ringbuf_submit(one, BPF_RB_NO_WAKEUP);
}

SEC("xdp")
int count(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = (void *)(eth + 1);
	__be16 *ports = (void *)(ip + 1);
	struct flow_key key = {};

	__sync_fetch_and_add(&packets, 1);
	if (sample_rate && packets % sample_rate == 0)
		sample(end - data);
	if ((void *)(ports + 2) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl != 5)
		return XDP_PASS;
	key.source = ip->saddr;
	key.port = ports[1];
	count_flow(&key);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
