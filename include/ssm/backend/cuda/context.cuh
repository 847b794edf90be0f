// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/memory.cuh>
#include <ssm/backend/cuda/status.cuh>
#include <ssm/core/config.hpp>
#include <ssm/core/dtype.hpp>

#include <cuda_runtime.h>

#include <string>

namespace ssm::cuda_kernels {

/// What every operation needs to know of the device it runs on.
struct context {
    int device = 0;
    int multiprocessors = 0;
    index shared_bytes = 0;         // that a block may ask for
    bool overlaps_kernels = false;  // from compute capability 9.0 on, where the kernels were also compiled for it
    cudaStream_t stream = nullptr;
    std::pmr::memory_resource* memory = nullptr;

    /// Throws device_error when another device than this one is current on the calling thread.
    void require_current() const {
        int current = -1;
        check(cudaGetDevice(&current), "cudaGetDevice");
        if (current != device)
            throw device_error({"cuda", "current device", std::to_string(current), std::to_string(device),
                                "call cudaSetDevice on each thread that uses this device object"});
    }
};

/// The extent of a launch. `overlaps` lets the kernel begin while the one before it drains: it must call
/// `wait_for_predecessor` before it touches what that one writes. `leaves_shared` lets one that needs much shared memory begin
/// beside it: a multiprocessor changes its division into cache and shared memory only when it is idle, and kernels of a
/// step that leave the choice to the driver may get one each.
struct launch_shape {
    dim3 grid;
    unsigned threads;
    std::size_t shared_bytes = 0;
    bool overlaps = false;
    bool leaves_shared = false;
    unsigned cluster =
        1;  // neighbours along y that reach each other's shared memory; more than 1 from compute capability 9.0
};

/// A launch as the runtime wants it; the attributes must live as long.
struct launch_config {
    cudaLaunchAttribute attributes[2] = {};
    cudaLaunchConfig_t config = {};

    launch_config(const context& on, const launch_shape& shape) {
        unsigned count = 0;
        if (shape.overlaps && on.overlaps_kernels) {
            attributes[count].id = cudaLaunchAttributeProgrammaticStreamSerialization;
            attributes[count++].val.programmaticStreamSerializationAllowed = 1;
        }
        if (shape.cluster > 1) {
            attributes[count].id = cudaLaunchAttributeClusterDimension;
            attributes[count].val.clusterDim.x = 1;
            attributes[count].val.clusterDim.y = shape.cluster;
            attributes[count++].val.clusterDim.z = 1;
        }
        config.gridDim = shape.grid;
        config.blockDim = dim3(shape.threads);
        config.dynamicSmemBytes = shape.shared_bytes;
        config.stream = on.stream;
        config.attrs = attributes;
        config.numAttrs = count;
    }
    launch_config(const launch_config&) = delete;
    launch_config& operator=(const launch_config&) = delete;
};

/// Allows a kernel the shared memory that its launch asks for.
template <class Kernel>
void allow_shared(const char* name, Kernel* kernel, const launch_shape& shape) {
    constexpr std::size_t without_asking = 48 * 1024;
    if (shape.shared_bytes > without_asking)
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(shape.shared_bytes)),
              name);
}

/// Enqueues a kernel; errors carry `name`. A grid of no blocks is no work.
template <class... Parameters, class... Arguments>
void launch(const context& on, const char* name, void (*kernel)(Parameters...), const launch_shape& shape,
            Arguments&&... arguments) {
    if (shape.grid.x == 0 || shape.grid.y == 0 || shape.grid.z == 0) return;
    on.require_current();
    allow_shared(name, kernel, shape);
    // A multiprocessor changes its division into cache and shared memory only when it is idle.
    if (shape.overlaps && on.overlaps_kernels && shape.leaves_shared)
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout,
                                   cudaSharedmemCarveoutMaxShared),
              name);
    const launch_config config(on, shape);
    check(cudaLaunchKernelEx(&config.config, kernel, static_cast<Parameters>(arguments)...), name);
}

/// Clusters of `shape` that fit on the device at once; none where there are no clusters.
template <class Kernel>
unsigned most_clusters(const context& on, const char* name, Kernel* kernel, const launch_shape& shape) {
    if (!on.overlaps_kernels) return 0;
    allow_shared(name, kernel, shape);
    const launch_config config(on, shape);
    int count = 0;
    check(cudaOccupancyMaxActiveClusters(&count, kernel, &config.config), name);
    return static_cast<unsigned>(count);
}

/// Returns once the kernel before this one has ended and what it wrote can be read.
__device__ inline void wait_for_predecessor() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}
/// Allows the kernel after this one to begin as soon as there is room for it.
__device__ inline void release_successor() {
#if __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;");
#endif
}

/// Reads a kernel's parameters before it waits. They are new to a multiprocessor at every launch, and what first reads one
/// waits for memory, a microsecond beside weights on their way.
template <class... Parameters>
__device__ void read_early(const Parameters&... parameters) {
    const auto read = [](const auto& parameter) {
        constexpr int words = (sizeof parameter + 3) / 4;
        unsigned all[words] = {};
        memcpy(all, &parameter, sizeof parameter);
#pragma unroll
        for (int i = 0; i < words; ++i) asm volatile("" ::"r"(all[i]));
    };
    (read(parameters), ...);
}

/// Waits for every thread of the cluster; what they wrote to shared memory can then be read by all.
__device__ inline void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
    // Not .aligned: threads of a warp come here from loops of different lengths.
    asm volatile("barrier.cluster.arrive.release;\n\tbarrier.cluster.wait.acquire;" ::: "memory");
#endif
}
/// Waits for every thread of the cluster, whose writes nobody reads after it.
__device__ inline void gather_cluster() {
#if __CUDA_ARCH__ >= 900
    asm volatile("barrier.cluster.arrive.relaxed;\n\tbarrier.cluster.wait;" ::: "memory");
#endif
}
/// What the cluster's block of that rank has where this one has `*at`, in shared memory.
__device__ inline float load_of_block(const float* at, int rank) {
    float value = 0;
#if __CUDA_ARCH__ >= 900
    asm volatile(
        "{\n\t.reg .u32 address;\n\tmapa.shared::cluster.u32 address, %1, %2;\n\t"
        "ld.shared::cluster.f32 %0, [address];\n\t}"
        : "=f"(value)
        : "r"(static_cast<unsigned>(__cvta_generic_to_shared(at))), "r"(rank)
        : "memory");
#endif
    return value;
}

/// How many times `step` fits into `count`, rounded up.
SSM_HD constexpr index blocks_for(index count, index step) { return (count + step - 1) / step; }

/// The same as an extent of a grid.
inline unsigned grid_for(index count, index step) { return static_cast<unsigned>(blocks_for(count, step)); }

}  // namespace ssm::cuda_kernels
