#!/usr/bin/env bash
# What `erc bench` refuses: files that are no workload, keys and options that would have no effect, values out of range.
# Each message names the key or the option; nothing is measured first.
. "$LIBRARY"
quietly erc compile "$SAMPLES/digits/digits.onnx" -o d.erca --dim batch=1 --target sim:h100,native --quiet
cat >pair.json <<'JSON'
{
  "schema": "erc.workload/1", "name": "pair", "seconds": 0.005,
  "clients": [
    { "name": "camera", "model": "digits", "class": "rt", "load": "periodic", "rate": 20000 },
    { "name": "batch", "model": "digits", "class": "be", "load": "closed", "in_flight": 3 }
  ]
}
JSON
bench() { run timeout 20 erc bench --quiet --device sim:h100 --rounds 1 --model digits=d.erca "$@" | sed 's/timeout 20 //'; }

# Only a regular file of limited size is read. Nobody writes to the pipe.
mkfifo pipe
truncate -s 17M large.json
mkdir folder
for file in /dev/zero pipe large.json folder; do
	bench --workload $file
	sed "s|\"periodic\", \"rate\": 20000|\"trace\", \"gaps_s\": \"$file\"|" pair.json >gaps.json
	bench --workload gaps.json
done

# changed SED [FILE]: the workload with this change, which the schema refuses, too, where it can say so
changed() {
	sed -E "$1" "${2:-pair.json}" >bad.json
	cmp -s "${2:-pair.json}" bad.json && echo "unchanged: $1"
	echo "# $1"
	bench --workload bad.json | sed '/^\$/d'
	[ -n "${schema:-}" ] && "$VALIDATE" "$SCHEMAS/workload.schema.json" bad.json >/dev/null && echo "valid by the schema"
}
changed '$s/$/ }/'
changed '$s/$/\n\n{}/'
changed '$s/$/ \n\t/; s/0\.005/1e400/'
changed 's/"rate"/"name": "x", &/'
changed 's/"schema"/"seconds": 1, &/'
changed 's/"clients"/"clients": [], &/'
changed 's/20000/1e400/'
changed 's/20000/-1e400/'
changed 's/"closed"/"trace", "gaps_s": [1, 1e400]/; s/, "in_flight": 3//'
schema=1
changed 's/0\.005/3601/'
changed 's/0\.005/1e-7/'
for control in '\\n' '\\t' '\\u001b[2J' '\\u007f'; do
	changed "s/camera/a${control}b/"
	changed "s/\"pair\"/\"a${control}b\"/"
done

# Every key in every class and load: it has an effect, or it is refused.
kept=0 refused=0
for class in rt be; do
	for load in '"closed"' '"periodic", "rate": 20000' '"poisson", "rate": 20000' '"trace", "gaps_s": [0.0001]'; do
		for key in '"level": 0' '"deadline_us": 50' '"valid_factor": 2' '"weight": 1' '"in_flight": 1' '"rate": 5' '"gaps_s": [1]' '"units": 1' \
			'"budget": "full"' '"deadline_us": 50, "valid_factor": 2'; do
			[[ $load == *"${key%%:*}"* ]] && continue
			echo "{ \"clients\": [ { \"name\": \"a\", \"model\": \"digits\", \"class\": \"$class\", \"load\": $load, $key } ] }" >key.json
			timeout 20 erc bench --quiet --device sim:h100 --rounds 1 --slice 0.001 --model digits=d.erca --workload key.json >out 2>err
			code=$?
			"$VALIDATE" "$SCHEMAS/workload.schema.json" key.json >/dev/null
			[ $((code > 0)) = $(($? > 0)) ] || echo "the schema differs: $(cat key.json)"
			if [ $code = 0 ]; then
				kept=$((kept + 1))
			else
				refused=$((refused + 1))
				echo "$class, $load, $key: exit $code: $(sed 's/^error: key.json: //' err)"
			fi
		done
	done
