/** Tells a router a table, from messages packed beforehand: `generator LOCAL REMOTE ASN COUNT SETS`. */
import { prefixAt } from "../prefixes.ts";
import { now, onOrder, report } from "./talk.ts";
import { endOfRib, openSession, packOne, packTable } from "./wire.ts";

const [local, remote, asn, count, sets] = process.argv.slice(2) as [string, string, string, string, string];
const table = Buffer.concat([packTable(Number(asn), local, Number(count), Number(sets)), endOfRib()]);
const socket = await openSession({ local, remote, asn: Number(asn) });
report("established", { bytes: table.length });

onOrder(({ event, index }) => {
  const at = now();
  if (event === "table") socket.write(table, () => report("sent", { at }));
  else socket.write(packOne(Number(asn), local, prefixAt(Number(index))), () => report("sent", { at }));
});
