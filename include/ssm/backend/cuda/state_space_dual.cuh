// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/activation.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/backend/cuda/tensor_core.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <type_traits>
#include <utility>

namespace ssm::cuda_kernels {

/// \file
/// The scan as matrix products (Dao and Gu 2024, section 6), for recurrences with one decay a head.
///
/// A block goes through 64 channels of a head in chunks of up to 64 tokens; chunks are in the order of time, with the state in
/// shared memory between them. With L(t, s) what is left at token t of what came in at s, and s <= t, a chunk is
///
///     y(t) = sum over s of L(t, s) (C(t) . B(s)) drive(s) + L(t, start) C(t) h,   h <- L(end, start) h + sum over s of L(end, s) drive(s) B(s)
///
/// on the tensor cores in TF32. What comes in 8 or 11 bits is exact there, all else is two TF32 numbers with 22 bits, so that the
/// result is that of floats.

namespace dual_tile {
inline constexpr int tokens = 64;
inline constexpr int channels = 64;
inline constexpr int states = 128;
inline constexpr int warps = 8;
inline constexpr int threads = warps * warp_size;
}  // namespace dual_tile

/// What a block keeps of a chunk, and the state. Strides put the elements that a warp reads at once in different banks.
struct dual_buffer {
    float b[dual_tile::tokens][dual_tile::states + 4];
    union {
        float c[dual_tile::tokens][dual_tile::states + 4];
        float weight[dual_tile::tokens][dual_tile::tokens + 4];  // L(t, s) C(t) . B(s), when C has been used
    };
    float drive[dual_tile::tokens][dual_tile::channels + 8];
    float h[dual_tile::states][dual_tile::channels + 8];
    float whole[dual_tile::tokens], part[dual_tile::tokens];  // log2 L(t, start), in two so that differences are exact
    float since_start[dual_tile::tokens], to_end[dual_tile::tokens];  // L(t, start), L(end, t)
};

/// A scan by any recurrence that `decays_by_head`.
template <class R, class Y>
struct dual_task {
    R r;
    matrix_view<float> h;  // (sequences * states, channels)
    matrix_view<Y> y;      // (sequences * tokens, channels)
    index tokens;          // of one sequence
    int length;            // of a chunk
    int states;
    int slices;  // blocks that share a head
};

/// What enters a head's state, and what goes past it; without the search for the channel's head where the type is known.
template <class R>
struct head_inputs {
    const R& r;
    index head;
    __device__ float drive(index t, index ch) const { return r.drive(t, ch); }
    __device__ float skip(index t, index ch) const { return r.skip(t, ch); }
};
template <class X>
struct head_inputs<multihead_selective<float, X>> {
    const multihead_selective<float, X>& r;
    index head;
    __device__ float drive(index t, index ch) const { return r.step(t, head) * widen(r.x(t, ch)); }
    __device__ float skip(index t, index ch) const { return r.d[head] * widen(r.x(t, ch)); }
};

template <class R, class Y>
class dual_scanner {
    /// Whether B and C are of a type that TF32 holds.
    static constexpr bool exact = sizeof(std::remove_cvref_t<decltype(std::declval<const R&>().b(0, 0))>) == 2;
    static constexpr int rows = 16;                                          // of a product, a warp
    static constexpr int half = dual_tile::tokens / 2;                       // columns of a warp that shares its rows
    static constexpr int half_tiles = half / 8, all_tiles = 2 * half_tiles;  // of 8 columns
    static_assert(dual_tile::warps * rows == 2 * dual_tile::tokens && dual_tile::warps * rows == dual_tile::states &&
                  dual_tile::channels == dual_tile::tokens);

public:
    __device__ dual_scanner(const dual_task<R, Y>& task, dual_buffer& shared)
        : task_(task),
          at_(shared),
          thread_(static_cast<int>(threadIdx.x)),
          head_(blockIdx.x / static_cast<unsigned>(task.slices)),
          begin_(static_cast<index>(blockIdx.y) * task.tokens),
          padded_((task.states + rows - 1) / rows * rows) {
        const index width = task.h.columns() / task.r.heads();
        const int first = static_cast<int>(blockIdx.x) % task.slices * dual_tile::channels;
        first_channel_ = head_ * width + first;
        channels_ = static_cast<int>(width) - first;  // of the head, from the block's first on
        first_column_ = head_ / (task.r.heads() / task.r.groups) * task.states;
    }

