/**
 * What iproute2 6.1.0 sent for each command, taken from strace on x86-64 Linux 6.18.
 * Devices then: lo 1, eth0 2, veth0 3, vx0 4, vx1 (later vx9) 5, vx2 6, br0 7.
 * `flags` are without REQUEST and ACK; `body` is everything after the netlink header.
 */
export interface Golden {
  readonly command: string;
  readonly type: number;
  readonly flags: number;
  readonly body: string;
}

export const golden = {
  veth: {
    command:
      "ip link add name veth0 address 02:00:00:00:00:01 mtu 1400 type veth peer name eth0 address 02:00:00:00:00:02 mtu 1400",
    type: 16,
    flags: 0x600,
    body: "000000000000000000000000000000000a000100020000000001000008000400780500000a00030076657468300000004400120008000100766574683800020034000100000000000000000000000000000000000a00010002000000000200000800040078050000090003006574683000000000",
  },
  vxlanExternal: {
    command: "ip link add name vx0 type vxlan external dstport 8472 nolearning",
    type: 16,
    flags: 0x600,
    body: "0000000000000000000000000000000008000300767830002c0012000900010076786c616e0000001c0002000500190001000000050007000000000006000f0021180000",
  },
  vxlan: {
    command:
      "ip link add name vx1 type vxlan id 42 local 192.0.2.1 remote 192.0.2.2 dstport 4789 ttl 64 dev veth0 noudpcsum",
    type: 16,
    flags: 0x600,
    body: "000000000000000000000000000000000800030076783100540012000900010076786c616e00000044000200050005004000000008000300030000000500120000000000080001002a00000008000400c000020108000200c0000202050007000100000006000f0012b50000",
  },
  vxlan6: {
    command:
      "ip link add name vx2 type vxlan id 43 local 2001:db8::1 dstport 4790 udp6zerocsumtx udp6zerocsumrx",
    type: 16,
    flags: 0x600,
    body: "000000000000000000000000000000000800030076783200500012000900010076786c616e0000004000020005001300010000000500140001000000080001002b0000001400110020010db8000000000000000000000001050007000100000006000f0012b60000",
  },
  bridge: {
    command:
      "ip link add name br0 type bridge stp_state 0 ageing_time 10000 forward_delay 400 mcast_snooping 0",
    type: 16,
    flags: 0x600,
    body: "000000000000000000000000000000000800030062723000340012000a0001006272696467650000240002000800050000000000080004001027000008000100900100000500170000000000",
  },
  setLink: {
    command: "ip link set dev veth0 up mtu 1450 txqueuelen 500 arp off alias hello",
    type: 16,
    flags: 0x0,
    body: "0000000003000000810000008100000008000400aa05000008000d00f40100000900140068656c6c6f000000",
  },
  setMaster: {
    command: "ip link set dev veth0 master br0",
    type: 16,
    flags: 0x0,
    body: "0000000003000000000000000000000008000a0007000000",
  },
  clearMaster: {
    command: "ip link set dev veth0 nomaster",
    type: 16,
    flags: 0x0,
    body: "0000000003000000000000000000000008000a0000000000",
  },
  renameLink: {
    command: "ip link set dev vx1 name vx9",
    type: 16,
    flags: 0x0,
    body: "000000000500000000000000000000000800030076783900",
  },
  deleteLink: {
    command: "ip link del dev vx9",
    type: 17,
    flags: 0x0,
    body: "00000000050000000000000000000000",
  },
  address4: {
    command: "ip addr add 10.0.0.1/24 broadcast 10.0.0.255 dev veth0",
    type: 20,
    flags: 0x600,
    body: "0218000003000000080002000a000001080004000a0000ff080001000a000001",
  },
  addressPeer: {
    command: "ip addr add 10.0.1.1 peer 10.0.1.2 dev veth0",
    type: 20,
    flags: 0x600,
    body: "0220000003000000080002000a000101080001000a000102",
  },
  address6: {
    command: "ip addr add fd00::1/64 dev veth0 nodad noprefixroute",
    type: 20,
    flags: 0x600,
    body: "0a4000000300000014000200fd000000000000000000000000000001080008000202000014000100fd000000000000000000000000000001",
  },
  addressLifetime: {
    command: "ip addr add 10.0.2.1/24 dev veth0 valid_lft 100 preferred_lft 50 metric 7",
    type: 20,
    flags: 0x600,
    body: "0218000003000000080002000a0002010800090007000000080001000a0002011400060032000000640000000000000000000000",
  },
  deleteAddress: {
    command: "ip addr del 10.0.0.1/24 dev veth0",
    type: 21,
    flags: 0x0,
    body: "0218000003000000080002000a000001080001000a000001",
  },
  route4: {
    command: "ip route add 10.1.0.0/16 via 10.0.0.2 dev veth0 metric 5 mtu 1400 advmss 1360 src 10.0.0.1",
    type: 24,
    flags: 0x600,
    body: "02100000fe03000100000000080001000a010000080005000a0000020800060005000000080007000a00000108000400030000001400080008000200780500000800080050050000",
  },
  routeTable: {
    command: "ip route add 10.2.0.0/16 dev veth0 table 1000 proto bgp",
    type: 24,
    flags: 0x600,
    body: "0210000000bafd0100000000080001000a02000008000f00e80300000800040003000000",
  },
  routeOnlink: {
    command: "ip route add 10.3.0.1 via 99.0.0.1 dev veth0 onlink proto static",
    type: 24,
    flags: 0x600,
    body: "02200000fe04000104000000080001000a03000108000500630000010800040003000000",
  },
  routeDefault: {
    command: "ip route add default via 10.0.0.2",
    type: 24,
    flags: 0x600,
    body: "02000000fe03000100000000080005000a000002",
  },
  routeBlackhole: {
    command: "ip route add blackhole 10.4.0.0/16",
    type: 24,
    flags: 0x600,
    body: "02100000fe03000600000000080001000a040000",
  },
  routeLocal: {
    command: "ip route add local 10.5.0.0/16 dev lo table 100",
    type: 24,
    flags: 0x600,
    body: "021000006403fe0200000000080001000a0500000800040001000000",
  },
  route6: {
    command: "ip -6 route add fd01::/48 via fd00::2 dev veth0 metric 100",
    type: 24,
    flags: 0x600,
    body: "0a300000fe0300010000000014000100fd01000000000000000000000000000014000500fd00000000000000000000000000000208000600640000000800040003000000",
  },
  routeMultipath: {
    command:
      "ip route add 10.6.0.0/16 nexthop via 10.0.0.2 dev veth0 weight 1 nexthop via 10.0.0.3 dev veth0 weight 3 onlink",
    type: 24,
    flags: 0x600,
    body: "02100000fe03000100000000080001000a060000240009001000000003000000080005000a0000021000040203000000080005000a000003",
  },
  routeVia6: {
    command: "ip route add 10.7.0.0/16 via inet6 fd00::2 dev veth0",
    type: 24,
    flags: 0x600,
    body: "02100000fe03000100000000080001000a070000160012000a00fd00000000000000000000000000000200000800040003000000",
  },
  replaceRoute: {
    command: "ip route replace 10.1.0.0/16 via 10.0.0.3 dev veth0 metric 5",
    type: 24,
    flags: 0x500,
    body: "02100000fe03000100000000080001000a010000080005000a00000308000600050000000800040003000000",
  },
  deleteRoute: {
    command: "ip route del 10.1.0.0/16",
    type: 25,
    flags: 0x0,
    body: "02100000fe00ff0000000000080001000a010000",
  },
  lookupRoute: {
    command: "ip route get 10.0.0.9 mark 7",
    type: 26,
    flags: 0x0,
    body: "022000000000000000100000080001000a0000090800100007000000",
  },
  rule4: {
    command: "ip rule add from 10.0.0.0/8 fwmark 0x1/0xff lookup 100 priority 50",
    type: 32,
    flags: 0x600,
    body: "020008006400000100000000080002000a00000008000a000100000008001000ff0000000800060032000000",
  },
  rule6: {
    command: "ip -6 rule add to fd00::/8 iif veth0 table 2000 pref 60 suppress_prefixlength 8",
    type: 32,
    flags: 0x600,
    body: "0a080000000000010000000014000100fd0000000000000000000000000000000a000300766574683000000008000f00d0070000080006003c00000008000e0008000000",
  },
  ruleGoto: {
    command: "ip rule add pref 10 goto 50",
    type: 32,
    flags: 0x600,
    body: "020000000000000200000000080006000a0000000800040032000000",
  },
  rulePorts: {
    command: "ip rule add not ipproto tcp sport 100-200 dport 80 uidrange 0-10 oif veth0 pref 70 unreachable",
    type: 32,
    flags: 0x600,
    body: "0200000000000007020000000500160006000000080017006400c80008001800500050000c001400000000000a0000000a00110076657468300000000800060046000000",
  },
  deleteRule: {
    command: "ip rule del pref 50",
    type: 33,
    flags: 0x0,
    body: "0200000000000000000000000800060032000000",
  },
  neighbour4: {
    command: "ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:09 dev veth0",
    type: 28,
    flags: 0x600,
    body: "020000000300000080000000080001000a0000090a0002000200000000090000",
  },
  neighbour6: {
    command: "ip neigh replace fd00::9 lladdr 02:00:00:00:00:09 nud reachable dev veth0 router",
    type: 28,
    flags: 0x500,
    body: "0a000000030000000200800014000100fd0000000000000000000000000000090a0002000200000000090000",
  },
  neighbourProxy: {
    command: "ip neigh add proxy 10.0.0.10 dev veth0",
    type: 28,
    flags: 0x600,
    body: "020000000300000080000800080001000a00000a",
  },
  fdbAppend: {
    command:
      "bridge fdb append 00:00:00:00:00:00 dev vx0 dst 192.0.2.9 vni 7 port 4790 via veth0 self permanent",
    type: 28,
    flags: 0xc00,
    body: "0700000004000000c00002000a000200000000000000000008000100c00002090600060012b6000008000700070000000800080003000000",
  },
  fdbAdd6: {
    command: "bridge fdb add 02:00:00:00:00:77 dev vx2 dst 2001:db8::9",
    type: 28,
    flags: 0x600,
    body: "0700000006000000c00002000a00020002000000007700001400010020010db8000000000000000000000009",
  },
  fdbMaster: {
    command: "bridge fdb add 02:00:00:00:00:78 dev veth0 master static vlan 1",
    type: 28,
    flags: 0x600,
    body: "0700000003000000420004000a00020002000000007800000600050001000000",
  },
} as const satisfies Record<string, Golden>;
