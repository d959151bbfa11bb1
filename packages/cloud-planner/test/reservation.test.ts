import { parseCidr } from "@netloom/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { reservationsFor, type Reservation, type Taken } from "../src/reservation.ts";

function taken(prefix: number, blocks: number, singles: number, occupied = 0): Taken {
  const subnet = { id: "subnet-a", cidr: `10.0.0.0/${prefix}`, zone: "a", occupied };
  return { subnet, size: 2 ** (32 - prefix), blocks, singles };
}

describe("the reservation to make", () => {
  it("has as many whole blocks as are needed, and leaves room for the single addresses", () => {
    const counts = [
      fc.integer({ min: 16, max: 26 }),
      fc.integer({ min: 1, max: 4096 }),
      fc.nat(2000),
    ] as const;
    fc.assert(
      fc.property(...counts, (prefix, blocks, singles) => {
        const one = taken(prefix, blocks, singles);
        const [{ cidrs: texts, note }] = reservationsFor([one], "aws") as [Reservation];
        const cidrs = texts.map(parseCidr);
        const subnet = parseCidr(one.subnet.cidr);
        const size = cidrs.reduce((sum, cidr) => sum + cidr.size, 0);
        // The last block of the subnet is broken, and so are the first four addresses.
        const room = one.size - (blocks + 1) * 16 - 4 >= singles;
        expect(size > 0).toBe(room);
        expect(note?.includes("no room") === true).toBe(!room);
        expect(!room || size / 16 - 1 >= blocks).toBe(true);
        expect(one.size - size - 4 >= singles || !room).toBe(true);
        expect(cidrs.every((cidr) => subnet.containsCidr(cidr))).toBe(true);
        expect(cidrs.some((a) => cidrs.some((b) => a !== b && a.overlaps(b)))).toBe(false);
        expect(cidrs.at(-1)?.last.toString() ?? subnet.last.toString()).toBe(subnet.last.toString());
      }),
    );
  });

  it("is a line for EC2's shell, in few ranges where there is room", () => {
    const [reservation] = reservationsFor([taken(18, 600, 200, 0.02)], "aws");
    expect(reservation!.commands).toEqual([
      "aws ec2 create-subnet-cidr-reservation --subnet-id subnet-a --reservation-type prefix --cidr 10.0.26.0/23",
      "aws ec2 create-subnet-cidr-reservation --subnet-id subnet-a --reservation-type prefix --cidr 10.0.28.0/22",
      "aws ec2 create-subnet-cidr-reservation --subnet-id subnet-a --reservation-type prefix --cidr 10.0.32.0/19",
    ]);
    expect(reservation!.note).toContain("in use there stay");
  });

  it("is none for single addresses on EC2, and a range of their own elsewhere", () => {
    expect(reservationsFor([taken(20, 0, 300)], "aws")).toEqual([]);
    const [azure] = reservationsFor([taken(20, 0, 300)], "azure");
    expect(azure!.commands[0]).toMatch(/^az network vnet subnet create .*<a free \/23>$/);
    const [google] = reservationsFor([taken(20, 8, 128)], "gcp");
    expect(google!.commands[0]).toMatch(/^gcloud compute networks subnets update subnet-a .*<a free \/24>$/);
  });
});
