"""The real driver, against a list of what it asks of CUDA: arguments as they are packed, contexts, files of machine code."""

import ctypes
import struct
from importlib import import_module
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba_cuda", reason="numba-cuda is not installed: pip install 'lossgen[cuda]'")
pytest.importorskip("cuda.core", reason="cuda-core is not installed: pip install 'lossgen[cuda]'")
nvidia, binaries, compiling = (import_module(f"lossgen.runtime.cuda.{n}") for n in ("nvidia", "binaries", "compile"))
packing, driver, reports, support, launching = (
    import_module(f"lossgen.runtime.cuda.{n}") for n in ("packing", "driver", "reports", "support", "launching")
)
LossError = import_module("lossgen.runtime").LossError
MSE = import_module("lossgen.generated.cuda.mse_loss_float32")

#: Arguments of every kernel that is the same for all losses, with all arrays given.
F, D, W, B, N, R = "*float32", "*float64", "*int64", "*uint8", "int64", "float64"
SUPPORT = {
    "settle": (N, F, W, R, D, R, F, D, F, B),
    "fold": (N, N, D, F),
    "sums": (N, N, N, "*float32/2/3", D),
    "copy": (N, "*float16/6", "*float32/1"),
    "fill": (N, R, "*bfloat16"),
    "rescale": (N, F, "*float16"),
    "ratio": (R, F, D, F),
    "multiples": (N, N, W),
    "weigh": (N, B, D, F, F, F),
    "count": (N, N, B, D, W),
    "tally": (N, N, W, F),
    "runs": (N, N, B, W),
    "dot": (N, F, D, D, W),
    "shift": (N, R, F, D, D, F, F, "*bfloat16"),
    "bend": (N, R, F, D, D, D, D, F, F, F, "*float16"),
    "turn": (D, D, D, D, F),
}


class Cuda:
    """What `cuda.bindings.driver` has for the driver; says what it was asked."""

    CUdevice_attribute = SimpleNamespace(
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR=9,
        CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR=0,
        CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT=132,
    )
    CUevent_flags = SimpleNamespace(CU_EVENT_DISABLE_TIMING=2)
    CUpointer_attribute = SimpleNamespace(CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL=9)
    CU_MEMHOSTALLOC_PORTABLE, CU_MEMHOSTALLOC_DEVICEMAP = 1, 2

    def __init__(self, current=0, error=0):
        self.asked, self.contexts, self.error = [], [current], error
        self.room = (ctypes.c_uint8 * (reports.ROWS * reports.ROW))()
        self.sent, self.copied = [], []

    def __getattr__(self, name):
        return lambda *given: self.answer(name, *given)

    def answer(self, name, *given):
        self.asked.append(name)
        if self.error:
            return (Failed(),)
        match name:
            case "cuDevicePrimaryCtxRetain":
                return 0, 100 + given[0]
            case "cuDeviceGet" | "cuDeviceGetAttribute":
                return 0, given[0]
            case "cuCtxGetCurrent":
                return 0, self.contexts[-1]
            case "cuCtxPushCurrent":
                self.contexts.append(given[0])
            case "cuCtxPopCurrent":
                return 0, self.contexts.pop()
            case "cuMemHostAlloc":
                return 0, ctypes.addressof(self.room)
            case "cuEventCreate" | "cuMemAllocAsync" | "cuPointerGetAttribute":
                return 0, 3 + given[0]
            case "cuModuleLoadData":
                return 0, ("module", given[0])
            case "cuModuleGetFunction":
                return 0, (given[0], given[1])
            case "cuMemcpyHtoDAsync" | "cuMemcpyDtoHAsync":
                assert self.contexts[-1] == 100
                self.copied.append(given)
            case "cuLaunchKernel":
                assert self.contexts[-1] == 100
                self.sent.append(given)
                addresses = (ctypes.c_void_p * 3).from_address(given[9])
                self.numbers = [ctypes.string_at(address, 8) for address in addresses]
        return (0,)


class Failed(int):
    """An error code of CUDA."""

    name = "CUDA_ERROR_INVALID_VALUE"

    def __new__(cls):
        return super().__new__(cls, 1)


def made(program, capability):
    return compiling.Binary(b"machine code of " + program.kernel.encode(), f"entry_{program.kernel}")


def program(types=("int64", "float64", "*float32"), kernel="fill", module=support, schedule="block"):
    return driver.Program(module, kernel, schedule, 16, types)


@pytest.fixture(autouse=True)
def no_device_is_asked(monkeypatch):
    found = SimpleNamespace(compute_capability=(8, 0))
    monkeypatch.setattr("numba.cuda.dispatcher.get_current_device", lambda: found)


@pytest.mark.parametrize("kernel", SUPPORT)
def test_a_kernel_for_all_losses_compiles_and_its_parameters_are_what_is_packed(kernel):
    types = SUPPORT[kernel]
    module = launching.COMMON[kernel]
    full = program(types, kernel, module)
    annotations = getattr(module, kernel).__annotations__
    absent = [k for k, (n, kind) in enumerate(annotations.items()) if "None" in str(kind)]
    fewer = program(tuple("none" if k in absent else t for k, t in enumerate(types)), kernel, module)
    wholes = program(
        tuple("*int64" if t == "*bfloat16" else t for t in types), kernel, module
    )  # what lengths are filled by
    for each in {full, fewer, wholes}:
        binary = compiling.assemble(each, (9, 0))
        entry = binary.text.split(f".visible .entry {binary.entry}(")[1].split(")")[0]
        sizes = [line.split()[1] for line in entry.strip().splitlines()]
        assert sizes == [
            {"int64": ".u64", "float64": ".f64", "float32": ".f32"}[t] for t in packing.Packing(each.types).passed
        ]
    assert set(SUPPORT) == set(launching.COMMON)


