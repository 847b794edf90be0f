// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// Products of a few rows with a weight matrix, bound by reading the weights once.
///
/// A warp computes two outputs at a time for all rows, and the weights of its next step are on their way while it
/// multiplies those of the last: 64 KB in flight on a multiprocessor. The first of them do not wait for the kernel before
/// this one, since weights are const, which hides its end, this one's launch and the staging of x in shared memory.
/// A source stages x, an epilogue takes each output.

inline constexpr int matvec_threads = 256;
inline constexpr int matvec_outputs = 2;  // a warp
inline constexpr int matvec_depth = 4;    // packs of each output that a lane has on their way
inline constexpr int most_matvec_rows = 4;

/// Where groups of four elements of a staged row lie: a lane reads a pack's worth of them, one plane after the other, so
/// that neighbouring lanes read neighbouring 16 bytes.
template <class W>
struct staged_layout {
    static constexpr int planes = lane_width<W> / 4;
    int chunks;  // packs of W a row

    __device__ int at(int group) const { return group % planes * chunks + group / planes; }
    __device__ int size() const { return planes * chunks; }
};

/// Rows of x as they are.
template <class X>
struct plain_source {
    matrix_view<const X> x;
    bool packs;

    template <class W>
    __device__ void stage(int row, float4* to, staged_layout<W> layout, float*) const {
        const X* const from = x.data() + row * x.stride();
        const int columns = static_cast<int>(x.columns());
        for (int group = threadIdx.x; group < layout.size(); group += matvec_threads) {
            pack<X, 4> values;
            if (packs && group * 4 + 4 <= columns)
                values = *reinterpret_cast<const pack<X, 4>*>(from + group * 4);
            else
                for (int i = 0; i < 4; ++i) values.values[i] = group * 4 + i < columns ? from[group * 4 + i] : X(0.0F);
            to[layout.at(group)] = make_float4(widen(values.values[0]), widen(values.values[1]),
                                               widen(values.values[2]), widen(values.values[3]));
        }
    }
};

/// Rows of the residual stream, divided by their root mean square.
struct normed_source {
    plain_source<float> residual;
    vector_view<const float> gain;
    float eps;

    template <class W>
    __device__ void stage(int row, float4* to, staged_layout<W> layout, float* sums) const {
        residual.stage(row, to, layout, sums);
        float squares = 0;
        for (int group = threadIdx.x; group < layout.size(); group += matvec_threads) {
            const float4 v = to[layout.at(group)];
            squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
        }
        const int columns = static_cast<int>(residual.x.columns());
        const float scale = 1.0F / sqrtf(block_sum(squares, sums) / static_cast<float>(columns) + eps);
        for (int group = threadIdx.x; group < layout.size(); group += matvec_threads) {
            float* const values = reinterpret_cast<float*>(&to[layout.at(group)]);
            for (int i = 0; i < 4; ++i)
                if (group * 4 + i < columns) values[i] *= scale * gain[group * 4 + i];
        }
        __syncthreads();  // `sums` serves the next row
    }
};

/// y = sum + bias.
template <class Y>
struct store_epilogue {
    matrix_view<Y> y;
    vector_view<const float> bias;

    __device__ void operator()(index row, index output, float sum) const {
        y(row, output) = narrow<Y>(bias.empty() ? sum : sum + bias[output]);
    }
};

/// y += sum + bias.
struct add_epilogue {
    matrix_view<float> y;
    vector_view<const float> bias;

    __device__ void operator()(index row, index output, float sum) const {
        y(row, output) += bias.empty() ? sum : sum + bias[output];
    }
};

