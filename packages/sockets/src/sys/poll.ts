import { node } from "koffi";

/** Stops waiting. Calling twice is no error. The descriptor may be closed, or given away, right after it. */
export type StopWaiting = () => void;

/** Calls back once, when something can be written, or when it never will: SO_ERROR tells. */
export function whenWritable(fd: number, callback: () => void): StopWaiting {
  let waiting = true;
  const handle = node.poll(fd, { writable: true }, () => {
    handle.stop();
    // koffi calls from outside of Node's callback scopes: promises settled here would wait for the next
    // event. The check phase follows at once.
    setImmediate(() => {
      if (!waiting) return;
      stop();
      callback();
    });
  });
  const stop = (): void => {
    if (!waiting) return;
    waiting = false;
    handle.close();
  };
  return stop;
}

export interface ReadableWatch {
  /** Waits again; it did already, unless {@link pause} was called. */
  resume(): void;
  pause(): void;
  ref(): void;
  unref(): void;
  close(): void;
}

/** Calls back whenever something can be read, again and again until it has been. */
export function watchReadable(fd: number, callback: () => void): ReadableWatch {
  let open = true;
  let paused = false;
  let scheduled = false;
  const onEvent = (): void => {
    if (scheduled) return;
    scheduled = true;
    setImmediate(deliver);
  };
  const handle = node.poll(fd, { readable: true }, onEvent);
  const start = (): void => handle.start({ readable: true }, onEvent);
  const deliver = (): void => {
    scheduled = false;
    if (!open || paused) return;
    callback();
    // libuv stops by itself when the socket has an error, which whoever reads has taken by now.
    if (open && !paused) start();
  };
  return {
    resume() {
      if (!open || !paused) return;
      paused = false;
      start();
    },
    pause() {
      if (!open) return;
      paused = true;
      handle.stop();
    },
    ref: () => void (open && handle.ref()),
    unref: () => void (open && handle.unref()),
    close() {
      if (!open) return;
      open = false;
      handle.close();
    },
  };
}
