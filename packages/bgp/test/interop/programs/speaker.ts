/** A speaker in a process of its own, so that it can be killed. Told by its parent. */
import { createSpeaker, type LocalRoute, type SpeakerConfig, tcp } from "../../../src/index.ts";

export interface Begin {
  readonly netns: string;
  readonly config: SpeakerConfig;
  readonly routes: readonly LocalRoute[];
  /** It takes the place of one that was killed, and has told everything when it hears `ready`. */
  readonly restarting: boolean;
}

let resolve: () => void;
const ready = new Promise<void>((done) => (resolve = done));

process.on("message", (message: Begin | "ready") => {
  if (message === "ready") resolve();
  else void begin(message);
});
process.on("disconnect", () => process.exit());

async function begin({ netns, config, routes, restarting }: Begin): Promise<void> {
  const speaker = createSpeaker(config, { transport: tcp({ netns }) });
  speaker.on("peer:changed", ({ state }) => process.send?.(state));
  speaker.advertise("ours", routes);
  await speaker.start({ restarting, ...(restarting ? { ready } : {}) });
}