template <class W, int Rows, class Source, class Epilogue>
__global__ void __launch_bounds__(matvec_threads, 2)
    matvec_kernel(matrix_view<const W> w, Source source, Epilogue epilogue, int rows) {
    constexpr int width = lane_width<W>;
    extern __shared__ float4 staged[];
    __shared__ float sums[32];
    const int lane = threadIdx.x % warp_size;
    const staged_layout<W> layout{static_cast<int>(w.stride()) / width};
    const int steps = (layout.chunks + warp_size * matvec_depth - 1) / (warp_size * matvec_depth);
    const int pairs = static_cast<int>((w.rows() + matvec_outputs - 1) / matvec_outputs);
    const int stride = static_cast<int>(gridDim.x) * (matvec_threads / warp_size);

    using step_weights = pack<W>[matvec_outputs][matvec_depth];
    const auto load = [&](step_weights& into, int pair, int step) {
#pragma unroll
        for (int o = 0; o < matvec_outputs; ++o) {
            index output = static_cast<index>(pair) * matvec_outputs + o;
            if (output >= w.rows()) output = w.rows() - 1;
            const W* const row = w.data() + output * w.stride();
#pragma unroll
            for (int u = 0; u < matvec_depth; ++u) {
                const int chunk = (step * matvec_depth + u) * warp_size + lane;
                into[o][u] = pack<W>{};
                if (chunk < layout.chunks) into[o][u] = load_once(row + static_cast<index>(chunk) * width);
            }
        }
    };

    int pair = static_cast<int>(threadIdx.x) / warp_size * static_cast<int>(gridDim.x) + static_cast<int>(blockIdx.x);
    int step = 0;
    step_weights now, next;
    if (pair < pairs) load(now, pair, 0);
    release_successor();
    wait_for_predecessor();
#pragma unroll
    for (int row = 0; row < Rows; ++row)
        if (row < rows) source.stage(row, staged + row * layout.size(), layout, sums);
    __syncthreads();

    float sum[matvec_outputs][Rows] = {};
    while (pair < pairs) {
        const bool last = step + 1 == steps;
        const int next_pair = last ? pair + stride : pair;
        const int next_step = last ? 0 : step + 1;
        if (next_pair < pairs) load(next, next_pair, next_step);
#pragma unroll
        for (int u = 0; u < matvec_depth; ++u) {
            const int chunk = (step * matvec_depth + u) * warp_size + lane;
            if (chunk < layout.chunks) {
#pragma unroll
                for (int row = 0; row < Rows; ++row)
#pragma unroll
                    for (int plane = 0; plane < layout.planes; ++plane) {
                        const float4 x = staged[row * layout.size() + plane * layout.chunks + chunk];
#pragma unroll
                        for (int o = 0; o < matvec_outputs; ++o) {
                            const W* const values = now[o][u].values + plane * 4;
                            sum[o][row] = __fmaf_rn(widen(values[0]), x.x, sum[o][row]);
                            sum[o][row] = __fmaf_rn(widen(values[1]), x.y, sum[o][row]);
                            sum[o][row] = __fmaf_rn(widen(values[2]), x.z, sum[o][row]);
                            sum[o][row] = __fmaf_rn(widen(values[3]), x.w, sum[o][row]);
                        }
                    }
            }
        }
        if (last) {
#pragma unroll
            for (int o = 0; o < matvec_outputs; ++o)
#pragma unroll
                for (int row = 0; row < Rows; ++row) {
                    const float total = warp_sum(sum[o][row]);
                    const index output = static_cast<index>(pair) * matvec_outputs + o;
                    if (lane == o * Rows + row && row < rows && output < w.rows()) epilogue(row, output, total);
                    sum[o][row] = 0;
                }
        }
#pragma unroll
        for (int o = 0; o < matvec_outputs; ++o)
#pragma unroll
            for (int u = 0; u < matvec_depth; ++u) now[o][u] = next[o][u];
        pair = next_pair;
        step = next_step;
    }
}

