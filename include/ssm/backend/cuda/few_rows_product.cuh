// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/few_rows_ends.cuh>
#include <ssm/backend/cuda/few_rows_shape.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/backend/cuda/tensor_core.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/execution.hpp>

namespace ssm::cuda_kernels {

/// \file
/// Products of up to 64 rows with a weight matrix, bf16 or f16, on the tensor cores, bound by reading the weights once.
///
/// A block of 8 warps computes 16 outputs a group for all rows. Depth is shared by the `splits` warps of a group, so that few
/// outputs fill the device too, and by `parts` blocks: those of a cluster add their sums through each other's shared
/// memory, so that rows of x are read by fewer blocks; others leave a sum each to whoever comes next. Weights and rows of x
/// come in stages of 128 elements of depth a warp, several stages ahead, to a ring in shared memory, which is filled with
/// weights before the kernel waits for the one before it. The tensor cores do not care in which order depth is counted as
/// long as both operands agree, so a lane takes its operands as they lie in memory: 8 neighbouring elements, for two
/// instructions.
///
/// Two warps a scheduler have no time to lose: addresses are counted up, and only a stage that depth ends in asks where.

/// Brings a block's weights and rows of x to its ring, a stage a call.
template <class T>
class few_rows_stages {
public:
    __device__ few_rows_stages(matrix_view<const T> w, matrix_view<const T> x, const few_rows_shape& shape,
                               index first_output, int first_stage, int held_rows, uint4* ring)
        : depth_(static_cast<int>(x.columns())),
          step_(shape.depth()),
          rows_(static_cast<int>(x.rows())),
          ring_(ring),
          stage_packs_(shape.stage_packs(held_rows)),
          ring_packs_(shape.stages * stage_packs_) {
        const int thread = static_cast<int>(threadIdx.x), lane = thread % warp_size, warp = thread / warp_size;
        const int begin = first_stage * step_;
        weight_k_ = begin + warp % shape.splits * few_rows::stage_depth + lane % 16 * 8;
        const int odd = lane / 16;
        weight_to_ = warp * few_rows::stage_packs * warp_size + odd * 16 + (lane % 16 ^ odd * 4);
        const index first = first_output + warp / shape.splits * few_rows::group_outputs + odd;
        weights_ = w.data() + first * w.stride() + weight_k_;
        row_pair_ = 2 * w.stride();
        // Outputs past the end repeat the last one, whose sums nobody asks for.
        const index left = w.rows() - 1 - first;
        last_ = left < 0 ? -1 : left < 15 ? static_cast<int>(left) : 15;
        if (left < 0) weights_ += left * w.stride();
        const int row_packs = step_ / 8;
        x_row_ = thread / row_packs;
        x_rows_ = few_rows::threads / row_packs;
        x_k_ = begin + thread % row_packs * 8;
        x_to_ = shape.weight_packs() + x_row_ * (shape.x_stride() / 8) + thread % row_packs;
        x_to_step_ = x_rows_ * (shape.x_stride() / 8);
        x_ = x.data() + x_row_ * x.stride() + x_k_;
        x_step_ = x_rows_ * x.stride();
    }

    /// Half a warp brings a stage of a row, so that memory is read in pieces of 256 bytes. Odd rows lie in shared memory with
    /// halves of each line exchanged, so that neighbouring rows of a tile are in other banks.
    __device__ void request_weights() {
        uint4* const to = ring_ + weight_slot_ + weight_to_;
        const bool exists = weight_k_ < depth_;
        const T* from = exists ? weights_ : weights_ - weight_k_;
#pragma unroll
        for (int i = 0; i < few_rows::stage_packs; ++i) {
            copy_async(to + i * warp_size, from, exists);
            if (2 * i + 2 <= last_) from += row_pair_;
        }
        weight_k_ += step_;
        weights_ += step_;
        weight_slot_ = after(weight_slot_);
    }

    __device__ void request_x() {
        uint4* to = ring_ + x_slot_ + x_to_;
        const T* from = x_;
        const bool exists = x_k_ < depth_;
#pragma unroll 4
        for (int row = x_row_; row < rows_; row += x_rows_) {
            copy_async(to, exists ? from : from - x_k_, exists);
            to += x_to_step_;
            from += x_step_;
        }
        x_k_ += step_;
        x_ += step_;
        x_slot_ = after(x_slot_);
    }

