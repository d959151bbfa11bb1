// SPDX-License-Identifier: Apache-2.0
/* Same sizes, fields swapped: only their names tell. */
#define FIRST dropped
#define SECOND accepted
#define ENTRIES 64
#include "pinned.bpf.h"
