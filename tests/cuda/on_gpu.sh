#!/usr/bin/env bash
# All that needs a GPU, in one run: the tests, the sanitizer, the benchmark. Figures and logs go to a folder.
#
#   tests/cuda/on_gpu.sh [FOLDER]
#
# In an environment with lossgen[cuda,test], a PyTorch for CUDA and, for the sanitizer and Liger's column,
#   pip install 'cuda-toolkit[sanitizer]==13.0.*' liger-kernel
set -uo pipefail
cd "$(dirname "$0")/../.."
out=${1:-on_gpu}
mkdir -p "$out"
failed=0

python -c 'import torch; assert torch.cuda.is_available(), "torch sees no CUDA device"' || exit 1
nvidia-smi --query-gpu=name,driver_version --format=csv > "$out/device.csv"

step() {
    local name=$1
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$out/$name.log" | tail -n 3
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || { echo "$name: exit status $status, see $out/$name.log"; failed=1; }
}

step tests python -m pytest -q -n 0 tests/cuda/test_cuda_gpu.py tests/cuda/test_cuda_gpu_arrays.py tests/cuda/test_cuda_gpu_layouts.py

sanitizer=$(command -v compute-sanitizer || find "$(python -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')/nvidia" \
    -type f -name compute-sanitizer 2> /dev/null | head -n 1)
if [ -n "$sanitizer" ]; then
    # A few sizes of each kernel are enough to see every access; the interpreter's own allocations are not of interest.
    for tool in memcheck racecheck; do
        step "$tool" "$sanitizer" --tool "$tool" --error-exitcode 1 --target-processes all \
            python -m pytest -q -n 0 tests/cuda/test_cuda_gpu.py tests/cuda/test_cuda_gpu_arrays.py tests/cuda/test_cuda_gpu_layouts.py -k '(results and (1003 or 5) and mean) or lie'
    done
else
    echo "compute-sanitizer is not installed: pip install 'cuda-toolkit[sanitizer]==13.0.*'"
    failed=1
fi

step benchmark lossgen bench --device cuda --json "$out/benchmark.json" --markdown
exit "$failed"
