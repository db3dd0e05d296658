#!/usr/bin/env bash
# A model of versions that are newer than the newest known ones: taken as those with a warning, recorded, or refused.
. "$LIBRARY"
cp "$MODELS/newer.onnx" .
run erc check newer.onnx
run erc check newer.onnx --strict
run erc inspect newer.onnx
run erc compile newer.onnx -o newer.erca --target sim:h100 --quiet
run erc compile newer.onnx -o strict.erca --target sim:h100 --quiet --strict
erc inspect newer.erca | sed 's/identity .*/identity .../'
erc inspect newer.erca --meta | grep -o '"ir_version.*opset":[0-9]*'
for form in 'inspect newer.onnx' 'inspect newer.erca'; do
	# shellcheck disable=SC2086
	erc $form --format json >out.json
	"$VALIDATE" "$SCHEMAS/inspect.schema.json" out.json && echo "$form: valid"
done
erc inspect newer.erca --meta >meta.json
"$VALIDATE" "$SCHEMAS/meta.schema.json" meta.json && echo "meta: valid"