    __device__ void run() {
        for_each_state([&](float& kept, bool exists, index n, index ch) { kept = exists ? task_.h(n, ch) : 0.0F; });
        for (index start = 0; start < task_.tokens; start += task_.length) {
            const index left = task_.tokens - start;
            size_ = left < task_.length ? static_cast<int>(left) : task_.length;
            first_ = begin_ + start;
            __syncthreads();
            bring();
            __syncthreads();
            scan();
        }
        __syncthreads();
        for_each_state([&](float& kept, bool exists, index n, index ch) {
            if (exists) task_.h(n, ch) = kept;
        });
    }

private:
    [[nodiscard]] __device__ int warp() const { return thread_ / warp_size; }
    [[nodiscard]] __device__ int lane() const { return thread_ % warp_size; }

    template <class Work>
    __device__ void for_each_state(const Work& work) {
        for (int i = thread_; i < padded_ * dual_tile::channels; i += dual_tile::threads) {
            const int n = i / dual_tile::channels, ch = i % dual_tile::channels;
            work(at_.h[n][ch], n < task_.states && ch < channels_, static_cast<index>(blockIdx.y) * task_.states + n,
                 first_channel_ + ch);
        }
    }

    /// Loads a chunk; what is not there is zero, and decays by 1.
    __device__ void bring() {
        if (warp() == 0) measure_decays();
#pragma unroll 8
        for (int i = thread_; i < dual_tile::tokens * dual_tile::states; i += dual_tile::threads) {
            const int t = i / dual_tile::states, n = i % dual_tile::states;
            const bool exists = t < size_ && n < task_.states;
            at_.b[t][n] = exists ? static_cast<float>(task_.r.b(first_ + t, first_column_ + n)) : 0.0F;
            at_.c[t][n] = exists ? static_cast<float>(task_.r.c(first_ + t, first_column_ + n)) : 0.0F;
        }
        const head_inputs<R> inputs{task_.r, head_};
#pragma unroll 8
        for (int i = thread_; i < dual_tile::tokens * dual_tile::channels; i += dual_tile::threads) {
            const int t = i / dual_tile::channels, ch = i % dual_tile::channels;
            const bool exists = t < size_ && ch < channels_;
            at_.drive[t][ch] = exists ? inputs.drive(first_ + t, first_channel_ + ch) : 0.0F;
        }
    }

    /// By one warp, two tokens a lane: logarithms are summed in double, since they may be large where differences matter.
    __device__ void measure_decays() {
        const auto logarithm = [&](int t) {
            if (t >= size_) return 0.0F;
            const float value = log2f(task_.r.decay(first_ + t, head_));
            return value < -4096.0F ? -4096.0F : value;  // of 0 as well: less than any float is left
        };
        const double first = logarithm(2 * lane());
        const double second = logarithm(2 * lane() + 1);
        double sum = first + second;
        for (int distance = 1; distance < warp_size; distance *= 2) {
            const double before = __shfl_up_sync(0xffffffffU, sum, distance);
            if (lane() >= distance) sum += before;
        }
        const double last = __shfl_sync(0xffffffffU, sum, warp_size - 1);
        const auto keep = [&](int t, double value) {
            at_.whole[t] = static_cast<float>(floor(value));
            at_.part[t] = static_cast<float>(value - floor(value));
            at_.since_start[t] = exp2f(static_cast<float>(value));
            at_.to_end[t] = exp2f(static_cast<float>(last - value));
        };
        keep(2 * lane(), sum - second);
        keep(2 * lane() + 1, sum);
    }

    __device__ void scan() {
        const int row = warp() / 2 * rows, column = warp() % 2 * half;
        float y[half_tiles][4] = {};
        {
            float alike[half_tiles][4] = {};  // C(t) . B(s)
            const auto c = [&](int t, int n) { return at_.c[row + t][n]; };
            if (column < row + rows)
                add_products<!exact, !exact>(alike, padded_, c, [&](int n, int s) { return at_.b[column + s][n]; });
            add_products<!exact, true>(y, padded_, c, [&](int n, int ch) { return at_.h[n][column + ch]; });
            __syncthreads();
            for_each_result(alike, [&](float value, int t, int s) {
                t += row, s += column;
                const float left = exp2_unit((at_.whole[t] - at_.whole[s]) + (at_.part[t] - at_.part[s]));
                at_.weight[t][s] = s <= t ? value * left : 0.0F;
            });
        }
        for_each_result(y, [&](float& value, int t, int) { value *= at_.since_start[row + t]; });
        __syncthreads();
        add_products<true, true>(
            y, row + rows, [&](int t, int s) { return at_.weight[row + t][s]; },
            [&](int s, int ch) { return at_.drive[s][column + ch]; });
        const head_inputs<R> inputs{task_.r, head_};
        for_each_result(y, [&](float value, int t, int ch) {
            t += row, ch += column;
            if (t < size_ && ch < channels_)
                task_.y(first_ + t, first_channel_ + ch) =
                    narrow<Y>(value + inputs.skip(first_ + t, first_channel_ + ch));
        });
        if (warp() * rows < padded_) advance(warp() * rows);
    }