    /// Where in the ring the stage after the one at `slot` lies.
    [[nodiscard]] __device__ int after(int slot) const {
        return slot + stage_packs_ == ring_packs_ ? 0 : slot + stage_packs_;
    }

private:
    int depth_, step_, rows_;
    uint4* ring_;
    int stage_packs_, ring_packs_;
    int weight_slot_ = 0, x_slot_ = 0;
    int weight_k_, weight_to_, last_;
    const T* weights_;
    index row_pair_;
    int x_row_, x_rows_, x_k_, x_to_, x_to_step_;
    const T* x_;
    index x_step_;
};

/// `Tiles` of 8 rows.
template <int Tiles, class T, class Epilogue>
__global__ void __launch_bounds__(few_rows::threads, 2)  // registers are left for the kernels before and after
    few_rows_kernel(matrix_view<const T> w, matrix_view<const T> x, Epilogue epilogue, few_rows_shape shape,
                    bool packed) {
    using namespace few_rows;
    constexpr int held_rows = Tiles * 8;
    extern __shared__ uint4 ring[];
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = thread % warp_size, warp = thread / warp_size;
    const int group = warp / shape.splits, split = warp % shape.splits;
    const int part = static_cast<int>(blockIdx.y);
    const int all_stages = (static_cast<int>(x.columns()) + shape.depth() - 1) / shape.depth();
    const int first_stage = all_stages * part / shape.parts;
    const int stages = all_stages * (part + 1) / shape.parts - first_stage;
    const index first_output = static_cast<index>(blockIdx.x) * shape.outputs();
    const few_rows_own own(shape, part, packed ? 4 : 1, w.rows() - first_output, x.rows());

    few_rows_stages<T> coming(w, x, shape, first_output, first_stage, held_rows, ring);
    const int ahead = shape.stages - 1;
    for (int stage = 0; stage < ahead && stage < stages; ++stage) coming.request_weights();
    // Who gets several sums may rely on all before this kernel to have ended.
    const bool leaves_sums = shape.parts > 1 && !shape.joined;
    if (!leaves_sums) release_successor();
    read_early(epilogue);
    wait_for_predecessor();
    if (leaves_sums) release_successor();
    for (int stage = 0; stage < ahead; ++stage) {
        if (stage < stages) coming.request_x();
        close_copies();
    }

    const int x_stride = shape.x_stride() / 8;
    const int odd = lane / 4 % 2;
    const uint4* const own_weights = ring + warp * stage_packs * warp_size + lane / 4 * 16 + lane % 4;
    const uint4* const own_rows =
        ring + shape.weight_packs() + split * (stage_depth / 8) + lane % 4 + lane / 4 * x_stride;
    float sum[Tiles][4] = {};
    for (int stage = 0, slot = 0; stage < stages; ++stage, slot = coming.after(slot)) {
        await_copies(ahead - 1);
        __syncthreads();
        if (stage + ahead < stages) {
            coming.request_weights();
            coming.request_x();
        }
        close_copies();
        // Once all weights are on their way, what the epilogue reads from far away follows them as far as the second-level
        // cache. Into registers it would keep this loop waiting. The braces matter: nvcc 13.0 left out the statement after
        // an `if constexpr` that had none.
        if constexpr (Epilogue::far_values > 0) {
            if (stage == (stages > ahead ? stages - ahead : 0))
                prefetch_far(epilogue, own, first_output, packed ? 4 : 1);
        }
        __syncwarp();  // the loops above have lanes of their own, the tensor cores a whole warp
        const uint4* const weights = own_weights + slot;
        const uint4* const rows = own_rows + slot;
#pragma unroll
        for (int i = 0; i < stage_packs; i += 2) {
            const int at = (i / 2 ^ odd) * 4;  // as request_weights put it
            const uint4 top = weights[at], bottom = weights[at + 8 * 16];
#pragma unroll
            for (int tile = 0; tile < Tiles; ++tile)
                multiply_packs<T>(sum[tile], top, bottom, rows[tile * 8 * x_stride + i * 2]);
        }
    }

    // The sums of a group's warps, and of a cluster's blocks, meet in shared memory, beside what each thread's outputs need
    // from far away.
    __syncthreads();
    float* const sums = reinterpret_cast<float*>(ring);
    const few_rows_sums all{sums, shape.sum_stride(), held_rows * shape.sum_stride(), shape.splits,
                            shape.joined ? shape.parts : 0};
    float* const far = sums + shape.splits * all.split_stride;
    if constexpr (Epilogue::far_values > 0) {
        if (packed)
            request_far<4>(epilogue, own, first_output, far);
        else
            request_far<1>(epilogue, own, first_output, far);
        close_copies();
    }
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const int row = tile * 8 + lane % 4 * 2 + i % 2;
            sums[split * all.split_stride + row * all.stride + group * group_outputs + i / 2 * 8 + lane / 4] =
                sum[tile][i];
        }
    await_copies<0>();
    if (shape.joined)
        cluster_barrier();
    else
        __syncthreads();
    const index sums_before = shape.joined ? 0 : part * x.rows();
    if (packed)
        end_outputs<4>(epilogue, own, first_output, sums_before, all, far);
    else
        end_outputs<1>(epilogue, own, first_output, sums_before, all, far);
    if (shape.joined) gather_cluster();  // the others may still read
}

