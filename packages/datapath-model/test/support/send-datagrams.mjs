// Sends one datagram for each element of a list, each from a port of its own.
import { createSocket } from "node:dgram";

for (const { host, port, sourcePort } of JSON.parse(process.argv[2])) {
  await new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.bind(sourcePort, () => socket.send("datagram", port, host, () => socket.close(resolve)));
  });
}
