#!/usr/bin/env bash
# Records what the routers of the small provider export while a flood comes in, and who really sent how much.
#
# Usage: record.sh FOLDER        (root; needs iproute2, pmacct, hping3, tcpdump, curl, python3)
#
# 15 s of ordinary traffic; then SYN with forged sources on one address of the shop, 20 s, and on its neighbour, 10 s,
# the larger part by edge2 and a smaller one by edge1; then 10 s without it. Routers look at one packet in 200.
set -euo pipefail
export PATH="$PATH:/usr/sbin:/sbin"
here=$(dirname "$(readlink -f "$0")") folder=$1 name=tadoru-record-$$
isp=$here/../../crates/tadoru/tests/it/lab/isp.sh
mkdir -p "$folder/run"
trap 'bash "$isp" down "$name"' EXIT
on() { local node=$1; shift; ip netns exec "$name-$node" "$@"; }
received() { on "$1" cat "/sys/class/net/$2/statistics/rx_packets"; }
now() { date +%s.%N | cut -c1-14; }

bash "$isp" up "$name" "$folder/run" 200
sleep 2
on collector tcpdump -q -i net0 -B 65536 -U -w "$folder/flood.pcap" udp dst port 2055 2>"$folder/run/tcpdump" &
head -c 40000000 /dev/urandom >"$folder/run/large"; head -c 30000 /dev/urandom >"$folder/run/page"
on shop python3 -m http.server 80 --directory "$folder/run" >/dev/null 2>&1 &
on north python3 -m http.server 80 --directory "$folder/run" >/dev/null 2>&1 &
sleep 1
honest() {
  while :; do
    for from in 203.0.113.2 203.0.113.3; do
      on north curl -s --max-time 5 --interface "$from" -o /dev/null "http://198.51.100.$((RANDOM % 3 + 10))/page" || true
    done
    sleep 0.1
  done
}
honest & pages=$!
on homes curl -s --max-time 70 --limit-rate 3M -o /dev/null http://203.0.113.1/large &
on homes curl -s --max-time 70 --interface 198.51.100.132 --limit-rate 2M -o /dev/null http://203.0.113.1/large &
flood() { # SECONDS TARGET
  local s0 n0 s1 n1 t0 t1
  s0=$(received edge2 south) n0=$(received edge1 north) t0=$(now)
  on south timeout "$1" hping3 -q -S -p 80 --rand-source -i u1 "$2" >/dev/null 2>&1 &
  local a=$!; on south timeout "$1" hping3 -q -S -p 80 --rand-source -i u1 "$2" >/dev/null 2>&1 &
  local b=$!; on north timeout "$1" hping3 -q -S -p 80 --rand-source -i u250 "$2" >/dev/null 2>&1 &
  wait $a $b $! || true
  t1=$(now) s1=$(received edge2 south) n1=$(received edge1 north)
  echo "{\"kind\": \"syn_flood\", \"target\": \"$2\", \"from\": $t0, \"until\": $t1, \"edge2_south_packets\": $((s1 - s0)), \"edge1_north_packets\": $((n1 - n0))}" >>"$folder/truth.jsonl"
}
: >"$folder/truth.jsonl"
sleep 15
flood 20 198.51.100.10
flood 10 198.51.100.11
sleep 10
kill $pages; sleep 3
for pid in $(ip netns pids "$name-collector"); do kill -INT "$pid"; done
sleep 1
gzip -9 -n -k -f "$folder/flood.pcap"
cat "$folder/truth.jsonl"; ls -l "$folder"