/// Rows that `few_rows_product` takes: neither two stages of more would fit beside each other, nor the sums of a block's 128
/// outputs and three values from far away for each.
inline index most_few_rows(const context& on) { return on.shared_bytes >= 132 * 1024 ? 64 : 32; }

/// Whether rows lie as the kernel reads them; how many there are has no part in it.
template <class T>
bool lies_in_packs(matrix_view<const T> x) {
    return x.columns() % 8 == 0 && holds_packs(x.data(), x.stride());
}

/// The same cut with as many stages as fit for these rows, which changes no sum. Room is left for a small block of the
/// kernel before.
inline few_rows_shape with_stages(const context& on, few_rows_shape shape, int rows) {
    const auto fits = [&] { return shape.bytes(rows) + 16 * 1024 <= on.shared_bytes; };
    shape.stages = 2;
    while (shape.stages < few_rows::most_stages && fits()) ++shape.stages;
    if (shape.stages > 2 && !fits()) --shape.stages;
    return shape;
}

/// How to cut a product of `rows` rows so that most multiprocessors have a block: depth is shared by the blocks of a
/// cluster, where all clusters fit beside each other, or else by warps. `parts` > 1 blocks share it in any case.
template <class Kernel>
few_rows_shape few_rows_cut(const context& on, Kernel* kernel, index outputs, index depth, int rows, int parts,
                            int far_values) {
    const auto cut = [&](int blocks_a_sum, bool joined) {
        few_rows_shape shape{1, blocks_a_sum, joined, 2};
        while (shape.splits < few_rows::warps &&
               blocks_for(outputs, shape.outputs()) * shape.parts * 4 < index{on.multiprocessors} * 3)
            shape.splits *= 2;
        while (shape.splits > 1 && shape.bytes(rows) > on.shared_bytes) shape.splits /= 2;
        return with_stages(on, shape, rows);
    };
    const few_rows_shape alone = cut(parts, false);
    if (parts > 1 || alone.splits == 1) return alone;
    for (const int blocks : {few_rows::most_parts, 2}) {
        const few_rows_shape joined = cut(blocks, true);
        const launch_shape launched{.grid = few_rows_grid(joined, outputs),
                                    .threads = few_rows::threads,
                                    .shared_bytes = joined.used_bytes(rows, depth, far_values),
                                    .cluster = static_cast<unsigned>(blocks)};
        if (depth >= 2 * blocks * joined.depth() && launched.grid.x <= most_clusters(on, "few_rows", kernel, launched))
            return joined;
    }
    return alone;
}

/// x w^T, each element to the epilogue; with `parts` > 1 that gets sums over parts of the depth, as rows
/// `part * x.rows() + row`. An `invariant` one is cut as suits the most rows, whatever their number, and so has the same bits
/// for any.
template <class Execution = quickest, class T, class Epilogue>
void few_rows_product(const context& on, const char* name, matrix_view<const T> w, matrix_view<const T> x,
                      const Epilogue& epilogue, int parts = 1) {
    const auto run = [&]<int Tiles>(std::integral_constant<int, Tiles>) {
        const auto kernel = few_rows_kernel<Tiles, T, Epilogue>;
        const few_rows_shape shape = [&] {
            if constexpr (std::is_same_v<Execution, invariant>) {
                const auto most = static_cast<int>(most_few_rows(on));
                const auto longest = few_rows_kernel<8, T, Epilogue>;
                return with_stages(
                    on, few_rows_cut(on, longest, w.rows(), x.columns(), most, parts, Epilogue::far_values), Tiles * 8);
            } else {
                return few_rows_cut(on, kernel, w.rows(), x.columns(), Tiles * 8, parts, Epilogue::far_values);
            }
        }();
        launch(on, name, kernel,
               {.grid = few_rows_grid(shape, w.rows()),
                .threads = few_rows::threads,
                .shared_bytes = shape.used_bytes(Tiles * 8, x.columns(), Epilogue::far_values),
                .overlaps = true,
                .leaves_shared = true,
                .cluster = shape.joined ? static_cast<unsigned>(shape.parts) : 1U},
               w, x, epilogue, shape, w.rows() % 4 == 0 && epilogue.ends_packs());
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
