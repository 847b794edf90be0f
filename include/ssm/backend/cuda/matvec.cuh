// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/epilogue.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/view.hpp>

namespace ssm::cuda_kernels {

/// \file
/// Products of a row with a weight matrix, bound by reading the weights once.
///
/// A warp computes two outputs at a time. Every lane copies the weights it will use to its own slots of a ring in shared
/// memory, many steps ahead, so that no register and no barrier waits for them. The ring is filled before the kernel waits
/// for the one before it, since weights are const: up to 160 KB on each multiprocessor are on their way while other
/// kernels compute little and read less, which hides those, this one's launch, and the staging of x.
/// A source stages its constants before the wait and x after it, and has a factor for every sum; an epilogue (epilogue.cuh)
/// ends outputs.

inline constexpr int matvec_threads = 512;
inline constexpr int matvec_outputs = 2;                                        // a warp
inline constexpr int matvec_step_bytes = matvec_threads * matvec_outputs * 16;  // of the ring in shared memory

/// Where groups of four elements of a staged row lie: a lane reads a pack's worth of them, one plane after the other, so
/// that neighbouring lanes read neighbouring 16 bytes.
template <class W>
struct staged_layout {
    static constexpr int planes = lane_width<W> / 4;
    int chunks;  // packs of W a row

    __device__ int at(int group) const { return group % planes * chunks + group / planes; }
    __device__ int size() const { return planes * chunks; }
};

/// A row as it is.
template <class X>
struct plain_source {
    matrix_view<const X> x;
    bool packs;

    template <class W>
    __device__ void stage_constants(float4*, staged_layout<W>) const {}
    template <class W>
    __device__ void stage(float4* to, staged_layout<W> layout, float*) const {
        for (int group = threadIdx.x; group < layout.size(); group += matvec_threads)
            to[layout.at(group)] = four(group);
    }
    __device__ float factor(const float*) const { return 1.0F; }

    /// Four elements, zeros past the end.
    [[nodiscard]] __device__ float4 four(int group) const {
        const X* const from = x.data() + group * 4;
        const int left = static_cast<int>(x.columns()) - group * 4;
        if (packs && left >= 4) {
            const auto values = *reinterpret_cast<const pack<X, 4>*>(from);
            return float4{values[0], values[1], values[2], values[3]};
        }
        const auto value = [&](int i) { return i < left ? widen(from[i]) : 0.0F; };
        return float4{value(0), value(1), value(2), value(3)};
    }
};

template <class X>
plain_source<X> plain_source_of(matrix_view<const X> x) {
    return {x, holds_packs(x.data(), x.stride())};
}

/// A row of the residual stream, divided by its root mean square. Gains are staged while other kernels run, and the division
/// is left to the sums, so that little stands between the residual and the first multiplication.
struct normed_source {
    plain_source<float> residual;
    plain_source<float> gain;
    float eps;

    template <class W>
    __device__ void stage_constants(float4* to, staged_layout<W> layout) const {
        gain.stage(to, layout, nullptr);
    }
    /// In place of the gains, by the threads that left them. A warp's sum of squares goes to `sums`.
    template <class W>
    __device__ void stage(float4* to, staged_layout<W> layout, float* sums) const {
        float squares = 0;
        for (int group = threadIdx.x; group < layout.size(); group += matvec_threads) {
            const float4 v = residual.four(group), gains = to[layout.at(group)];
            squares += v.x * v.x + v.y * v.y + v.z * v.z + v.w * v.w;
            to[layout.at(group)] = float4{v.x * gains.x, v.y * gains.y, v.z * gains.z, v.w * gains.w};
        }
        leave_warp_sum(squares, sums);
    }
    /// 1 / rms, of the sums of all warps.
    __device__ float factor(const float* sums) const {
        const float squares = sum_of_warps(sums, matvec_threads / warp_size);
        return 1.0F / sqrtf(squares / static_cast<float>(residual.x.columns()) + eps);
    }
};

/// Where a warp is in its outputs: a pair of rows of weights, and how far along them in steps of 32 packs.
struct matvec_position {
    int pair;
    int step = 0;

