import { describe, expect, it } from "vitest";
import {
  addRoute,
  BatchError,
  deleteLink,
  isNetlinkError,
  NetlinkError,
  type Request,
} from "../src/index.ts";
import { Conversation } from "../src/conversation.ts";
import { OVERRUN } from "../src/sys/netlink-socket.ts";
import { NLM_F_DUMP_INTR, type MessageCursor } from "../src/wire/message.ts";
import { message } from "./support/messages.ts";
import { type Answer, done, ScriptedSocket, type SentMessage, verdict } from "./support/scripted-socket.ts";

const DATA = 40;
const LIST: Request = { op: "list things", type: 42, flags: 0, body: { bytes: Buffer.alloc(4), holes: [] } };

const item = (value: number, sequence: number, flags = 0): Buffer =>
  message(Buffer.from([value, 0, 0, 0]), { type: DATA, flags, sequence });
const readItem = ({ buffer, start }: MessageCursor): number => buffer[start] ?? 0;

/** A conversation whose n-th request is answered by the n-th function. */
function talk(...answers: ((messages: SentMessage[]) => Answer[])[]): {
  socket: ScriptedSocket;
  talk: Conversation;
} {
  let turn = 0;
  const socket = new ScriptedSocket((messages) => {
    const answer = answers[Math.min(turn, answers.length - 1)];
    turn += 1;
    return answer?.(messages) ?? [];
  });
  return { socket, talk: new Conversation(socket) };
}

const sequenceOf = (messages: SentMessage[]): number => messages.at(-1)?.sequence ?? 0;

function caught(work: () => unknown): unknown {
  try {
    work();
    return undefined;
  } catch (error) {
    return error;
  }
}

describe("one request", () => {
  it("asks to be acknowledged and returns when it is", () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    conversation.execute(deleteLink(7));
    expect(socket.sent[0]).toMatchObject([{ type: 17, flags: 0x5 }]);
    expect(socket.unread).toBe(0);
  });

  it("fails with the kernel's errno and words", () => {
    const text = "Nexthop has invalid gateway";
    const { talk: conversation } = talk((messages) => [verdict(sequenceOf(messages), 101, text)]);
    const error = caught(() => conversation.execute(addRoute({ to: "10.0.0.0/8", via: "192.0.2.1" })));
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error).toMatchObject({
      name: "NetlinkError",
      code: "ERR_SYSCALL",
      op: "add route 10.0.0.0/8",
      errno: 101,
      errnoName: "ENETUNREACH",
      kernelMessage: text,
    });
    expect((error as NetlinkError).message).toContain(
      "add route 10.0.0.0/8: Nexthop has invalid gateway (ENETUNREACH)",
    );
  });

  it("passes over answers to earlier requests", () => {
    const { talk: conversation } = talk((messages) => [
      verdict(sequenceOf(messages) + 1000, 17),
      Buffer.concat([verdict(sequenceOf(messages) + 2000, 17), verdict(sequenceOf(messages))]),
    ]);
    expect(() => conversation.execute(deleteLink(7))).not.toThrow();
  });

  it("is an error when the kernel stays silent, or when its answer was lost", () => {
    expect(() => talk(() => []).talk.execute(deleteLink(7))).toThrow(
      "delete link 7: the kernel gave no answer",
    );
    const lost = caught(() => talk(() => [OVERRUN]).talk.execute(deleteLink(7)));
    expect(lost).toMatchObject({ code: "ERR_SYSCALL", errnoName: "ENOBUFS" });
  });

  it("puts the index of a device where its name was", () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    socket.devices.set("eth0", 77);
    conversation.execute(deleteLink("eth0"));
    expect(socket.sent[0]?.[0]?.body.readInt32LE(4)).toBe(77);
    const missing = caught(() => conversation.execute(deleteLink("eth1")));
    expect(missing).toMatchObject({ code: "ERR_NOT_FOUND", op: "delete link eth1", errno: undefined });
    expect(socket.sent).toHaveLength(1);
  });

  it("can be asked asynchronously", async () => {
    const { talk: conversation } = talk(
      (messages) => [verdict(sequenceOf(messages))],
      (messages) => [verdict(sequenceOf(messages), 19)],
    );
    await conversation.executeAsync(deleteLink(7));
    await expect(conversation.executeAsync(deleteLink(8))).rejects.toMatchObject({ code: "ERR_NOT_FOUND" });
  });
});

