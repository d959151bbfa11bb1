export const USAGE = `usage: netloom-cloud-plan --subnet ID=CIDR[,…]… --nodes N[,…]… --pods N [options]

  --subnet ID=CIDR[,zone=Z][,occupied=F]   a subnet, and which fraction of it others have (repeatable)
  --nodes N[,zone=Z][,subnet=ID][,type=T][,interfaces=N,slots=N]
                                           nodes that are alike (repeatable)
  --type T                                 of nodes that say nothing else: small 3 × 6, medium 4 × 15, large 8 × 30
                                           interfaces × slots, flat 1 × 101; large by default
  --limits interfaces=N,slots=N            the same in numbers, each interface's own address included
  --pods N                                 on each node when all is done
  --pods-now N                             on each node already; 0, and nodes are new
  --growth pods=N,nodes=N                  pods that come to each node in a day, and nodes in all

  --shape aws|azure|gcp                    whose throttles and requests; aws
  --policy NAME=VALUE,…                    preAllocate, minAllocate, maxAllocate, maxAboveWatermark, blocks, singles
  --placement scattered|packed             how the cloud chooses single addresses; scattered
  --throttle NAME=CAPACITY,PER-SECOND      in place of the bucket of that name (repeatable)
  --times latency=MS,attach=MS,operation=MS
                                           500, 4000 and 2000
  --budget shared|node                     nodes keep to the throttles together, or each alone; shared
  --no-rollout                             tell nothing of requests and seconds, and be done at once
  --seed N                                 of the rollout's chance; 1
  --json                                   the report as JSON
  -h, --help
`;
