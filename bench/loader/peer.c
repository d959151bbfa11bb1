// SPDX-License-Identifier: Apache-2.0
/*
 * The same work in C with libbpf: reads the name of a task from a line of its input, does one round of it, and answers
 * with its CPU nanoseconds for one operation. Starting it costs nothing that is measured.
 */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define OPERATIONS 50000
#define PREFIXES 1024
#define PASSES 16
#define RECORDS 100000

struct key {
	__u32 saddr, daddr;
	__u16 sport, dport;
	__u32 protocol;
};

struct value {
	__u64 packets, bytes;
	__u32 lifetime, flags;
};

struct prefix {
	__u32 length;
	__u8 address[4];
};

static struct key keys[OPERATIONS], keys_out[2 * OPERATIONS];
static struct value values[OPERATIONS], values_out[2 * OPERATIONS];
static struct prefix prefixes[PREFIXES];
static int hash, trie;
static struct bpf_object *ring;
static struct ring_buffer *reader;
static __u64 delivered;
static const char *datapath;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double cpu(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static void lookup(void)
{
	struct value value;

	for (int i = 0; i < OPERATIONS; i++)
		if (bpf_map_lookup_elem(hash, &keys[i], &value))
			fail("lookup");
}

static void update(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		if (bpf_map_update_elem(hash, &keys[i], &values[i], 0))
			fail("update");
}

static void replace(void)
{
	for (int i = 0; i < OPERATIONS; i++)
		if (bpf_map_delete_elem(hash, &keys[i]) || bpf_map_update_elem(hash, &keys[i], &values[i], 0))
			fail("replace");
}

static void update_batch(void)
{
	__u32 count = OPERATIONS;

	if (bpf_map_update_batch(hash, keys, values, &count, NULL) || count != OPERATIONS)
		fail("update_batch");
}

static void lookup_batch(void)
{
	__u32 count = 2 * OPERATIONS, cursor;

	bpf_map_lookup_batch(hash, NULL, &cursor, keys_out, values_out, &count, NULL);
	if (count != OPERATIONS)
		fail("lookup_batch");
}

static void delete_batch(void)
{
	__u32 count = OPERATIONS;

	if (bpf_map_delete_batch(hash, keys, &count, NULL) || count != OPERATIONS)
		fail("delete_batch");
}

static void trie_update(void)
{
	__u32 value = 1;

	for (int i = 0; i < PASSES * PREFIXES; i++)
		if (bpf_map_update_elem(trie, &prefixes[i % PREFIXES], &value, 0))
			fail("trie_update");
}

static void trie_lookup(void)
{
	__u32 value;

	for (int i = 0; i < PASSES * PREFIXES; i++)
		if (bpf_map_lookup_elem(trie, &prefixes[i % PREFIXES], &value))
			fail("trie_lookup");
}

static void produce(const char *name, int repeat)
{
	unsigned char packet[64] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = packet, .data_size_in = sizeof(packet), .repeat = repeat);
	struct bpf_program *program = bpf_object__find_program_by_name(ring, name);

	if (!program || bpf_prog_test_run_opts(bpf_program__fd(program), &options))
		fail(name);
}

static int deliver(void *context, void *data, size_t size)
{
	(void)context, (void)size;
	delivered += *(volatile __u32 *)(data + 12) > 0;
	return 0;
}

static void drain(void)
{
	delivered = 0;
	ring_buffer__consume(reader);
	if (delivered != RECORDS)
		fail("drain");
}

/* Its pins and its sections are netloom's affair: here it is maps and programs. */
static struct bpf_object *open_datapath(void)
{
	struct bpf_object *object = bpf_object__open_file(datapath, NULL);
	struct bpf_program *program;
	struct bpf_map *map;

	if (!object)
		fail(datapath);
	bpf_object__for_each_program(program, object)
		bpf_program__set_type(program, BPF_PROG_TYPE_SCHED_CLS);
	bpf_object__for_each_map(map, object) {
		bpf_map__set_pin_path(map, NULL);
		if (bpf_map__type(map) == BPF_MAP_TYPE_LRU_HASH)
			bpf_map__set_max_entries(map, 1024);
	}
	return object;
}

static void open_object(void)
{
	bpf_object__close(open_datapath());
}

static void load_object(void)
{
	struct bpf_object *object = open_datapath();

	if (bpf_object__load(object))
		fail("load");
	bpf_object__close(object);
}

