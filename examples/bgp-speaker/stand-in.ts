import { createSpeaker, type MemoryNetwork } from "@netloom/bgp";

/** A router for whoever has none. */
export interface StandIn extends AsyncDisposable {
  readonly address: string;
  /** Resolves when it has been told of the prefix, to what it was told. */
  heard(prefix: string): Promise<string>;
}

/** Another speaker on the same network: takes whoever calls, and tells of a default route. */
export async function startStandIn(network: MemoryNetwork): Promise<StandIn> {
  const address = "192.0.2.1";
  const everything = { statements: [{ action: "accept" }] } as const;
  const router = createSpeaker(
    {
      asn: 65_000,
      routerId: address,
      listen: { addresses: [address] },
      peers: [
        {
          name: "hosts",
          remote: { dynamic: "192.0.2.0/24" },
          remoteAsn: "external",
          families: { "ipv4-unicast": { import: everything, export: everything } },
        },
      ],
    },
    { transport: network.transport({ address }) },
  );
  await router.start();
  router.advertise("way out", [{ prefix: "0.0.0.0/0", med: 10 }]);
  const told = (prefix: string): string | undefined => {
    const route = [...router.routes()].find((each) => each.prefix === prefix);
    return route && `the router sends ${prefix} to ${route.attributes.nextHop}`;
  };
  return {
    address,
    async heard(prefix) {
      for (;;) {
        const text = told(prefix);
        if (text !== undefined) return text;
        await new Promise<void>((resolve) => {
          const stop = router.on("best:changed", () => {
            stop();
            resolve();
          });
        });
      }
    },
    [Symbol.asyncDispose]: () => router.close("withdraw"),
  };
}