done
echo "$kept kept, $refused refused"

# An option that would have no effect: each of them, with --workload and without it.
erc bench --help >help
options=$(sed -nE 's/^  (-.,|   ) --([a-z-]+).*/\2/p' help)
for form in d.erca '--workload pair.json --model digits=d.erca --device sim:h100'; do
	kept='' refused=0
	for option in $options; do
		[[ " $form" == *" --$option "* || $option = trace ]] && continue
		value=$(sed -nE "s/^  .{3} --$option ([A-Z:=x]+).*/\1/p" help)
		case $option in
		device) value=null ;;
		format) value=json ;;
		workload) value=pair.json ;;
		arrivals) value=open ;;
		policy) value=fifo ;;
		workers | rounds | runs | warmup | seed) value=1 ;;
		seconds | slice | load | rt-slowdown | be-bandwidth) value=0.01 ;;
		esac
		# shellcheck disable=SC2086 # no value for a flag, and words of the form
		timeout 20 erc bench $form --$option $value >out 2>err
		if grep -q 'has no effect' err; then
			refused=$((refused + 1))
			sed "s/^error: /\$ $option $value: /; /^note/s/^/  /" err
		else
			kept+=" $option"
		fi
	done
	echo "$form: $refused refused, others:$kept"
done

# Values: an end of each range that is refused, and the other form of the command.
for option in '--rounds 0' '--rounds 1001' '--slice 0' '--slice 1e-7' '--slice 3601' '--rt-slowdown -0.1' '--rt-slowdown 1.1' '--be-bandwidth -1' \
	'--be-bandwidth 2' '--workers 0' '--workers 133' '--policy elastic,fifo,elastic' '--load 0.3,0.6,0.3' '--load 0' \
	'--model x=d.erca' '--model digits=d.erca' '--model digits' '--model =d.erca' '--model other=' '--dim batch=1' '--shape image:1x1x8x8' '--const image=1'; do
	# shellcheck disable=SC2086
	bench --workload pair.json $option
done
for option in '--seconds 0' '--seconds 3601' '--runs 0' '--workers 0' '--workers 100000'; do
	# shellcheck disable=SC2086
	run erc bench d.erca $option 2>&1 | sed 's/has [0-9]* units/has N units/'
done
for option in '--rt-slowdown 0' '--rt-slowdown 1' '--be-bandwidth 0' '--be-bandwidth 1' '--workers 132'; do
	# shellcheck disable=SC2086
	quietly erc bench --quiet --device sim:h100 --rounds 1 --model digits=d.erca --workload pair.json $option
done
changed 's/"class": "be"/&, "units": 133/'
changed 's/"class": "rt"/&, "units": 132/' | grep -c 'RT was protected'

# More arrivals than memory should hold, before and after the rates are scaled.
changed 's/20000/1e9/'
changed 's/"periodic", "rate": 20000/"trace", "gaps_s": [0, 1e-9]/'
bench --workload pair.json --slice 60
changed 's/20000/0.001/; /batch/s/"closed", "in_flight": 3/"poisson", "rate": 1000/' | head -1
bench --workload bad.json --load 5

# Two models that are compiled: each gets the options that name something of it.
cp "$SAMPLES/digits/digits.onnx" .
cp "$MODELS/relu_add.onnx" other.onnx
sed 's/"digits"/"digits.onnx"/; s/"digits.onnx", "class": "be"/"other.onnx", "class": "be"/' pair.json >onnx.json
onnx() { run erc bench --quiet --device sim:h100 --rounds 1 --workload onnx.json "$@" 2>&1 | sed "s|$PWD/||g" | grep -E '^([$!]|exit|  camera|  batch)'; }
onnx
onnx --shape image:1x1x8x8
onnx --dim batch=1
onnx --shape image:1x1x8x8 --shape nowhere:1
onnx --dim batch=1 --const nowhere=1
onnx --dim batch=1 --dim nothing=1
