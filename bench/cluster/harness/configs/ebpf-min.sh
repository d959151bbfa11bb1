#!/bin/bash
# d) Minimal eBPF forwarder (src/min.bpf.c): tc ingress at the host veth -> bpf_redirect_peer (same
#    node), bpf_redirect_neigh (cross node, TUN=0) or collect-metadata VXLAN (cross node, TUN=1).
. "$(dirname "$0")/../lib.sh"
TUN=${TUN:-0}
bmac() { local b; for b in ${1//:/ }; do printf '%d ' "0x$b"; done; } # MAC as decimal bytes
bip() { echo "${1//./ }"; }
le32() { printf '%d %d %d %d' $(($1 & 255)) $(($1 >> 8 & 255)) $(($1 >> 16 & 255)) $(($1 >> 24 & 255)); }
attach() { # tc filter at ingress from a pinned program
	ip netns exec "$1" sh -c "mount --bind /proc/1/root$BPFFS $BPFFS 2>/dev/null; tc qdisc add dev $2 clsact && tc filter add dev $2 ingress bpf da pinned $BPFFS/$3"
}
up() {
	local p=$1 n o pod mtu=1500 smac dev; [ "$TUN" = 1 ] && mtu=1450
	mkdir -p "$BPFFS"; mountpoint -q "$BPFFS" || mount -t bpf bpf "$BPFFS"
	base_ns "$p"; base_wire "$p"; for pod in $PODS; do pod_ptp "$p" "$pod" $mtu; done
	native_routes "$p"
	sysctl_ns "$p-n1" net.ipv4.ip_forward=0; sysctl_ns "$p-n2" net.ipv4.ip_forward=0 # proof: the kernel can't be the one forwarding
	for n in 1 2; do o=$((3 - n))
		local d=$BPFFS/$p/n$n ns=$p-n$n
		mkdir -p "$d"; bpftool prog loadall "${BUILD:-$HERE/build}/min.bpf.o" "$d" pinmaps "$d" >&2
		if [ "$TUN" = 1 ]; then
			ip -n "$ns" link add vx0 type vxlan external dstport 8472 nolearning
			ip -n "$ns" link set vx0 mtu 1450 up; attach "$ns" vx0 "$p/n$n/from_overlay"; dev=vx0
		else attach "$ns" wire "$p/n$n/from_wire"; dev=wire; fi
		for pod in $PODS; do
			if [ "${pod:0:1}" = "$n" ]; then
				attach "$ns" "lxc$pod" "$p/n$n/from_container"
				bpftool map update pinned "$d/dests" key $(bip "$(pod_ip "$pod")") value $(le32 "$(ifindex "$ns" "lxc$pod")") 0 0 0 0 \
					$(bmac "$(mac 1 "$pod")") $(bmac "$(mac 2 "$pod")") 0 0 0 0
			else
				bpftool map update pinned "$d/dests" key $(bip "$(pod_ip "$pod")") value $(le32 "$(ifindex "$ns" $dev)") $o 77 168 192 \
					0 0 0 0 0 0 0 0 0 0 0 0 $TUN 0 0 0
			fi
		done
	done
}
case $1 in up) up "$2" ;; down) base_down "$2" ;; esac
