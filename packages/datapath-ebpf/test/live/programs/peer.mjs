// One end of a conversation, in a pod. Prints what it saw as lines of JSON; the first line of a server says that it
// listens.
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";

const say = (what) => process.stdout.write(`${JSON.stringify(what)}\n`);
const [role, ...args] = process.argv.slice(2);

const ROLES = {
  /** Takes one stream to its end, and tells its length and digest. */
  "tcp-sink": (port) =>
    createServer((socket) => {
      const digest = createHash("sha256");
      let bytes = 0;
      socket.on("data", (chunk) => ((bytes += chunk.length), digest.update(chunk)));
      socket.on("end", () => (say({ bytes, digest: digest.digest("hex") }), socket.end("done")));
      socket.on("error", (error) => say({ error: error.code }));
    }).listen(Number(port), () => say({ ready: true })),

  /** Sends so many bytes, no two blocks alike. */
  "tcp-source": async (host, port, total) => {
    const digest = createHash("sha256");
    const socket = connect(Number(port), host);
    socket.on("error", (error) => (say({ error: error.code }), process.exit(1)));
    const block = Buffer.alloc(1 << 20, "netloom ");
    for (let sent = 0; sent < Number(total);) {
      const chunk = Buffer.from(block.subarray(0, Math.min(block.length, Number(total) - sent)));
      chunk.writeUInt32BE(sent / block.length, 0);
      digest.update(chunk);
      sent += chunk.length;
      if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve));
    }
    socket.end();
    socket.resume().on("end", () => say({ digest: digest.digest("hex") }));
  },

  /** Tells of every line that comes, and answers it. */
  "tcp-lines": (port) =>
    createServer((socket) => {
      socket.setEncoding("utf8").on("data", (text) => {
        for (const line of text.split("\n")) if (line !== "") say({ line, from: socket.remoteAddress });
        socket.write(text);
      });
      socket.on("error", () => {});
    }).listen(Number(port), () => say({ ready: true })),

  /** One connection that says something every few milliseconds, and tells of the answers. */
  "tcp-talk": (host, port, interval) => {
    const socket = connect(Number(port), host);
    let count = 0;
    socket.setNoDelay(true);
    socket.setEncoding("utf8").on("data", (text) => {
      for (const line of text.split("\n")) if (line !== "") say({ answer: line });
    });
    socket.on("connect", () => {
      say({ connected: true, port: socket.localPort });
      setInterval(() => socket.write(`line ${count++}\n`), Number(interval));
    });
    socket.on("error", (error) => (say({ error: error.code }), process.exit(1)));
  },

  /** Tries once. */
  "tcp-try": (host, port, timeout) => {
    const socket = connect(Number(port), host);
    const end = (result) => (say(result), process.exit(0));
    socket.on("connect", () => end({ connected: true, from: socket.localAddress }));
    socket.on("error", (error) => end({ error: error.code }));
    setTimeout(() => end({ error: "timeout" }), Number(timeout));
  },

  "udp-echo": (port) => {
    const socket = createSocket("udp4");
    socket.on("message", (message, { address, port: from }) => {
      say({ bytes: message.length, from: address, text: message.toString("latin1", 0, 32) });
      socket.send(message, from, address);
    });
    socket.bind(Number(port), () => say({ ready: true }));
  },

  /** One datagram of a size, and how long the answer is. */
  "udp-ask": (host, port, bytes, timeout) => {
    const socket = createSocket("udp4");
    socket.on("message", (message) => (say({ bytes: message.length }), process.exit(0)));
    socket.send(
      Buffer.alloc(Number(bytes), 0x61),
      Number(port),
      host,
      (error) => error && say({ error: error.code }),
    );
    setTimeout(() => (say({ error: "timeout" }), process.exit(0)), Number(timeout));
  },

  /** The same from a socket that is told of ICMP errors. */
  "udp-connected": (host, port, timeout) => {
    const socket = createSocket("udp4");
    const end = (result) => (say(result), process.exit(0));
    socket.on("message", (message) => end({ bytes: message.length }));
    socket.on("error", (error) => end({ error: error.code }));
    socket.connect(Number(port), host, () => socket.send("netloom"));
    setTimeout(() => end({ error: "timeout" }), Number(timeout));
  },

  /**
   * Numbered datagrams until it is told to end; then it says how many there were. So slowly that a reader who gets no
   * processor for a second loses none: a socket keeps some 270 of them.
   */
  "udp-steady": (host, port) => {
    const socket = createSocket("udp4");
    let sent = 0;
    const send = (text) => socket.send(text, Number(port), host, () => {});
    const timer = setInterval(() => send(String(sent++)), 4);
    process.on("SIGTERM", () => {
      clearInterval(timer);
      setTimeout(() => send(`end ${sent}`), 200);
      setTimeout(() => (say({ sent }), process.exit(0)), 300);
    });
    say({ ready: true });
  },

  /** Which numbers came, and which did not. */
  "udp-tally": (port) => {
    const socket = createSocket("udp4");
    const seen = new Set();
    socket.on("message", (message) => {
      const [word, total] = message.toString().split(" ");
      if (word !== "end") return void seen.add(Number(word));
      const missing = Array.from({ length: Number(total) }, (_, index) => index).filter(
        (index) => !seen.has(index),
      );
      say({ received: seen.size, missing });
    });
    socket.bind(Number(port), () => say({ ready: true }));
  },

  /** Datagrams without end, whatever becomes of them. */
  "udp-flood": (host, port, text) => {
    const socket = createSocket("udp4");
    let sent = 0;
    socket.on("error", () => {});
    setInterval(() => {
      for (let each = 0; each < 8; each++) socket.send(`${text} ${sent++}`, Number(port), host, () => {});
    }, 2);
    say({ ready: true });
  },
};

await ROLES[role](...args);
