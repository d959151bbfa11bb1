// SPDX-License-Identifier: Apache-2.0
/* Functions of every kind: static and global subprograms, callbacks, kernel functions, CO-RE. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

/* libbpf 1.1 does not have it yet. */
#define bpf_ksym_exists(symbol) (!!(symbol))

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} table SEC(".maps");

__u32 calls;

struct task_struct {
	int pid;
	int no_such_field_in_any_kernel;
} __attribute__((preserve_access_index));

extern struct task_struct *bpf_task_acquire(struct task_struct *p) __ksym;
extern void bpf_task_release(struct task_struct *p) __ksym;
extern int netloom_missing_kfunc(int) __ksym __weak;
extern void bpf_key_put(void *) __ksym __weak;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;

static __attribute__((noinline)) int leaf(int value)
{
	calls++;
	return value * 2;
}

static __attribute__((noinline)) int branch(int value)
{
	return leaf(value) + leaf(value + 1);
}

/* Global: verified on its own, with any argument. */
__attribute__((noinline)) int global_function(int value)
{
	return branch(value) + 1;
}

static long visit(__u32 index, void *context)
{
	*(__u32 *)context += index;
	return 0;
}

static long each(void *map, __u32 *key, __u32 *value, void *context)
{
	*(__u32 *)context += *value;
	return 0;
}

SEC("tc")
int subprograms(struct __sk_buff *skb)
{
	return global_function(skb->mark);
}

SEC("tc")
int callbacks(struct __sk_buff *skb)
{
	__u32 sum = 0;

	bpf_loop(5, visit, &sum, 0);
	bpf_for_each_map_elem(&table, each, &sum, 0);
	return sum;
}

SEC("syscall")
int kfuncs(void *ctx)
{
	struct task_struct *task;
	int found = 0;

	bpf_rcu_read_lock();
	found = 1;
	bpf_rcu_read_unlock();
	task = bpf_task_acquire((void *)bpf_get_current_task_btf());
	if (task) {
		found |= 2;
		bpf_task_release(task);
	}
	if (bpf_ksym_exists(netloom_missing_kfunc))
		found |= netloom_missing_kfunc(4) | 4;
	if (bpf_ksym_exists(bpf_key_put))
		found |= 8;
	return found;
}

SEC("syscall")
int core(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();

	if (bpf_core_field_exists(task->no_such_field_in_any_kernel))
		return -1;
	return bpf_core_field_offset(task->pid) > 4 ? task->pid : -2;
}

char LICENSE[] SEC("license") = "GPL";