static volatile bool producing;

static void *producer(void *name)
{
	while (producing)
		produce(name, 20000);
	return NULL;
}

/* A program that wakes nobody is looked at every 2 ms. */
static void read_some(bool woken)
{
	struct timespec pause = { 0, 2000000 };

	if (woken) {
		ring_buffer__poll(reader, 2);
		return;
	}
	nanosleep(&pause, NULL);
	ring_buffer__consume(reader);
}

/* A producer on another thread, as fast as it can. Answers with records a second and the share that found no room. */
static void flood(const char *name)
{
	bool woken = !strcmp(name, "produce_loudly");
	struct timespec start, end;
	struct bpf_map *bss = bpf_object__find_map_by_name(ring, "ring.bss");
	__u64 before[2], after[2]; /* sequence, lost */
	__u32 zero = 0;
	pthread_t thread;
	double seconds;

	bpf_map_lookup_elem(bpf_map__fd(bss), &zero, before);
	delivered = 0;
	producing = true;
	clock_gettime(CLOCK_MONOTONIC, &start);
	pthread_create(&thread, NULL, producer, (void *)name);
	do {
		read_some(woken);
		clock_gettime(CLOCK_MONOTONIC, &end);
		seconds = end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9;
	} while (seconds < 2);
	producing = false;
	pthread_join(thread, NULL);
	ring_buffer__consume(reader);
	bpf_map_lookup_elem(bpf_map__fd(bss), &zero, after);
	printf("%.0f %.6f\n", delivered / seconds,
	       (double)(after[1] - before[1]) / (after[1] - before[1] + after[0] - before[0]));
}

static const struct task {
	const char *name;
	void (*run)(void);
	int count;
} tasks[] = {
	{ "lookup", lookup, OPERATIONS },
	{ "update", update, OPERATIONS },
	{ "replace", replace, OPERATIONS },
	{ "update_batch", update_batch, OPERATIONS },
	{ "lookup_batch", lookup_batch, OPERATIONS },
	{ "delete_batch", delete_batch, OPERATIONS },
	{ "trie_update", trie_update, PASSES * PREFIXES },
	{ "trie_lookup", trie_lookup, PASSES * PREFIXES },
	{ "drain", drain, RECORDS },
	{ "open", open_object, 1 },
	{ "load", load_object, 1 },
};

static void prepare(const char *ring_object)
{
	LIBBPF_OPTS(bpf_map_create_opts, flags, .map_flags = BPF_F_NO_PREALLOC);

	hash = bpf_map_create(BPF_MAP_TYPE_HASH, "peer", sizeof(struct key), sizeof(struct value), 65536, NULL);
	trie = bpf_map_create(BPF_MAP_TYPE_LPM_TRIE, "peer", sizeof(struct prefix), 4, 4096, &flags);
	if (hash < 0 || trie < 0)
		fail("maps");
	for (int i = 0; i < OPERATIONS; i++)
		keys[i] = (struct key){ .saddr = i, .daddr = 1, .sport = 80, .dport = 443, .protocol = 6 };
	for (int i = 0; i < PREFIXES; i++)
		prefixes[i] = (struct prefix){ 32, { 10, 0, i >> 8, i & 255 } };
	ring = bpf_object__open_file(ring_object, NULL);
	if (!ring || bpf_object__load(ring))
		fail(ring_object);
	reader = ring_buffer__new(bpf_object__find_map_fd_by_name(ring, "records"), deliver, NULL, NULL);
	if (!reader)
		fail("reader");
	update_batch();
}

static void answer(const char *name)
{
	for (size_t i = 0; i < sizeof(tasks) / sizeof(*tasks); i++) {
		double start;

		if (strcmp(tasks[i].name, name))
			continue;
		if (tasks[i].run == delete_batch)
			update_batch();
		if (tasks[i].run == drain)
			produce("produce_quietly", RECORDS);
		start = cpu();
		tasks[i].run();
		printf("%.1f\n", (cpu() - start) / tasks[i].count);
		if (tasks[i].run == delete_batch)
			update_batch();
		return;
	}
	flood(name);
}

int main(int count, char **arguments)
{
	char line[64];

	if (count != 3) {
		fprintf(stderr, "usage: peer RING-OBJECT DATAPATH-OBJECT\n");
		return 2;
	}
	datapath = arguments[2];
	prepare(arguments[1]);
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		answer(line);
		fflush(stdout);
	}
	return 0;
}
