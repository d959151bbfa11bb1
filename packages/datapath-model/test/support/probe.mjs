// A pod that serves some ports by TCP and UDP, and tries to reach others when it is told to: a line of JSON with the
// ends, answered by a line with those that it reached.
import { createSocket } from "node:dgram";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const PATIENCE = 500;

for (const port of JSON.parse(process.argv[2])) {
  createServer((socket) => socket.on("error", () => {}).end()).listen(port);
  const echo = createSocket("udp4");
  echo.on("message", (message, from) => echo.send(message, from.port, from.address)).bind(port);
}

function reachesTcp({ host, port }) {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (reached) => (socket.destroy(), resolve(reached));
    socket.on("connect", () => end(true)).on("error", () => end(false));
    setTimeout(() => end(false), PATIENCE);
  });
}

function reachesUdp({ host, port }) {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    let over = false;
    const end = (reached) => {
      if (!over) socket.close();
      over = true;
      resolve(reached);
    };
    socket.on("message", () => end(true)).on("error", () => end(false));
    socket.send("probe", port, host, () => {});
    setTimeout(() => end(false), PATIENCE);
  });
}

console.log("ready");
for await (const line of createInterface({ input: process.stdin })) {
  const ends = JSON.parse(line);
  const reached = await Promise.all(
    ends.map((end) => (end.protocol === "TCP" ? reachesTcp(end) : reachesUdp(end))),
  );
  console.log(JSON.stringify(reached));
}
