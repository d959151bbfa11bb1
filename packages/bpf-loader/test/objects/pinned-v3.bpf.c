// SPDX-License-Identifier: Apache-2.0
/* Same layout, more room. */
#define FIRST accepted
#define SECOND dropped
#define ENTRIES 128
#include "pinned.bpf.h"
