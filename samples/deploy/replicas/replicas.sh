#!/usr/bin/env bash
# Two replicas of Triton's server with the backend "erc" behind HAProxy, scraped by Prometheus, all on this machine:
#
#   replicas.sh start REPOSITORY FOLDER    starts all, waits until it is ready, prints the addresses
#   replicas.sh stop FOLDER                ends all
#   replicas.sh restart NAME REPOSITORY FOLDER    starts the replica a or b again, after it has ended
#
# FOLDER gets the logs, Prometheus' data and the processes' numbers (a.pid, b.pid, haproxy.pid, prometheus.pid).
# TRITONSERVER: the server's program, where it is not on the path. TRITON_LIBRARIES: a folder of libraries that it needs.
# BACKENDS: the folder that `make triton` makes. PORT: the first of 10 ports (8100). BUFFER: bytes of a request that HAProxy
# can repeat (1 MiB). Without Prometheus the rest starts nevertheless.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
backends=${BACKENDS:-$here/../../../build/release/triton}
server=${TRITONSERVER:-tritonserver}
port=${PORT:-8100}
export REST=$port GRPC=$((port + 1)) BALANCER_METRICS=$((port + 2)) BUFFER=${BUFFER:-1048576}
export A_REST=$((port + 3)) A_GRPC=$((port + 4)) B_REST=$((port + 6)) B_GRPC=$((port + 7))
a_metrics=$((port + 5)) b_metrics=$((port + 8)) prometheus=$((port + 9))

usage() {
	sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

# Without strict readiness a replica stays in service while it loads a model, and after it has refused one.
# start_replica NAME REPOSITORY FOLDER REST GRPC METRICS: may be used again after the replica has ended
start_replica() {
	LD_LIBRARY_PATH=${TRITON_LIBRARIES:-}:${LD_LIBRARY_PATH:-} setsid nohup "$server" --model-repository="$2" \
		--backend-directory="$backends" --http-address=127.0.0.1 --http-port="$4" --grpc-address=127.0.0.1 --grpc-port="$5" \
		--metrics-port="$6" --metrics-interval-ms=500 --model-control-mode=explicit --load-model='*' \
		--strict-readiness=false \
		>>"$3/$1.log" 2>&1 &
	echo $! >"$3/$1.pid"
}

wait_for() {
	local tries=300
	until curl -sf -o /dev/null "$1"; do
		((tries--)) || {
			echo "error: $1 does not answer; see the logs" >&2
			exit 1
		}
		sleep 0.1
	done
}

start() {
	local repository=$1 folder=$2
	mkdir -p "$folder"
	folder=$(cd "$folder" && pwd)
	for program in "$server" haproxy curl; do
		command -v "$program" >/dev/null || {
			echo "error: '$program' is not installed" >&2
			exit 6
		}
	done
	start_replica a "$repository" "$folder" "$A_REST" "$A_GRPC" $a_metrics
	start_replica b "$repository" "$folder" "$B_REST" "$B_GRPC" $b_metrics
	wait_for "http://127.0.0.1:$A_REST/v2/health/ready"
	wait_for "http://127.0.0.1:$B_REST/v2/health/ready"
	setsid nohup haproxy -f "$here/haproxy.cfg" >"$folder/haproxy.log" 2>&1 &
	echo $! >"$folder/haproxy.pid"
	wait_for "http://127.0.0.1:$REST/v2/health/ready"
	if command -v prometheus >/dev/null; then
		cp "$here/alerts.yml" "$folder"
		sed -e "s/A_METRICS/$a_metrics/; s/B_METRICS/$b_metrics/; s/BALANCER_METRICS/$BALANCER_METRICS/" \
			"$here/prometheus.yml" >"$folder/prometheus.yml"
		setsid nohup prometheus --config.file="$folder/prometheus.yml" --storage.tsdb.path="$folder/data" \
			--web.listen-address=127.0.0.1:$prometheus >"$folder/prometheus.log" 2>&1 &
		echo $! >"$folder/prometheus.pid"
		wait_for "http://127.0.0.1:$prometheus/-/ready"
	fi
	echo "rest 127.0.0.1:$REST"
	echo "grpc 127.0.0.1:$GRPC"
	[ -f "$folder/prometheus.pid" ] && echo "prometheus 127.0.0.1:$prometheus" || echo "prometheus is not installed"
}

stop() {
	for pid in "$1"/{prometheus,haproxy,a,b}.pid; do
		[ -f "$pid" ] || continue
		kill "$(cat "$pid")" 2>/dev/null || true
		tail --pid="$(cat "$pid")" -f /dev/null
		rm "$pid"
	done
}

case ${1:-} in
start) [ $# = 3 ] || usage && start "$2" "$3" ;;
restart)
	[ $# = 4 ] || usage
	case $2 in
	a) start_replica a "$3" "$4" "$A_REST" "$A_GRPC" $a_metrics && wait_for "http://127.0.0.1:$A_REST/v2/health/ready" ;;
	b) start_replica b "$3" "$4" "$B_REST" "$B_GRPC" $b_metrics && wait_for "http://127.0.0.1:$B_REST/v2/health/ready" ;;
	*) usage ;;
	esac
	;;
stop) [ $# = 2 ] || usage && stop "$2" ;;
*) usage ;;
esac