describe("a list", () => {
  it("is gathered from several datagrams up to the end", () => {
    const { talk: conversation } = talk((messages) => {
      const sequence = sequenceOf(messages);
      return [
        Buffer.concat([item(1, sequence), item(2, sequence)]),
        Buffer.concat([item(3, sequence), done(sequence)]),
      ];
    });
    expect(conversation.dump(LIST, readItem)).toEqual([1, 2, 3]);
  });

  it("that changed meanwhile is read to its end and asked for again", () => {
    const { socket, talk: conversation } = talk(
      (messages) => {
        const sequence = sequenceOf(messages);
        return [item(1, sequence), item(9, sequence, NLM_F_DUMP_INTR), done(sequence)];
      },
      // The kernel may notice at the very end only.
      (messages) => [item(9, sequenceOf(messages)), done(sequenceOf(messages), NLM_F_DUMP_INTR)],
      (messages) => [
        item(1, sequenceOf(messages)),
        item(2, sequenceOf(messages)),
        done(sequenceOf(messages)),
      ],
    );
    expect(conversation.dump(LIST, readItem)).toEqual([1, 2]);
    expect(socket.sent).toHaveLength(3);
    expect(socket.unread).toBe(0);
  });

  it("that never stops changing is given up", () => {
    const { socket, talk: conversation } = talk((messages) => [done(sequenceOf(messages), NLM_F_DUMP_INTR)]);
    const error = caught(() => conversation.dump(LIST, readItem));
    expect(error).toMatchObject({ code: "ERR_SYSCALL", errnoName: "EINTR" });
    expect(socket.sent).toHaveLength(32);
  });

  it("that fails at the start or at the end throws", () => {
    const refused = caught(() =>
      talk((messages) => [verdict(sequenceOf(messages), 22, "bad filter")]).talk.dump(LIST, readItem),
    );
    expect(refused).toMatchObject({ code: "ERR_INVALID", kernelMessage: "bad filter" });
    const broken = caught(() =>
      talk((messages) => [done(sequenceOf(messages), 0, 12)]).talk.dump(LIST, readItem),
    );
    expect(broken).toMatchObject({ errnoName: "ENOMEM" });
  });

  it("that cannot be decoded leaves the socket ready for the next", () => {
    const { socket, talk: conversation } = talk((messages) => {
      const sequence = sequenceOf(messages);
      return [item(1, sequence), item(2, sequence), done(sequence)];
    });
    const failing = (): number => {
      throw new Error("no");
    };
    expect(() => conversation.dump(LIST, failing)).toThrow("no");
    expect(socket.unread).toBe(0);
    expect(conversation.dump(LIST, readItem)).toEqual([1, 2]);
  });
});

