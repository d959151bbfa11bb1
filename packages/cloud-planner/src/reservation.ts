import { parseCidr, summarizeCidrs } from "@netloom/core";
import type { CloudShape, PlannerSubnet } from "./input.ts";
import { BLOCK_SIZE, RESERVED_ADDRESSES } from "./sizes.ts";

/** Of one subnet, where there is room for rounding up. */
const MOST_RANGES = 3;

/** Room that is kept for pods, so that nothing else breaks it up. */
export interface Reservation {
  /** In which it is made, or beside which. */
  readonly subnet: string;
  /** Addresses that pods take. */
  readonly addresses: number;
  /** Whole blocks among them. */
  readonly blocks: number;
  /** What to reserve, aligned; empty where the subnet is too small, or the place is the cloud's to choose. */
  readonly cidrs: readonly string[];
  /** Lines for a shell; in angle brackets what only its reader knows. */
  readonly commands: readonly string[];
  readonly note?: string;
}

export function reservationsFor(taken: readonly Taken[], shape: CloudShape): readonly Reservation[] {
  return taken.flatMap((one) => (one.blocks + one.singles === 0 ? [] : MAKERS[shape](one)));
}

/** What all nodes take of a subnet of so many addresses. */
export interface Taken {
  readonly subnet: Required<PlannerSubnet>;
  readonly size: number;
  readonly blocks: number;
  readonly singles: number;
}

type Maker = (taken: Taken) => readonly Reservation[];

const MAKERS: Readonly<Record<CloudShape, Maker>> = {
  /** A reservation for prefixes: EC2 takes blocks from it, and puts no single addresses there by itself. */
  aws({ subnet, size, blocks, singles }) {
    // Single addresses can be anywhere.
    if (blocks === 0) return [];
    const { id } = subnet;
    const need = { subnet: id, addresses: blocks * BLOCK_SIZE, blocks };
    // The subnet's last block is in it for alignment, but never whole.
    const wanted = blocks + 1;
    const left = (size / BLOCK_SIZE - wanted) * BLOCK_SIZE - (RESERVED_ADDRESSES - 1);
    if (left < singles) {
      const note = `${id} has no room for ${blocks} blocks beside ${singles} single addresses: a larger subnet, or another`;
      return [{ ...need, cidrs: [], commands: [], note }];
    }
    const most = Math.floor((size - (RESERVED_ADDRESSES - 1) - singles) / BLOCK_SIZE);
    const cidrs = lastBlocks(subnet, size, rounded(wanted, most));
    return [
      {
        ...need,
        cidrs,
        commands: cidrs.map(
          (cidr) =>
            `aws ec2 create-subnet-cidr-reservation --subnet-id ${id} --reservation-type prefix --cidr ${cidr}`,
        ),
        ...(subnet.occupied === 0
          ? {}
          : { note: "addresses in use there stay, and break their blocks until they are given back" }),
      },
    ];
  },
  /** Azure has no reservations: pods have a subnet that nothing else is put into. */
  azure(taken) {
    const need = needOf(taken);
    const prefix = prefixFor(need.addresses + RESERVED_ADDRESSES);
    return [
      {
        ...need,
        cidrs: [],
        commands: [
          `az network vnet subnet create --resource-group <group> --vnet-name <network> --name pods --address-prefixes <a free /${prefix}>`,
        ],
        note: `Azure has no reservations: a /${prefix} that only pods are in`,
      },
    ];
  },
  /** Alias ranges come from a secondary range of the subnet. */
  gcp(taken) {
    const need = needOf(taken);
    const prefix = prefixFor(need.addresses);
    return [
      {
        ...need,
        cidrs: [],
        commands: [
          `gcloud compute networks subnets update ${need.subnet} --region <region> --add-secondary-ranges pods=<a free /${prefix}>`,
        ],
        note: `a secondary range, /${prefix}, that only alias ranges of pods come from`,
      },
    ];
  },
};

function needOf({ subnet, blocks, singles }: Taken): {
  readonly subnet: string;
  readonly addresses: number;
  readonly blocks: number;
} {
  return { subnet: subnet.id, addresses: blocks * BLOCK_SIZE + singles, blocks };
}

/** The prefix length of the smallest range that has so many addresses. */
function prefixFor(addresses: number): number {
  return 32 - Math.ceil(Math.log2(Math.max(1, addresses)));
}

/** So many or a few more, in so few ranges that somebody may type them. */
function rounded(count: number, most: number): number {
  for (let step = 1; step <= count; step *= 2) {
    const more = Math.ceil(count / step) * step;
    if (more > most) break;
    if (ones(more) <= MOST_RANGES) return more;
  }
  return count;
}

function ones(value: number): number {
  return value.toString(2).replaceAll("0", "").length;
}

/** The last so many blocks of a subnet, in the fewest CIDRs. */
function lastBlocks({ cidr }: PlannerSubnet, size: number, count: number): readonly string[] {
  const subnet = parseCidr(cidr);
  const blocks = size / BLOCK_SIZE;
  const last = Array.from({ length: count }, (_, index) => subnet.subnet(28, blocks - count + index));
  return summarizeCidrs(last).map(String);
}
