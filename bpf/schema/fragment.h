/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
#include "common.h"

/* fragments: what the first fragment of a datagram said of its ports, for the ones that follow. */
struct fragment_key {
	struct ip_address source;
	struct ip_address destination;
	__be16 id;
	__u8 protocol;
	__u8 pad;
};

struct fragment_value {
	__be16 source_port;
	__be16 destination_port;
};
