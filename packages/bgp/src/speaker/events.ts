import { EventEmitter } from "eventemitter3";
import type { SpeakerEvents } from "./types.ts";

/** Events are for watching: a listener that throws breaks neither a session nor the other listeners. */
export class Events {
  readonly #emitter = new EventEmitter();

  /** @returns what ends it; may be called twice */
  on<Name extends keyof SpeakerEvents>(
    event: Name,
    listener: (...parameters: SpeakerEvents[Name]) => void,
  ): () => void {
    const guarded = (...parameters: unknown[]): void => {
      try {
        listener(...(parameters as unknown as SpeakerEvents[Name]));
      } catch (error) {
        // A listener of `error` that throws has nobody left to tell.
        if (event !== "error") this.report(error);
      }
    };
    this.#emitter.on(event, guarded);
    return () => void this.#emitter.off(event, guarded);
  }

  emit<Name extends keyof SpeakerEvents>(event: Name, ...parameters: SpeakerEvents[Name]): void {
    this.#emitter.emit(event, ...parameters);
  }

  report(error: unknown): void {
    this.emit("error", error);
  }

  clear(): void {
    this.#emitter.removeAllListeners();
  }
}
