// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// Products of 2 to 64 rows with a weight matrix, bf16 or f16, on the tensor cores, bound by reading the weights once.
///
/// A block of 8 warps computes 16 outputs a group for all rows. The `splits` warps of a group share the depth, and with
/// `parts` > 1 so do as many blocks, each with a sum of its own, so that few outputs fill the device too. Weights and rows of x come in stages of 128 elements of
/// depth a warp, several stages ahead, to a ring in shared memory, which is filled with weights before the kernel waits
/// for the one before it. The tensor cores do not care in which order depth is counted as long as both operands agree, so
/// a lane takes its operands as they lie in memory: 8 neighbouring elements, for two instructions.

namespace few_rows {
inline constexpr int threads = 256;
inline constexpr int warps = threads / warp_size;
inline constexpr int group_outputs = 16;
inline constexpr int stage_depth = 128;                   // of a warp
inline constexpr int stage_packs = stage_depth / 32 * 2;  // of weights of a lane
inline constexpr int most_stages = 5;
}  // namespace few_rows

/// d += a b for a (16, 16), b (16, 8) and d (16, 8), spread over a warp as mma.m16n8k16 has them.
template <class T>
__device__ void multiply_tile(float (&d)[4], unsigned a0, unsigned a1, unsigned a2, unsigned a3, unsigned b0,
                              unsigned b1) {
    if constexpr (std::is_same_v<T, bf16>)
        asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
    else
        asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
            "{%0, %1, %2, %3};"
            : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
            : "r"(a0), "r"(a1), "r"(a2), "r"(a3), "r"(b0), "r"(b1));
}

/// The two tiles of a depth of 32: 8 elements of row `lane / 4` and of row `lane / 4 + 8` of the weights, and of row
/// `lane / 4` of x, all from depth 8 (lane % 4) on.
template <class T>
__device__ void multiply_packs(float (&d)[4], const uint4& top, const uint4& bottom, const uint4& x) {
    multiply_tile<T>(d, top.x, bottom.x, top.y, bottom.y, x.x, x.y);
    multiply_tile<T>(d, top.z, bottom.z, top.w, bottom.w, x.z, x.w);
}

/// How a product is cut.
struct few_rows_shape {
    int splits;  // warps that share the depth of a group
    int parts;   // blocks that do
    int stages;  // in the ring

    [[nodiscard]] SSM_HD int groups() const { return few_rows::warps / splits; }
    [[nodiscard]] SSM_HD int outputs() const { return groups() * few_rows::group_outputs; }  // of a block
    [[nodiscard]] SSM_HD int depth() const { return splits * few_rows::stage_depth; }        // of a stage
    /// Elements from a row of x to the next in shared memory: half a line more than the row, so that rows of a tile lie in
    /// other banks.
    [[nodiscard]] SSM_HD int x_stride() const { return depth() + 32; }
    /// Packs of 8 elements.
    [[nodiscard]] SSM_HD int weight_packs() const { return few_rows::threads * few_rows::stage_packs; }
    [[nodiscard]] SSM_HD int stage_packs(int rows) const { return weight_packs() + rows * x_stride() / 8; }
};

