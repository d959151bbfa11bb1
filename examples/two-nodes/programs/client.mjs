// Connects a number of times, one after another, and prints what became of each as a line of JSON.
import { connect } from "node:net";

const [host, port, count, timeout] = process.argv.slice(2);
for (let attempt = 0; attempt < Number(count); attempt++) console.log(JSON.stringify(await once()));

function once() {
  return new Promise((resolve) => {
    let reply = "";
    let localPort = 0;
    const socket = connect({ host, port: Number(port) });
    // The socket has its port from the moment it sends its first packet.
    const timer = setTimeout(
      () => socket.destroy(new Error(`no answer within ${timeout} ms`)),
      Number(timeout),
    );
    const done = (result) => {
      clearTimeout(timer);
      resolve({ ...result, localPort });
    };
    socket.setEncoding("utf8");
    socket.on("connect", () => (localPort = socket.localPort));
    socket.on("data", (text) => (reply += text));
    socket.on("error", (error) => done({ ok: false, error: error.message }));
    socket.on("end", () => done({ ok: true, reply: reply.trim() }));
  });
}
