// SPDX-License-Identifier: Apache-2.0
/* Types that have no faithful form in TypeScript: bpf2ts must name each and refuse it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct with_pointer {
	void *next;
};

struct with_bitfield {
	__u32 low : 4;
	__u32 high : 28;
};

struct with_union {
	union choice {
		__u32 number;
		__u8 bytes[4];
	} choice;
};

struct with_anonymous_union {
	union {
		__u32 number;
		__u8 bytes[4];
	};
};

/* clang keeps only types that something refers to. */
const struct with_pointer *keep_pointer __attribute__((unused));
const struct with_bitfield *keep_bitfield __attribute__((unused));
const struct with_union *keep_union __attribute__((unused));
const struct with_anonymous_union *keep_anonymous_union __attribute__((unused));