/// `Tiles` of 8 rows.
template <int Tiles, class T, class Epilogue>
__global__ void __launch_bounds__(few_rows::threads, 1)
    few_rows_kernel(matrix_view<const T> w, matrix_view<const T> x, Epilogue epilogue, few_rows_shape shape) {
    using namespace few_rows;
    constexpr int held_rows = Tiles * 8;
    extern __shared__ uint4 ring[];
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = thread % warp_size, warp = thread / warp_size;
    const int group = warp / shape.splits, split = warp % shape.splits;
    const int depth = static_cast<int>(x.columns());
    const int all_stages = (depth + shape.depth() - 1) / shape.depth();
    const int first_stage = all_stages * static_cast<int>(blockIdx.y) / shape.parts;
    const int stages = all_stages * (static_cast<int>(blockIdx.y) + 1) / shape.parts - first_stage;
    const index first_output = static_cast<index>(blockIdx.x) * shape.outputs();

    const auto slot = [&](int stage) { return ring + stage % shape.stages * shape.stage_packs(held_rows); };
    const auto request_weights = [&](int stage) {
        uint4* const to = slot(stage) + warp * stage_packs * warp_size + lane;
#pragma unroll
        for (int i = 0; i < stage_packs; ++i) {
            const index output = first_output + group * group_outputs + i % 2 * 8 + lane / 4;
            const int k = (first_stage + stage) * shape.depth() + split * stage_depth + i / 2 * 32 + lane % 4 * 8;
            const bool exists = output < w.rows() && k < depth;
            copy_async(to + i * warp_size, exists ? w.data() + output * w.stride() + k : w.data(), exists);
        }
    };
    const auto request_x = [&](int stage) {
        uint4* const to = slot(stage) + shape.weight_packs();
        const int row_packs = shape.depth() / 8;
        for (int i = thread; i < held_rows * row_packs; i += threads) {
            const int row = i / row_packs, at = i % row_packs;
            const int k = (first_stage + stage) * shape.depth() + at * 8;
            const bool exists = row < x.rows() && k < depth;
            copy_async(to + row * (shape.x_stride() / 8) + at, exists ? x.data() + row * x.stride() + k : x.data(),
                       exists);
        }
    };
    const int ahead = shape.stages - 1;
    for (int stage = 0; stage < ahead && stage < stages; ++stage) request_weights(stage);
    release_successor();
    wait_for_predecessor();
    for (int stage = 0; stage < ahead; ++stage) {
        if (stage < stages) request_x(stage);
        close_copies();
    }

    float sum[Tiles][4] = {};
    for (int stage = 0; stage < stages; ++stage) {
        await_copies(ahead - 1);
        __syncthreads();
        if (stage + ahead < stages) {
            request_weights(stage + ahead);
            request_x(stage + ahead);
        }
        close_copies();
        const uint4* const weights = slot(stage) + warp * stage_packs * warp_size + lane;
        const uint4* const rows = slot(stage) + shape.weight_packs() + split * (stage_depth / 8) + lane % 4;
#pragma unroll
        for (int i = 0; i < stage_packs; i += 2) {
            const uint4 top = weights[i * warp_size], bottom = weights[(i + 1) * warp_size];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile)
                multiply_packs<T>(sum[tile], top, bottom, rows[(tile * 8 + lane / 4) * (shape.x_stride() / 8) + i * 2]);
        }
    }

    // The sums of a group's warps meet in shared memory, and neighbouring threads end neighbouring outputs.
    __syncthreads();
    const int stride = shape.outputs() + 4;  // of a row
    float* const sums = reinterpret_cast<float*>(ring);
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int row = tile * 8 + lane % 4 * 2 + i % 2;
            sums[(split * held_rows + row) * stride + group * group_outputs + i / 2 * 8 + lane / 4] = sum[tile][i];
        }
    __syncthreads();
    constexpr int at_once = 4;
    const int count = static_cast<int>(x.rows()) * shape.outputs();
    for (int first = thread; first < count; first += at_once * threads) {
        typename Epilogue::prepared prepared[at_once];
        const auto each = [&](const auto& work) {
#pragma unroll
            for (int i = 0; i < at_once; ++i) {
                const int at = first + i * threads;
                const int row = at / shape.outputs(), own = at % shape.outputs();
                if (at < count && first_output + own < w.rows()) work(i, row, own);
            }
        };
        each([&](int i, int row, int own) { prepared[i] = epilogue.prepare(row, first_output + own); });
        each([&](int i, int row, int own) {
            float total = 0;
            for (int s = 0; s < shape.splits; ++s) total += sums[(s * held_rows + row) * stride + own];
            epilogue.finish(prepared[i], blockIdx.y * x.rows() + row, first_output + own, total);
        });
    }
}

/// Rows that `few_rows_product` takes: two stages of more would not fit beside each other.
inline index most_few_rows(const context& on) { return on.shared_bytes >= 128 * 1024 ? 64 : 32; }

/// Whether it takes rows that lie like these.
template <class T>
bool takes_few_rows(const context& on, matrix_view<const T> x) {
    return x.rows() <= most_few_rows(on) && x.columns() % 8 == 0 && holds_packs(x.data(), x.stride());
}

/// x w^T, each element to the epilogue; with `parts` > 1 that gets sums over parts of the depth, as rows
/// `part * x.rows() + row`.
template <class T, class Epilogue>
void few_rows_product(const context& on, const char* name, matrix_view<const T> w, matrix_view<const T> x,
                      const Epilogue& epilogue, int parts = 1) {
    const auto run = [&]<int Tiles>(std::integral_constant<int, Tiles>) {
        // Warps share the depth until few multiprocessors are left without a block.
        few_rows_shape shape{1, parts, 2};
        while (shape.splits < few_rows::warps &&
               blocks_for(w.rows(), shape.outputs()) * parts * 4 < index{on.multiprocessors} * 3)
            shape.splits *= 2;
        const auto bytes = [&](int stages) { return index{16} * stages * shape.stage_packs(Tiles * 8); };
        while (shape.splits > 1 && bytes(shape.stages) > on.shared_bytes) shape.splits /= 2;
        while (shape.stages < few_rows::most_stages && bytes(shape.stages + 1) + 16 * 1024 <= on.shared_bytes)
            ++shape.stages;
        const index used = blocks_for(blocks_for(x.columns(), shape.depth()), parts);
        launch(on, name, few_rows_kernel<Tiles, T, Epilogue>,
               {.grid = dim3(grid_for(w.rows(), shape.outputs()), static_cast<unsigned>(parts)),
                .threads = few_rows::threads,
                .shared_bytes =
                    static_cast<std::size_t>(bytes(used < shape.stages ? static_cast<int>(used) : shape.stages)),
                .overlaps = true},
               w, x, epilogue, shape);
    };
    if (x.rows() <= 8)
        run(std::integral_constant<int, 1>{});
    else if (x.rows() <= 16)
        run(std::integral_constant<int, 2>{});
    else if (x.rows() <= 32)
        run(std::integral_constant<int, 4>{});
    else
        run(std::integral_constant<int, 8>{});
}

}  // namespace ssm::cuda_kernels
