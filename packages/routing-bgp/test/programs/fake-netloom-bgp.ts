/** `netloom-bgp` with speakers that speak with nobody, and say how they end. */
import { command } from "../../src/process/command.ts";
import { FakeSpeaker } from "../support/fake-speaker.ts";

await command((config) => {
  const speaker = new FakeSpeaker(config);
  const close = speaker.close.bind(speaker);
  speaker.close = async (mode) => {
    console.log(`closed: ${mode}`);
    await close(mode);
  };
  return speaker;
});
