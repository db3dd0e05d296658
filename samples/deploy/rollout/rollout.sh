#!/usr/bin/env bash
# A new artifact for a model that serves, without a failed request:
#
#   rollout.sh forward REPOSITORY MODEL ARTIFACT SERVER...    to ARTIFACT, as the next version
#   rollout.sh back REPOSITORY MODEL SERVER...                to the version before
#
# forward checks the artifact with all its hashes. Then each SERVER (host:port of its REST interface) loads it beside the
# version that serves, as the model next-MODEL, which must have the same inputs and outputs, and must answer REQUEST (a file
# with a JSON body for /infer), if that is set. Only then it becomes the next version, and the servers switch one after the
# other: a server loads the new version while the old one answers, and ends the old one after its last request. If a server
# does not get there, all go back.
# The servers run with --model-control-mode=explicit, and with --strict-readiness=false: else one that loads a model, or has
# refused one, tells its load balancer that it is not ready. The model's version_policy is the default one, "latest".
# ERC: the command (erc).
set -euo pipefail
erc=${ERC:-erc}

usage() {
	sed -n '2,16s/^# \{0,1\}//p' "$0" >&2
	exit 2
}

fail() {
	echo "error: $*" >&2
	return 1
}

latest() { # latest REPOSITORY MODEL: the highest version; nothing if there is none
	find "$1/$2" -mindepth 1 -maxdepth 1 -type d -regex '.*/[0-9]+' -printf '%f\n' | sort -n | tail -n 1
}

# switch SERVER MODEL VERSION: the server loads what the repository has, and then has that version
switch() {
	local answer
	answer=$(curl -sS -X POST "http://$1/v2/repository/models/$2/load") || fail "$1 does not answer" || return 1
	[ -z "$answer" ] || fail "$1: $answer" || return 1
	curl -sf "http://$1/v2/models/$2/versions/$3/ready" || fail "$1: version $3 of $2 is not ready" || return 1
	echo "$1 has version $3 of $2"
}

tensors() { # tensors SERVER MODEL: its inputs and outputs
	curl -sSf "http://$1/v2/models/$2" | sed 's/.*"inputs"/"inputs"/'
}

# beside SERVER MODEL: the server can run next-MODEL, and it fits those who use MODEL
beside() {
	local answer
	answer=$(curl -sS -X POST "http://$1/v2/repository/models/next-$2/load") || fail "$1 does not answer" || return 1
	[ -z "$answer" ] || fail "$1: $answer" || return 1
	[ "$(tensors "$1" "$2")" = "$(tensors "$1" "next-$2")" ] ||
		fail "$1: the artifact has $(tensors "$1" "next-$2"); $2 has $(tensors "$1" "$2")" || return 1
	[ -z "${REQUEST:-}" ] || curl -sSf -o /dev/null -X POST -d "@$REQUEST" "http://$1/v2/models/next-$2/infer" ||
		fail "$1: the request of $REQUEST failed"
}

back() { # back REPOSITORY MODEL SERVER...
	local repository=$1 model=$2 version code=0
	shift 2
	version=$(latest "$repository" "$model")
	mv "$repository/$model/$version" "$repository/$model/withdrawn-$version"
	local before
	before=$(latest "$repository" "$model")
	if [ -z "$before" ]; then
		mv "$repository/$model/withdrawn-$version" "$repository/$model/$version"
		fail "version $version of $model is the only one"
		return 1
	fi
	for server in "$@"; do switch "$server" "$model" "$before" || code=1; done
	rm -r "$repository/$model/withdrawn-$version"
	return $code
}

forward() { # forward REPOSITORY MODEL ARTIFACT SERVER...
	local repository=$1 model=$2 artifact=$3 version code=0
	shift 3
	[ -d "$repository/$model" ] || fail "there is no folder $repository/$model" || return 1
	"$erc" verify --quiet "$artifact" || return 1
	mkdir -p "$repository/next-$model/1"
	[ ! -f "$repository/$model/config.pbtxt" ] ||
		sed '/^name:/d' "$repository/$model/config.pbtxt" >"$repository/next-$model/config.pbtxt"
	cp "$artifact" "$repository/next-$model/1/model.erca"
	for server in "$@"; do
		[ $code != 0 ] || beside "$server" "$model" || code=1
		curl -s -X POST "http://$server/v2/repository/models/next-$model/unload" || true
	done
	if [ $code != 0 ]; then
		rm -r "$repository/next-$model"
		return 1
	fi
	version=$(($(latest "$repository" "$model") + 1))
	mv "$repository/next-$model/1" "$repository/$model/$version"
	rm -r "$repository/next-$model"
	for server in "$@"; do
		if ! switch "$server" "$model" "$version"; then
			echo "going back" >&2
			back "$repository" "$model" "$@"
			return 1
		fi
	done
}

action=${1:-}
[ $# -ge 4 ] || usage
shift
case $action in
forward) [ $# -ge 4 ] || usage && forward "$@" ;;
back) back "$@" ;;
*) usage ;;
esac
