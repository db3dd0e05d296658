#!/usr/bin/env bash
# Every budget, with one worker and with two: the same bytes in every output, for several models.
. "$LIBRARY"
quietly make_model mobilenetv2 mobilenetv2.onnx --size 96 --classes 10
quietly make_model squeezenet squeezenet.onnx --size 96 --classes 10
quietly make_model resnet50 resnet50.onnx --size 64 --classes 10
quietly make_model whisper_encoder whisper.onnx --size 200
cp "$SAMPLES/digits/digits.onnx" .
for model in digits mobilenetv2 squeezenet resnet50 whisper; do
	dims=
	[ $model = digits ] && dims='--dim batch=256'
	# shellcheck disable=SC2086
	quietly erc compile $model.onnx -o $model.erca $dims --target cpu:x86-64-v3 --quiet \
		--budget full,half,quarter,name=one,units=1,local=16KiB
	shapes=$(erc inspect $model.erca --variants --format csv | tail -n +2 | cut -d, -f3,6 | sort -u | wc -l)
	launches=$(erc inspect $model.erca --variants --format csv | tail -n +2 | cut -d, -f3 | sort -u | wc -l)
	[ "$shapes" -gt "$launches" ] || echo "$model: no launch has two tile shapes, so this compares nothing"
	input=$(erc inspect $model.erca --format csv | grep -m1 ,input, | cut -d, -f4)
	output=$(erc inspect $model.erca --format csv | grep -m1 ,output, | cut -d, -f4)
	for budget in full half quarter one; do
		for workers in 1 2; do
			quietly erc run $model.erca --input "$input=random:7" --output "$output=@$budget$workers.bin" --budget $budget \
				--workers $workers --repeat 2
			cmp full1.bin $budget$workers.bin && echo "$model $budget, $workers workers: the same bytes"
		done
	done
done
