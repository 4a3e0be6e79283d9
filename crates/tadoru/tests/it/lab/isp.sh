#!/usr/bin/env bash
# A small internet provider of network namespaces on this machine: five routers that export flows, two neighbours, and
# customers behind two access routers.
#
# Usage: isp.sh up NAME FOLDER [SAMPLING]    builds it and starts the routers' exporters (pmacctd)
#        isp.sh down NAME                    stops all that runs in it and removes it
#
# Nothing outside of the namespaces NAME-* is touched. Needs root, iproute2 and pmacct.
#
#   north (AS 64496)                                                    shop 198.51.100.0/26
#   203.0.113.0/25 ---11 edge1 12---31         33---41 access1 42---    (customer)
#                                     core
#   203.0.113.128/25 -21 edge2 22---32 | 35    34---51 access2 52---    homes 198.51.100.128/26
#   south (AS 64497)                   |                                (customer)
#                                  collector 192.0.2.100
#
# The victim has IPv6 besides, 2001:db8:100::10, and the way from south to it: 2001:db8:1::/64 to 2001:db8:4::/64.
#
# The numbers are interface indexes; exporters are 192.0.2.1 (edge1), .2 (edge2), .3 (core), .4 (access1) and .5
# (access2). NetFlow v9 from the edges, IPFIX from core and access1, sFlow from access2.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
what=$1 name=$2
nodes=(north south edge1 edge2 core access1 access2 shop homes collector)

in_node() { local node=$1; shift; ip netns exec "$name-$node" "$@"; }

# link A DEV INDEX ADDRESS B DEV INDEX ADDRESS
link() {
  ip -n "$name-$1" link add "$2" index "$3" type veth peer name "$6" index "$7" netns "$name-$5"
  ip -n "$name-$1" addr add "$4" dev "$2"; ip -n "$name-$5" addr add "$8" dev "$6"
  # Packets as they are on a line, not many of a connection as one.
  ip -n "$name-$1" link set "$2" gso_max_segs 1 up; ip -n "$name-$5" link set "$6" gso_max_segs 1 up
}

# link6 A DEV ADDRESS B DEV ADDRESS, beside the link that there is
link6() {
  ip -n "$name-$1" addr add "$3" dev "$2" nodad; ip -n "$name-$4" addr add "$6" dev "$5" nodad
}

route() { local node=$1; shift; ip -n "$name-$node" route add "$@"; }

up() {
  local node
  for node in "${nodes[@]}"; do
    ip netns add "$name-$node"
    ip -n "$name-$node" link set lo up
    # The default of every new interface too: forged sources are to pass, and the routers forward.
    in_node "$node" sh -c 'for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 >$f; done
      echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
  done
  link north net0 5 203.0.113.1/25 edge1 north 11 203.0.113.126/25
  link south net0 5 203.0.113.129/25 edge2 south 21 203.0.113.254/25
  link edge1 core 12 192.0.2.17/30 core edge1 31 192.0.2.18/30
  link edge2 core 22 192.0.2.21/30 core edge2 32 192.0.2.22/30
  link core access1 33 192.0.2.25/30 access1 core 41 192.0.2.26/30
  link core access2 34 192.0.2.29/30 access2 core 51 192.0.2.30/30
  link core collector 35 192.0.2.97/29 collector net0 5 192.0.2.100/29
  link access1 shop 42 198.51.100.62/26 shop net0 5 198.51.100.10/26
  link access2 homes 52 198.51.100.190/26 homes net0 5 198.51.100.130/26
  local host
  for host in 11 12 13; do ip -n "$name-shop" addr add "198.51.100.$host/26" dev net0; done
  for host in 131 132 133; do ip -n "$name-homes" addr add "198.51.100.$host/26" dev net0; done
  for host in 2 3 4; do ip -n "$name-north" addr add "203.0.113.$host/25" dev net0; done
  for host in 130 131; do ip -n "$name-south" addr add "203.0.113.$host/25" dev net0; done
  link6 south net0 2001:db8:1::1/64 edge2 south 2001:db8:1::2/64
  link6 edge2 core 2001:db8:2::1/64 core edge2 2001:db8:2::2/64
  link6 core access1 2001:db8:3::1/64 access1 core 2001:db8:3::2/64
  link6 access1 shop 2001:db8:100::1/64 shop net0 2001:db8:100::10/64
  route south 2001:db8:100::/64 via 2001:db8:1::2
  route edge2 2001:db8:100::/64 via 2001:db8:2::2
  route core 2001:db8:100::/64 via 2001:db8:3::2
  route shop default via 2001:db8:100::1
  route access1 default via 2001:db8:3::1
  ip -n "$name-core" -6 route add blackhole default
  local number=0
  for node in edge1 edge2 core access1 access2; do
    number=$((number + 1))
    ip -n "$name-$node" addr add "192.0.2.$number/32" dev lo
  done
  route south default via 203.0.113.254
  route shop default via 198.51.100.62
  route homes default via 198.51.100.190
  route collector default via 192.0.2.97
  # Where a forged source would be, nothing answers: what is sent back to it ends at the neighbour.
  route north blackhole 0.0.0.0/1; route north blackhole 128.0.0.0/1
  route north 198.51.100.0/24 via 203.0.113.126; route north 203.0.113.128/25 via 203.0.113.126
  route north 192.0.2.0/24 via 203.0.113.126
  route edge1 default via 203.0.113.1
  route edge1 198.51.100.0/24 via 192.0.2.18; route edge1 192.0.2.0/24 via 192.0.2.18
  route edge1 203.0.113.128/25 via 192.0.2.18
  route edge2 default via 192.0.2.22
  route core default via 192.0.2.17
  route core 203.0.113.128/25 via 192.0.2.21
  route core 198.51.100.0/26 via 192.0.2.26; route core 198.51.100.128/26 via 192.0.2.30
  route core 192.0.2.1/32 via 192.0.2.17; route core 192.0.2.2/32 via 192.0.2.21
  route core 192.0.2.4/32 via 192.0.2.26; route core 192.0.2.5/32 via 192.0.2.30
  route access1 default via 192.0.2.25
  route access2 default via 192.0.2.29
}

