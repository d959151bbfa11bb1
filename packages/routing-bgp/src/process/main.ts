#!/usr/bin/env node
/** The command `netloom-bgp`. */
import { systemSpeakers } from "../sys/system-speakers.ts";
import { command } from "./command.ts";

await command(systemSpeakers());