def test_numbers_are_packed_in_their_order_and_addresses_say_where():
    found = packing.Packing(("int64", "float32", "none", "float64", "*bfloat16"))
    block = found.take([-5, 1.5, 0, 2.5, 1 << 40])
    addresses = (ctypes.c_void_p * 5).from_address(block[2])
    kinds = ("q", "f", "q", "d", "q")
    numbers = [
        struct.unpack(k, ctypes.string_at(a, struct.calcsize(k)))[0] for k, a in zip(kinds, addresses, strict=True)
    ]
    assert numbers == [-5, 1.5, 0, 2.5, 1 << 40]
    other = found.take([1, 1.0, 0, 1.0, 1])
    assert other[2] != block[2]
    found.give_back(block)
    assert found.take([1, 1.0, 0, 1.0, 1])[2] == block[2]


def test_a_kernel_is_loaded_once_and_launched_in_the_devices_context():
    cuda = Cuda(current=55)
    device = nvidia.NvidiaDriver(0, cuda, made)
    assert (device.capability, device.multiprocessors) == ((9, 0), 132)
    for _ in range(2):
        device.launch(device.load(program()), 3, 77, [4, 0.5, 4096])
    assert cuda.asked.count("cuModuleLoadData") == 1 and cuda.contexts == [55]
    handle, *grid = cuda.sent[0][:9]
    assert handle == (("module", b"machine code of fill"), b"entry_fill") and grid == [3, 1, 1, 256, 1, 1, 0, 77]
    assert cuda.numbers == [struct.pack("q", 4), struct.pack("d", 0.5), struct.pack("q", 4096)]
    cuda.asked.clear()
    cuda.contexts.append(100)
    device.launch(device.load(program()), 3, 77, [4, 0.5, 4096], 640)
    assert cuda.asked == ["cuCtxGetCurrent", "cuLaunchKernel"] and cuda.sent[-1][7] == 640


def test_what_is_reported_is_memory_of_the_host():
    cuda = Cuda()
    device = nvidia.NvidiaDriver(0, cuda, made)
    cuda.room[5 * reports.ROW + 3] = 1
    assert device.reports.memory[5, 3] == 1 and device.reports.memory.sum() == 1


def test_streams_and_memory_are_those_of_the_device():
    cuda = Cuda(current=55)
    device = nvidia.NvidiaDriver(0, cuda, made)
    cuda.asked.clear()
    device.order(7, 8)
    assert device.allocate(0, 8) == 4 and device.allocate(100, 8) == 103
    device.free(103, 8)
    device.synchronize()
    asked = [name for name in cuda.asked if not name.startswith("cuCtxP")]
    assert asked[:4] == ["cuEventCreate", "cuEventRecord", "cuStreamWaitEvent", "cuEventDestroy"]
    assert asked[4:] == ["cuMemAllocAsync"] * 2 + ["cuMemFreeAsync", "cuCtxSynchronize"]
    assert cuda.contexts == [55] and cuda.asked.count("cuCtxPushCurrent") == 5
    assert nvidia.number_of(4096, cuda) == 12


def test_small_arrays_are_copied_to_the_device_and_back():
    cuda, numbers = Cuda(current=55), np.arange(4)
    device = nvidia.NvidiaDriver(0, cuda, made)
    cuda.asked.clear()
    cuda.copied.clear()
    device.upload(4096, numbers, 8)
    device.download(8192, numbers, 8)
    assert [name for name in cuda.asked if not name.startswith("cuCtxP")] == [
        *("cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync", "cuStreamSynchronize")
    ]
    assert cuda.copied == [(4096, numbers.ctypes.data, 32, 8), (numbers.ctypes.data, 8192, 32, 8)]
    assert cuda.contexts == [55]


def test_an_error_of_cuda_names_the_function():
    with pytest.raises(LossError, match=r"^CUDA: cuInit failed with CUDA_ERROR_INVALID_VALUE$"):
        nvidia.NvidiaDriver(0, Cuda(error=1), made)


def test_machine_code_is_kept_on_disk(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    count = []

    def counted(*given):
        count.append(given)
        return made(*given)

    first = binaries.binary_for(program(), (9, 0), counted)
    assert binaries.binary_for(program(), (9, 0), counted) == first and len(count) == 1
    (file,) = tmp_path.iterdir()
    file.write_bytes(b"")  # as a full disk leaves it
    assert binaries.binary_for(program(), (9, 0), counted) == first and len(count) == 2
    others = [
        (program(("int64", "float64", "*float64")), (9, 0)),
        (program(schedule="warp"), (9, 0)),
        (program(), (8, 0)),
        (program(kernel="fold"), (9, 0)),
        (program(module=MSE, kernel="evaluate"), (9, 0)),
    ]
    names = {binaries.digest(*other) for other in [*others, (program(), (9, 0))]}
    assert len(names) == 6
    assert [f.name.startswith("support.fill-") for f in tmp_path.iterdir()] == [True]


def test_a_folder_that_cannot_be_written_costs_compiling_alone(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert binaries.binary_for(program(), (9, 0), made) == made(program(), (9, 0))


def test_machine_code_is_made_by_the_toolkits_linker():
    binary = compiling.translate(program(("int64", "float64", "*float32")), (9, 0))
    assert binary.code[:4] == b"\x7fELF" and binary.entry.encode() in binary.code
