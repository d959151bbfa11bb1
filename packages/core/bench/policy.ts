/**
 * Times what a policy costs to compile, beside the figures it was designed for: from rules whose peers are selectors to
 * the entries of a policy set. Run by `npm run bench -- policy`.
 */
import { LabelTable, type LabelSet } from "../src/labels/index.ts";
import { parsePolicy } from "../src/policy/parse.ts";
import { Peers } from "../src/policy/peers.ts";
import { PolicySets } from "../src/policy/policy-sets.ts";
import { RuleBook } from "../src/policy/rule-book.ts";
import type { PolicyRule } from "../src/policy/types.ts";
import { measure, ms, random, row, times, us } from "./measure.ts";

const IDENTITIES = 10_000;
const FIRST = 256;
const GROUPS = 1000;

/** Each of `RULES` rules selects a tenth of the identities by one of a thousand labels; one in twenty denies. */
const RULES = 1000;

interface Scene {
  readonly sets: PolicySets;
  readonly subject: LabelSet;
  readonly labels: LabelTable;
}

function scene(ports: number, wanted = RULES): Scene {
  const labels = new LabelTable();
  const peers = new Peers(() => {});
  const book = new RuleBook(peers);
  const sets = new PolicySets({ book, peers, mode: "default" });
  sets.identitiesChanged(
    times(IDENTITIES, (index) => {
      // A hundred of the thousand groups each: so a rule selects a thousand identities.
      const groups = times(100, (each) => `k8s:g${(index * 7 + each * 10 + random(10)) % GROUPS}=`);
      return [FIRST + index, labels.fromStrings([...groups, `k8s:pod=${index}`])];
    }),
  );
  const rules = times(wanted, (index): PolicyRule => {
    const peer = { selector: { matchExpressions: [{ key: `k8s:g${index}`, operator: "Exists" as const }] } };
    return {
      action: index % 20 === 0 ? "deny" : "allow",
      peers: [peer],
      ports: [{ protocol: "TCP", port: 1000 + (index % ports) }],
    };
  });
  // A policy has so many rules at most.
  for (let at = 0; at < wanted; at += 100) {
    const part = rules.slice(at, at + 100);
    book.set(`p${at}`, parsePolicy({ name: `p${at}`, subject: {}, ingress: part }));
  }
  return { sets, labels, subject: labels.fromStrings(["k8s:pod=web"]) };
}

function compile(ports: number, target: string): void {
  const { sets, subject } = scene(ports);
  sets.acquire(5000, subject);
  const { added } = sets.update();
  const time = measure(
    1,
    () => {
      sets.policiesChanged();
      sets.update();
    },
    3,
  );
  row(`${RULES} rules of 1,000 identities, ${ports} ports (${added.length} entries)`, target, ms(time));
}

function grow(): void {
  const { sets, labels, subject } = scene(1, 30);
  for (let pod = 0; pod < 110; pod++) {
    const id = 5000 + pod;
    sets.acquire(id, subject);
  }
  sets.update();
  let next = FIRST + IDENTITIES;
  const groups = times(100, (each) => `k8s:g${each * 10}=`);
  const time = measure(1, () => {
    sets.identitiesChanged([[next, labels.fromStrings([...groups, `k8s:pod=${next}`])]]);
    sets.update();
    next++;
  });
  row("one identity more, for 110 endpoints of 30 such rules", "200 us", us(time));
}

console.log(`policy${" ".repeat(54)}          designed             ours`);
compile(1, "10 ms");
compile(50, "-");
grow();
