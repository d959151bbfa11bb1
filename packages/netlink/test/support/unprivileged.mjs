// Runs without any capability and reports, as JSON, what is refused and how.
import { addRoute, listenTcp, Netns, Rtnl, writeSysctl } from "../../src/index.ts";

const outcome = (work) => {
  try {
    work();
    return "allowed";
  } catch (error) {
    const { code, errnoName, op, hint } = error;
    return { code, errnoName, op, hint, message: error.message };
  }
};

using rtnl = Rtnl.open();
const home = Netns.home.id;
const requests = Array.from({ length: 600 }, (_, at) =>
  addRoute({ to: `198.18.${at >> 8}.${at & 255}`, type: "blackhole" }),
);
let failures = [];
const batch = outcome(() => {
  try {
    rtnl.batch(requests);
  } catch (error) {
    failures = error.failures;
    throw failures[0].error;
  }
});

console.log(
  JSON.stringify({
    links: rtnl.links.list().map(({ name }) => name),
    addRoute: outcome(() => rtnl.routes.add({ to: "198.18.0.0/15", type: "blackhole" })),
    createLink: outcome(() => rtnl.links.create({ kind: "ifb", name: "nltest-none" })),
    batch,
    batchCount: failures.length,
    createAnonymous: outcome(() => Netns.createAnonymous()),
    create: outcome(() => Netns.create("nltest-none")),
    sysctl: outcome(() => writeSysctl(Netns.home, "net.ipv4.ip_forward", 1)),
    listen: outcome(() => listenTcp(Netns.home, { port: 81 })),
    stillHome: Netns.home.id === home,
  }),
);
