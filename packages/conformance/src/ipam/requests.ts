import assert from "node:assert/strict";
import type { Ipam } from "@netloom/core";
import { refusal } from "../kit/reject.ts";
import { familyOf, foreign, unchanged, type IpamCheck } from "./world.ts";

/** Exactly these addresses, please. */
export const requests: readonly IpamCheck[] = [
  {
    id: "ipam/requested",
    sentence: "leases exactly the addresses that were asked for",
    needs: "requestedAddress",
    async run({ start, ask }) {
      const ipam = await start();
      const { addresses } = await ipam.allocate("former", ask);
      await ipam.allocate("other", ask);
      await ipam.release({ owner: "former", pool: "default", addresses });
      const lease = await ipam.allocate("web", { ...ask, addresses });
      assert.deepEqual(lease.addresses, addresses);
      assert.deepEqual(await ipam.allocate("web", { ...ask, addresses }), lease, "and again to who has them");
    },
  },
  {
    id: "ipam/requested-taken",
    sentence: "refuses an address that is somebody else's",
    needs: "requestedAddress",
    async run({ start, ask }) {
      const ipam = await start();
      const { addresses } = await ipam.allocate("former", ask);
      for (const address of addresses) await refused(ipam, address, "ERR_IPAM_CONFLICT");
    },
  },
  {
    id: "ipam/requested-quarantined",
    sentence: "refuses an address that is in quarantine",
    needs: "requestedAddress",
    async run({ start, ask }) {
      const ipam = await start();
      const lease = await ipam.allocate("former", ask);
      await ipam.retire(lease);
      for (const address of lease.addresses) await refused(ipam, address, "ERR_IPAM_CONFLICT");
    },
  },
  {
    id: "ipam/requested-router",
    sentence: "refuses the address that the node keeps for itself",
    needs: "requestedAddress",
    async run({ start }) {
      const ipam = await start();
      for (const address of ipam.routers()) await refused(ipam, address, "ERR_IPAM_CONFLICT");
    },
  },
  {
    id: "ipam/requested-outside",
    sentence: "refuses an address that is in none of its ranges",
    needs: "requestedAddress",
    async run({ start, families }) {
      const ipam = await start();
      for (const family of families) await refused(ipam, foreign(family), "ERR_IPAM_OUT_OF_RANGE");
    },
  },
];

async function refused(ipam: Ipam, address: string, code: string): Promise<void> {
  const options = { families: [familyOf(address)], addresses: [address] };
  await unchanged("what it has", ipam, async () => {
    await refusal(`a lease of ${address}`, () => ipam.allocate("web", options), code);
  });
}
