#!/usr/bin/env bash
# CPU and CUDA targets in one artifact, with NVRTC and without a GPU: what it holds, that the CPU runs it, and that
# two folders, different -j, and a cold and a warm cache give the same bytes.
. "$LIBRARY"
mkdir one two
cp "$MODELS/relu_add.onnx" "$MODELS/nonzero.onnx" one
cp one/*.onnx two
targets=cpu:x86-64-v3,h100,cuda:sm_75,cuda:compute_80
(cd one && erc compile relu_add.onnx -o probe.erca --quiet --no-cache --target cuda:sm_90 2>../probe.log)
[ $? = 6 ] && ! grep -qE 'failed on kernel|does not report the resources' probe.log && skip "compile_cuda: NVRTC is not here, or not of CUDA 12 or 13"
rm -f probe.log
(cd one && run erc compile nonzero.onnx -o n.erca --quiet --no-cache -j 1 --target h100,cuda:compute_80)
(cd two && run erc compile "$PWD/nonzero.onnx" -o ../two/n.erca --quiet --no-cache -j 3 --target h100,cuda:compute_80) | sed 's|/.*/two|TWO|'
run cmp one/n.erca two/n.erca
(cd two && XDG_CACHE_HOME=$PWD/cache run erc compile nonzero.onnx -o warm.erca --quiet --target h100,cuda:compute_80)
(cd two && XDG_CACHE_HOME=$PWD/cache run erc compile nonzero.onnx -o warm.erca --quiet --target h100,cuda:compute_80)
run cmp one/n.erca two/warm.erca
run erc compile one/relu_add.onnx -o one/x.erca --quiet --target $targets
# Sizes and registers depend on the toolchain, and hashes on every template.
mask '/identity/d; /size/d; s/[0-9.]+ KiB$/SIZE/; s/_[0-9a-f]{12} */_HASH /' erc inspect one/x.erca
mask 's/ kernel +share/ kernel  share/; s/_[0-9a-f]{4,12}(\.\.\.)? +/_HASH /; s/(4 B +[0-9]+) +[0-9]+ +[0-9]+ /\1 REGS BLOCKS /' erc inspect --variants one/x.erca
# The driver's assembler must find nothing to contract: it may merge an addition without .rn into another instruction.
grep -aoE '(add|mul|fma)(\.rn)?\.f32' one/x.erca | sort -u
run erc run one/x.erca --input x=random:1 --target cpu:x86-64-v3 --quiet
mask 's/up to cpu:.*/up to CPU/' erc run one/x.erca --input x=random:1 --target cuda:sm_90 --quiet
