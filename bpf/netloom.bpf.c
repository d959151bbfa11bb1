/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The datapath as one object: its programs share their maps and are replaced together. */
#include "from_container.c"
#include "to_container.c"
#include "from_overlay.c"
#include "from_netdev.c"
#include "to_netdev.c"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
