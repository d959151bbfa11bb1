/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
#pragma once
/* Everything the kernel and user space share. */
#include "common.h"
#include "conntrack.h"
#include "endpoint.h"
#include "event.h"
#include "fragment.h"
#include "ipcache.h"
#include "nat.h"
#include "policy.h"
#include "service.h"
