#!/bin/bash
# Netloom: two nodes with an agent each that sets everything up and goes; VXLAN between them.
#    N=number of services, P=policies for each direction of each pod, VIA=vip|pod: what the client talks to.
. "$HARNESS/lib.sh"
# No packet may be forwarded by the kernel in our place.
up() {
	local p=$1; base_ns "$p"; base_wire "$p"
	sysctl_ns "$p-n1" net.ipv4.ip_forward=0; sysctl_ns "$p-n2" net.ipv4.ip_forward=0
	"$NODE" --conditions=@netloom/source "$(dirname "$0")/netloom.ts" up "$p"
	if [ "${VIA:-vip}" = vip ]; then printf 'same=10.96.255.1\ncross=10.96.255.2\n'; fi
}
down() { "$NODE" --conditions=@netloom/source "$(dirname "$0")/netloom.ts" down "$1"; base_down "$1"; }
case $1 in up) up "$2" ;; down) down "$2" ;; esac
