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

/// The sum over a block of whole warps, in every thread. `scratch` is shared memory for a float per warp, free again
/// after the next barrier.
__device__ inline float block_sum(float value, float* scratch) {
    value = warp_sum(value);
    if (threadIdx.x % warp_size == 0) scratch[threadIdx.x / warp_size] = value;
    __syncthreads();
    float sum = 0;
    for (unsigned warp = 0; warp < blockDim.x / warp_size; ++warp) sum += scratch[warp];
    return sum;
}

}  // namespace ssm::cuda_kernels