    __device__ void advance(int steps, int stride) {
        if (++step < steps) return;
        step = 0;
        pair += stride;
    }
};

/// `Ahead` is the number of steps in the ring.
template <int Ahead, class W, class Source, class Epilogue>
__global__ void __launch_bounds__(matvec_threads, 3)  // registers are left for the kernels before and after
    matvec_kernel(matrix_view<const W> w, Source source, Epilogue epilogue, bool gently) {
    constexpr int width = lane_width<W>;
    extern __shared__ float4 staged[];
    __shared__ float sums[matvec_threads / warp_size];
    const int lane = threadIdx.x % warp_size;
    const staged_layout<W> layout{static_cast<int>(w.stride()) / width};
    const int steps = (layout.chunks + warp_size - 1) / warp_size;
    const int pairs = static_cast<int>((w.rows() + matvec_outputs - 1) / matvec_outputs);
    const int stride = static_cast<int>(gridDim.x) * (matvec_threads / warp_size);
    uint4* const ring = reinterpret_cast<uint4*>(staged + layout.size()) + threadIdx.x;
    const auto slot = [&](int at, int o) { return ring + (at * matvec_outputs + o) * matvec_threads; };

    matvec_position now{static_cast<int>(threadIdx.x) / warp_size * static_cast<int>(gridDim.x) +
                        static_cast<int>(blockIdx.x)};
    matvec_position next = now;
    // Every call is one group of copies, of nothing when all has been asked for, so that their count tells the time.
    const auto request = [&](int at) {
        const int chunk = next.step * warp_size + lane;
        if (next.pair < pairs && chunk < layout.chunks) {
#pragma unroll
            for (int o = 0; o < matvec_outputs; ++o) {
                const index output = static_cast<index>(next.pair) * matvec_outputs + o;
                const index read = output < w.rows() ? output : w.rows() - 1;
                copy_async(slot(at, o), w.data() + read * w.stride() + static_cast<index>(chunk) * width);
            }
        }
        close_copies();
        next.advance(steps, stride);
    };
    release_successor();
    for (int at = 0; at < Ahead; ++at) {
        request(at);
        if (gently) await_copies<1>();
    }
    source.stage_constants(staged, layout);
    read_early(source, epilogue);
    wait_for_predecessor();
    source.stage(staged, layout, sums);
    __syncthreads();
    const float factor = source.factor(sums);

    // Each of the first lanes ends one of the sums.
    const auto own_output = [&] { return static_cast<index>(now.pair) * matvec_outputs + lane; };
    const auto ends_one = [&] { return lane < matvec_outputs && own_output() < w.rows(); };
    typename Epilogue::constants constants = {};
    typename Epilogue::prepared prepared = {};
    float sum[matvec_outputs] = {};
    for (int at = 0; now.pair < pairs; at = at + 1 == Ahead ? 0 : at + 1) {
        if (now.step == 0 && ends_one()) {
            constants = epilogue.constants_of(own_output());
            prepared = epilogue.prepare(0, own_output());
        }
        await_copies<Ahead - 1>();
        const int chunk = now.step * warp_size + lane;
        if (chunk < layout.chunks) {
            pack<W> values[matvec_outputs];
#pragma unroll
            for (int o = 0; o < matvec_outputs; ++o) values[o] = __builtin_bit_cast(pack<W>, *slot(at, o));
#pragma unroll
            for (int plane = 0; plane < layout.planes; ++plane) {
                const float4 x = staged[plane * layout.chunks + chunk];
#pragma unroll
                for (int o = 0; o < matvec_outputs; ++o) {
                    sum[o] = __fmaf_rn(values[o][plane * 4], x.x, sum[o]);
                    sum[o] = __fmaf_rn(values[o][plane * 4 + 1], x.y, sum[o]);
                    sum[o] = __fmaf_rn(values[o][plane * 4 + 2], x.z, sum[o]);
                    sum[o] = __fmaf_rn(values[o][plane * 4 + 3], x.w, sum[o]);
                }
            }
        }
        request(at);
        if (now.step + 1 == steps) {
            float own = 0;
#pragma unroll
            for (int o = 0; o < matvec_outputs; ++o) {
                const float total = warp_sum(sum[o]);
                if (lane == o) own = total;
                sum[o] = 0;
            }
            if (ends_one()) epilogue.finish(constants, prepared, 0, own_output(), factor * own);
        }
        now.advance(steps, stride);
    }
}

/// Bytes of shared memory that a product with rows of `columns` weights of `element` bytes takes at least.
constexpr index matvec_shared_bytes(index columns, index element, int ahead = 4) {
    const index padded = blocks_for(columns * element, 16) * 16 / element;
    return padded * index{sizeof(float)} + index{ahead} * matvec_step_bytes;
}

/// A row of the source times w^T. `gently` when short kernels are on their way before this one: the ring is then filled no
/// faster than memory answers, or what those read would wait behind it.
template <class W, class Source, class Epilogue>
void matvec(const context& on, const char* name, matrix_view<const W> w, const Source& source, const Epilogue& epilogue,
            bool gently = false) {
    const auto run = [&]<int Ahead>(std::integral_constant<int, Ahead>) {
        const index busy = blocks_for(w.rows(), matvec_outputs * matvec_threads / warp_size);
        const index blocks = busy < on.multiprocessors ? busy : on.multiprocessors;
        launch(on, name, matvec_kernel<Ahead, W, Source, Epilogue>,
               {.grid = dim3(static_cast<unsigned>(blocks)),
                .threads = matvec_threads,
                .shared_bytes = static_cast<std::size_t>(matvec_shared_bytes(w.columns(), sizeof(W), Ahead)),
                .overlaps = true,
                .leaves_shared = true},
               w, source, epilogue, gently);
    };
    // Room is left for a block of the kernel before, beside which this one's ring fills.
    constexpr int far = 10;
    if (matvec_shared_bytes(w.columns(), sizeof(W), far) + 16 * 1024 <= on.shared_bytes)
        run(std::integral_constant<int, far>{});
    else
        run(std::integral_constant<int, 4>{});
}

inline constexpr int depth_threads = 256;
inline constexpr int depth_outputs = 3;  // a block

/// A few outputs a block, whose threads share their depth: for matrices of so few outputs that warps of their own would leave
/// the device idle. x comes straight from memory.
///
/// With x_proj's 288 outputs no multiprocessor has more than one block, so that registers are left for the two kernels after
/// it, which begin to read while it does.
template <class W, class X, class Epilogue>
__global__ void __launch_bounds__(depth_threads)
    matvec_across_depth_kernel(matrix_view<const W> w, matrix_view<const X> x, bool packs, Epilogue epilogue) {
    constexpr int width = lane_width<W>;
    constexpr int ahead = 4;
    constexpr int warps = depth_threads / warp_size;
    __shared__ float sums[depth_outputs][warps];
    const index first_output = static_cast<index>(blockIdx.x) * depth_outputs;
    const int thread = static_cast<int>(threadIdx.x);
    const int chunks = static_cast<int>(w.stride()) / width;
    const auto weights = [&](int o, int chunk) {
        const index output = first_output + o < w.rows() ? first_output + o : w.rows() - 1;
        return load_once(w.data() + output * w.stride() + static_cast<index>(chunk) * width);
    };
    pack<W> first[ahead][depth_outputs];
#pragma unroll
    for (int u = 0; u < ahead; ++u)
#pragma unroll
        for (int o = 0; o < depth_outputs; ++o)
            if (u * depth_threads + thread < chunks) first[u][o] = weights(o, u * depth_threads + thread);
    release_successor();
    read_early(x, packs, epilogue);
    wait_for_predecessor();
    const X* const from = x.data();
    float sum[depth_outputs] = {};
    const auto add = [&](const pack<W>(&values)[depth_outputs], int chunk) {
        const index k = static_cast<index>(chunk) * width;
        pack<X, width> inputs;
        if (packs && k + width <= x.columns())
            inputs = *reinterpret_cast<const pack<X, width>*>(from + k);
        else
#pragma unroll
            for (int i = 0; i < width; i += 2)
                inputs.set_pair(i, k + i < x.columns() ? widen(from[k + i]) : 0.0F,
                                k + i + 1 < x.columns() ? widen(from[k + i + 1]) : 0.0F);
#pragma unroll
        for (int o = 0; o < depth_outputs; ++o)
#pragma unroll
            for (int i = 0; i < width; ++i) sum[o] = __fmaf_rn(values[o][i], inputs[i], sum[o]);
    };
#pragma unroll
    for (int u = 0; u < ahead; ++u)
        if (u * depth_threads + thread < chunks) add(first[u], u * depth_threads + thread);
    for (int chunk = ahead * depth_threads + thread; chunk < chunks; chunk += depth_threads) {
        pack<W> values[depth_outputs];
#pragma unroll
        for (int o = 0; o < depth_outputs; ++o) values[o] = weights(o, chunk);
        add(values, chunk);
    }
#pragma unroll
    for (int o = 0; o < depth_outputs; ++o) {
        const float total = warp_sum(sum[o]);
        if (thread % warp_size == 0) sums[o][thread / warp_size] = total;
    }
    __syncthreads();
    const index output = first_output + thread;
    if (thread >= depth_outputs || output >= w.rows()) return;
    float total = 0;
    for (int warp = 0; warp < warps; ++warp) total += sums[thread][warp];
    epilogue.finish(epilogue.constants_of(output), epilogue.prepare(0, output), 0, output, total);
}

template <class W, class X, class Epilogue>
void matvec_across_depth(const context& on, const char* name, matrix_view<const W> w, matrix_view<const X> x,
                         const Epilogue& epilogue) {
    const bool packs = holds_packs<lane_width<W>>(x.data(), x.stride());
    launch(on, name, matvec_across_depth_kernel<W, X, Epilogue>,
           {.grid = dim3(grid_for(w.rows(), depth_outputs)),
            .threads = depth_threads,
            .overlaps = true,
            .leaves_shared = true},
           w, x, packs, epilogue);
}

/// Whether a matrix has too few outputs for a warp each to fill the device.
inline bool is_short(const context& on, index outputs) { return outputs < index{4} * on.multiprocessors * 4; }

}  // namespace ssm::cuda_kernels