describe("a batch", () => {
  const requests = (count: number): Request[] => Array.from({ length: count }, (_, at) => deleteLink(at + 1));

  it("goes out by the hundred, and only the last of each lot asks to be acknowledged", () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    conversation.batch(requests(1200));
    expect(socket.sent.map((messages) => messages.length)).toEqual([500, 500, 200]);
    for (const messages of socket.sent) {
      expect(messages.filter(({ flags }) => (flags & 4) !== 0)).toEqual([messages.at(-1)]);
    }
    const bodies = socket.sent.flat().map(({ body }) => body.readInt32LE(4));
    expect(bodies).toEqual(Array.from({ length: 1200 }, (_, at) => at + 1));
  });

  it("ascribes each refusal to its request, the last one's too", () => {
    const refused = new Set([3, 499, 500, 777, 999]);
    const { talk: conversation } = talk((messages) => {
      const bad = messages.filter(({ body }) => refused.has(body.readInt32LE(4) - 1));
      const last = messages.at(-1);
      const answers = bad.map(({ sequence }) => verdict(sequence, 19, "gone"));
      return last === undefined || bad.includes(last) ? answers : [...answers, verdict(last.sequence)];
    });
    const batch = requests(1000);
    const error = caught(() => conversation.batch(batch)) as BatchError;
    expect(error).toBeInstanceOf(BatchError);
    expect(error.total).toBe(1000);
    expect(error.failures.map(({ index }) => index)).toEqual([...refused]);
    for (const { index, request, error: failure } of error.failures) {
      expect(request).toBe(batch[index]);
      expect(failure).toMatchObject({
        code: "ERR_NOT_FOUND",
        op: `delete link ${index + 1}`,
        kernelMessage: "gone",
      });
    }
    expect(error.message).toContain("5 of 1000 requests failed, the first: delete link 4: gone (ENODEV)");
    expect(error.errors).toHaveLength(5);
  });

  it("carries out the rest when a device of one is missing, even the last", () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    const error = caught(() =>
      conversation.batch([deleteLink(1), deleteLink("none"), deleteLink(2), deleteLink("none")]),
    );
    expect((error as BatchError).failures.map(({ index }) => index)).toEqual([1, 3]);
    expect(socket.sent.map((messages) => messages.map(({ flags }) => flags & 4))).toEqual([[0, 4]]);
    const nothing = caught(() => conversation.batch([deleteLink("none")]));
    expect((nothing as BatchError).failures).toHaveLength(1);
    expect(socket.sent).toHaveLength(1);
  });

  it("splits by bytes too, and refuses alone what fits nowhere", () => {
    const long = (length: number): Request => ({ ...LIST, body: { bytes: Buffer.alloc(length), holes: [] } });
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    const error = caught(() => conversation.batch([long(60_000), long(60_000), long(200_000), long(60_000)]));
    expect(socket.sent.map((messages) => messages.length)).toEqual([2, 1]);
    expect((error as BatchError).failures).toMatchObject([{ index: 2, error: { code: "ERR_INVALID" } }]);
  });

  it("may come from a generator that talks to the kernel itself", () => {
    const { socket, talk: conversation } = talk((messages) => {
      const last = messages.at(-1);
      const bad = messages
        .filter(({ body }) => body.readInt32LE(4) === 502)
        .map(({ sequence }) => verdict(sequence, 19));
      return last === undefined ? [] : [...bad, verdict(last.sequence)];
    });
    function* generate(): Generator<Request> {
      for (let at = 1; at <= 600; at += 1) {
        if (at % 100 === 0) conversation.execute(deleteLink(10_000 + at));
        yield deleteLink(at);
      }
    }
    const error = caught(() => conversation.batch(generate())) as BatchError;
    expect(error.failures.map(({ index }) => index)).toEqual([501]);
    expect(error.total).toBe(600);
    const sizes = socket.sent.map((messages) => messages.length);
    expect(sizes).toEqual([1, 1, 1, 1, 1, 500, 1, 100]);
  });

  it("of nothing sends nothing", () => {
    const { socket, talk: conversation } = talk();
    conversation.batch([]);
    expect(socket.sent).toEqual([]);
  });

  it("says so when the verdicts were lost", () => {
    const { talk: conversation } = talk(() => [OVERRUN]);
    const error = caught(() => conversation.batch(requests(2)));
    expect(isNetlinkError(error, "ERR_SYSCALL")).toBe(true);
    expect(error).toMatchObject({ errnoName: "ENOBUFS" });
  });

  it("can be sent asynchronously", async () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    await conversation.batchAsync(requests(600));
    expect(socket.sent.map((messages) => messages.length)).toEqual([500, 100]);
  });

  it("stops between two sends when it is called off", async () => {
    const { socket, talk: conversation } = talk((messages) => [verdict(sequenceOf(messages))]);
    const abort = new AbortController();
    const batch = conversation.batchAsync(requests(1500), abort.signal);
    abort.abort(new Error("called off"));
    await expect(batch).rejects.toThrow("called off");
    expect(socket.sent).toHaveLength(1);
  });
});
