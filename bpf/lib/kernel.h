/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
/* The kernel's own types and helpers, and what the headers of older distributions lack of them. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>
#include <linux/types.h>
#include <linux/udp.h>
#include <stdbool.h>
#include <stddef.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Verdicts of a tcx program (include/uapi/linux/bpf.h, 6.6). */
enum tcx_verdict {
	TCX_NOT_OURS = -1, /* let the next program, or the stack, decide */
	TCX_ACCEPT = 0,
	TCX_DISCARD = 2,
};

/* RFC 792; linux/icmp.h would draw in the C library. */
struct icmp_header {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 id;
	__be16 sequence;
};

enum icmp_type {
	ICMP_ECHO_REPLY = 0,
	ICMP_UNREACHABLE = 3,
	ICMP_ECHO_REQUEST = 8,
	ICMP_TIME_EXCEEDED = 11,
	ICMP_PARAMETER_PROBLEM = 12,
};

#define SECOND 1000000000ULL
#define IP_MORE_FRAGMENTS 0x2000
#define IP_OFFSET_MASK 0x1fff
#define PACKET_FOR_US 0 /* PACKET_HOST */

#ifndef memcpy
#define memcpy __builtin_memcpy
#endif

/* An integer the compiler must take from memory as it is, not as it was when a branch was decided. */
#define READ_ONCE(x) (*(volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, value) (*(volatile __typeof__(x) *)&(x) = (value))
