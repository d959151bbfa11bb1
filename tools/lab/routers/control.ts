import { connect } from "node:net";

/**
 * One conversation over a daemon's control socket: requests are written one after the other, each when the answer to
 * the one before is complete.
 *
 * @param endOf - where the answer in a text ends; -1 while it goes on. What it throws is the end of the conversation.
 * @returns the last answer.
 */
export function converse(
  socket: string,
  requests: readonly string[],
  endOf: (received: string) => number,
  { greets = false }: { readonly greets?: boolean } = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = connect(socket);
    const left = [...requests];
    let received = "";
    let answer = "";
    const next = (): void => {
      const request = left.shift();
      if (request !== undefined) {
        connection.write(request);
        return;
      }
      connection.destroy();
      resolve(answer);
    };
    connection.setEncoding("latin1");
    connection.once("connect", () => {
      if (!greets) next();
    });
    connection.on("data", (text: string) => {
      received += text;
      let end: number;
      try {
        end = endOf(received);
      } catch (error) {
        connection.destroy();
        reject(error);
        return;
      }
      if (end < 0) return;
      answer = received.slice(0, end);
      received = received.slice(end);
      next();
    });
    connection.once("error", reject);
    connection.once("close", () => reject(new Error(`${socket} closed before it had answered`)));
  });
}