# export_from NODE ADDRESS VERSION DEV=INDEX...
export_from() {
  local node=$1 address=$2 version=$3 pair map="$folder/$1.map" conf="$folder/$1.conf"; shift 3
  : >"$map"
  for pair; do printf 'ifindex=%s ifname=%s direction=in\n' "${pair#*=}" "${pair%=*}" >>"$map"; done
  {
    printf 'daemonize: false\nlogfile: %s\n' "$folder/$node.log"
    printf 'pcap_interfaces_map: %s\npcap_ifindex: map\npromisc: false\n' "$map"
    printf 'aggregate: src_host, dst_host, src_port, dst_port, proto, tos, tcpflags, in_iface\n'
    printf 'plugin_pipe_size: 16384000\nplugin_buffer_size: 2048\nsnaplen: 128\n'
    # What its own exports and everything else of the management network would tell is of no interest.
    printf 'pcap_filter: not net 192.0.2.0/24\n'
    [ "$sampling" = 1 ] || printf 'sampling_rate: %s\n' "$sampling"
    if [ "$version" = sflow ]; then
      printf 'plugins: sfprobe\nsfprobe_receiver: 192.0.2.100:2055\nsfprobe_source_ip: %s\nsfprobe_agentip: %s\n' \
        "$address" "$address"
    else
      printf 'plugins: nfprobe\nnfprobe_receiver: 192.0.2.100:2055\nnfprobe_version: %s\nnfprobe_source_ip: %s\n' \
        "$version" "$address"
      printf 'nfprobe_engine: %s\nnfprobe_maxflows: 262144\n' "${address##*.}"
      printf 'nfprobe_timeouts: tcp=1:tcp.rst=1:tcp.fin=1:udp=1:icmp=1:general=1:maxlife=2:expint=1\n'
    fi
  } >"$conf"
  in_node "$node" setsid pmacctd -f "$conf" >"$folder/$node.out" 2>&1 </dev/null &
}

exporters() {
  export_from edge1 192.0.2.1 9 north=11 core=12
  export_from edge2 192.0.2.2 9 south=21 core=22
  export_from core 192.0.2.3 10 edge1=31 edge2=32 access1=33 access2=34
  export_from access1 192.0.2.4 10 core=41 shop=42
  export_from access2 192.0.2.5 sflow core=51 homes=52
}

down() {
  local node pid
  for node in "${nodes[@]}"; do
    [ -e "/run/netns/$name-$node" ] || continue
    for pid in $(ip netns pids "$name-$node"); do kill -9 "$pid" 2>/dev/null || true; done
    ip netns del "$name-$node" || true
  done
}

case $what in
  up) folder=$3 sampling=${4:-1}; up; exporters ;;
  down) down ;;
  *) echo "isp.sh up|down NAME …" >&2; exit 2 ;;
esac