/// `rows` <= most_matvec_rows rows of the source times w^T.
template <class W, class Source, class Epilogue>
void matvec(const context& on, const char* name, matrix_view<const W> w, const Source& source, const Epilogue& epilogue,
            index rows) {
    const auto run = [&]<int Rows>(std::integral_constant<int, Rows>) {
        const auto kernel = matvec_kernel<W, Rows, Source, Epilogue>;
        const auto shared = static_cast<std::size_t>(w.stride() * Rows) * sizeof(float);
        const index pairs = blocks_for(w.rows(), matvec_outputs * matvec_threads / warp_size);
        const index resident = shared > 100 * 1024 ? on.multiprocessors : 2 * on.multiprocessors;
        const auto blocks = static_cast<unsigned>(pairs < resident ? pairs : resident);
        launch(on, name, kernel,
               {.grid = dim3(blocks), .threads = matvec_threads, .shared_bytes = shared, .overlaps = true}, w, source,
               epilogue, static_cast<int>(rows));
    };
    if (rows == 1)
        run(std::integral_constant<int, 1>{});
    else if (rows == 2)
        run(std::integral_constant<int, 2>{});
    else
        run(std::integral_constant<int, most_matvec_rows>{});
}

/// One output a block, whose threads share its depth: for matrices of so few outputs that warps of their own would leave
/// the device idle. x comes straight from memory.
template <class W, class X, class Epilogue>
__global__ void __launch_bounds__(matvec_threads)
    matvec_across_depth_kernel(matrix_view<const W> w, matrix_view<const X> x, bool packs, Epilogue epilogue) {
    constexpr int width = lane_width<W>;
    constexpr int ahead = 4;
    __shared__ float sums[32];
    const index output = blockIdx.x;
    const index row = blockIdx.y;
    const W* const weights = w.data() + output * w.stride();
    const int chunks = static_cast<int>(w.stride()) / width;
    pack<W> first[ahead];
#pragma unroll
    for (int u = 0; u < ahead; ++u) {
        const int chunk = u * matvec_threads + static_cast<int>(threadIdx.x);
        if (chunk < chunks) first[u] = load_once(weights + static_cast<index>(chunk) * width);
    }
    release_successor();
    wait_for_predecessor();
    const X* const from = x.data() + row * x.stride();
    float sum = 0;
    const auto add = [&](const pack<W>& values, int chunk) {
        const index k = static_cast<index>(chunk) * width;
        if (packs && k + width <= x.columns()) {
            const auto inputs = *reinterpret_cast<const pack<X, width>*>(from + k);
#pragma unroll
            for (int i = 0; i < width; ++i) sum = __fmaf_rn(widen(values.values[i]), widen(inputs.values[i]), sum);
        } else {
            for (int i = 0; i < width && k + i < x.columns(); ++i)
                sum = __fmaf_rn(widen(values.values[i]), widen(from[k + i]), sum);
        }
    };
#pragma unroll
    for (int u = 0; u < ahead; ++u) {
        const int chunk = u * matvec_threads + static_cast<int>(threadIdx.x);
        if (chunk < chunks) add(first[u], chunk);
    }
    for (int chunk = ahead * matvec_threads + static_cast<int>(threadIdx.x); chunk < chunks; chunk += matvec_threads)
        add(load_once(weights + static_cast<index>(chunk) * width), chunk);
    const float total = block_sum(sum, sums);
    if (threadIdx.x == 0) epilogue(row, output, total);
}

template <class W, class X, class Epilogue>
void matvec_across_depth(const context& on, const char* name, matrix_view<const W> w, matrix_view<const X> x,
                         const Epilogue& epilogue) {
    // A pack of X as wide as one of W may be 32 bytes.
    const bool packs = reinterpret_cast<std::uintptr_t>(x.data()) % 32 == 0 && x.stride() % 16 == 0;
    launch(on, name, matvec_across_depth_kernel<W, X, Epilogue>,
           {.grid = dim3(static_cast<unsigned>(w.rows()), static_cast<unsigned>(x.rows())),
            .threads = matvec_threads,
            .overlaps = true},
           w, x, packs, epilogue);
}

/// Whether a matrix has too few outputs for a warp each to fill the device.
inline bool is_short(const context& on, index outputs) {
    return outputs < index{4} * on.multiprocessors * (matvec_threads / warp_size) / 2;
}

}  // namespace ssm::cuda_kernels
