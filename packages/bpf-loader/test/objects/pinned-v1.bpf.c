// SPDX-License-Identifier: Apache-2.0
#define FIRST accepted
#define SECOND dropped
#define ENTRIES 64
#include "pinned.bpf.h"