    /// Moves the state on, 16 states a warp.
    __device__ void advance(int state) {
        float h[all_tiles][4];
        const float kept = at_.since_start[dual_tile::tokens - 1];
        for_each_result(h, [&](float& value, int n, int ch) { value = kept * at_.h[state + n][ch]; });
        add_products<!exact, true>(
            h, dual_tile::tokens, [&](int n, int s) { return at_.b[s][state + n]; },
            [&](int s, int ch) { return at_.to_end[s] * at_.drive[s][ch]; });
        for_each_result(h, [&](float value, int n, int ch) { at_.h[state + n][ch] = value; });
    }

    /// d += a b for the 16 rows and 8 * Tiles columns of a warp; `a(row, k)`, `b(k, column)`. Who splits has floats.
    template <bool SplitA, bool SplitB, int Tiles, class A, class B>
    __device__ void add_products(float (&d)[Tiles][4], int depth, const A& a, const B& b) const {
        const int row = lane() / 4, own = lane() % 4;
        for (int k = own; k < depth; k += 8) {
            const tf32_values<SplitA, 4> left({a(row, k), a(row + 8, k), a(row, k + 4), a(row + 8, k + 4)});
#pragma unroll
            for (int j = 0; j < Tiles; ++j)
                multiply_tile(d[j], left, tf32_values<SplitB, 2>({b(k, j * 8 + row), b(k + 4, j * 8 + row)}));
        }
    }

    /// Calls `work(d, row, column)` for the elements of a warp's result that this lane has.
    template <int Tiles, class Work>
    __device__ void for_each_result(float (&d)[Tiles][4], const Work& work) const {
#pragma unroll
        for (int j = 0; j < Tiles; ++j)
#pragma unroll
            for (int i = 0; i < 4; ++i) work(d[j][i], lane() / 4 + i / 2 * 8, j * 8 + lane() % 4 * 2 + i % 2);
    }

    const dual_task<R, Y>& task_;
    dual_buffer& at_;
    int thread_;
    index head_, begin_, first_channel_, first_column_;
    int padded_, channels_;
    int size_ = 0;     // of the chunk
    index first_ = 0;  // its first token, counted through all sequences
};

template <class R, class Y>
__global__ void __launch_bounds__(dual_tile::threads) dual_scan_kernel(const __grid_constant__ dual_task<R, Y> task) {
    extern __shared__ uint4 shared[];
    release_successor();
    wait_for_predecessor();
    dual_scanner<R, Y>(task, *reinterpret_cast<dual_buffer*>(shared)).run();
}

/// Whether the products have room for the states of a head.
inline bool holds_dual_states(index states) { return states <= dual_tile::states; }

/// Chunks of `length` tokens, or of 64 if that is less.
template <class R, class Y>
void dual_scan(const context& on, index length, const R& r, matrix_view<float> h, index sequences, matrix_view<Y> y) {
    const index slices = blocks_for(h.columns() / r.heads(), dual_tile::channels);
    const dual_task<R, Y> task{r,
                               h,
                               y,
                               y.rows() / sequences,
                               length < dual_tile::tokens ? static_cast<int>(length) : dual_tile::tokens,
                               static_cast<int>(h.rows() / sequences),
                               static_cast<int>(slices)};
    launch(on, "dual_scan", dual_scan_kernel<R, Y>,
           {.grid = dim3(static_cast<unsigned>(r.heads() * slices), static_cast<unsigned>(sequences)),
            .threads = dual_tile::threads,
            .shared_bytes = sizeof(dual_buffer),
            .overlaps = true},
           task);
}

}  // namespace ssm::cuda_kernels
