/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/*
 * Never loaded. Names each type that user space needs and that no map or variable of the datapath would carry
 * into its BTF: enums, the events, the inner maps.
 */
#include <linux/types.h>
#include "schema.h"

const enum backend_state *export_backend_state;
const enum ct_flag *export_ct_flag;
const enum ct_lifetime *export_ct_lifetime;
const enum ct_state *export_ct_state;
const enum direction *export_direction;
const enum drop_reason *export_drop_reason;
const enum endpoint_flag *export_endpoint_flag;
const enum event_level *export_event_level;
const enum hook *export_hook;
const enum ipcache_flag *export_ipcache_flag;
const enum limits *export_limits;
const enum metric *export_metric;
const enum nat_limits *export_nat_limits;
const enum outcome *export_outcome;
const enum policy_match *export_policy_match;
const enum policy_shape *export_policy_shape;
const enum reserved_identity *export_reserved_identity;
const enum source_file *export_source_file;
const struct event *export_event;
const struct maglev_table *export_maglev_table;
