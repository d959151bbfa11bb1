// Answers every connection with its own name, then closes it.
import { createServer } from "node:net";

const [name, port] = process.argv.slice(2);
const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.end(`${name}\n`);
});
server.listen(Number(port), () => console.log("ready"));
