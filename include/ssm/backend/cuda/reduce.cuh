// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ssm::cuda_kernels {

inline constexpr int warp_size = 32;

/// The sum over a warp, in every lane; one order, so the same bits every time.
__device__ inline float warp_sum(float value) {
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(0xffffffffU, value, distance);
    return value;
}

/// `Count` sums over a warp, a power of two, with the bits of `warp_sum`: that of `values[i]` is in the 32 / `Count` lanes from
/// i * 32 / `Count` on. The values are used up, for lanes give away half of what they have left to sum at a time. Blocks
/// have one dimension.
template <int Count>
__device__ float warp_sums(float (&values)[Count]) {
    static_assert(Count <= warp_size && (Count & (Count - 1)) == 0);
    int distance = warp_size / 2;
#pragma unroll
    for (int left = Count / 2; left > 0; left /= 2, distance /= 2) {
        const bool upper = threadIdx.x & static_cast<unsigned>(distance);
#pragma unroll
        for (int i = 0; i < left; ++i) {
            const float given = upper ? values[i] : values[i + left];
            values[i] = (upper ? values[i + left] : values[i]) + __shfl_xor_sync(0xffffffffU, given, distance);
        }
    }
    float sum = values[0];
#pragma unroll
    for (; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffffU, sum, distance);
    return sum;
}

/// Leaves the sum of this warp in `scratch`, shared memory for a float per warp.
__device__ inline void leave_warp_sum(float value, float* scratch) {
    value = warp_sum(value);
    if (threadIdx.x % warp_size == 0) scratch[threadIdx.x / warp_size] = value;
}

/// The sum of what so many warps left, after a barrier.
__device__ inline float sum_of_warps(const float* scratch, int warps) {
    float sum = 0;
#pragma unroll
    for (int warp = 0; warp < warps; ++warp) sum += scratch[warp];
    return sum;
}

/// The sum over a block of whole warps, in every thread. `scratch` is free again after the next barrier.
__device__ inline float block_sum(float value, float* scratch) {
    leave_warp_sum(value, scratch);
    __syncthreads();
    return sum_of_warps(scratch, static_cast<int>(blockDim.x) / warp_size);
}

}  // namespace ssm::cuda_kernels
