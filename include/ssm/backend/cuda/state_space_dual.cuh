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

#include <cstdint>
#include <type_traits>
#include <utility>

namespace ssm::cuda_kernels {

/// \file
/// The scan as matrix products (Dao and Gu 2024, section 6), for recurrences with one decay a head.
///
/// A block goes through 64 channels of a head in chunks of up to 64 tokens; chunks are in the order of time, with the state in
/// shared memory between them. With L(t, s) what is left at token t of what came in at s, and s <= t, a chunk is
///
///     y(t) = sum over s of L(t, s) (C(t) . B(s)) drive(s) + L(t, start) C(t) h
///     h   <- L(end, start) h + sum over s of L(end, s) drive(s) B(s)
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
    float loss;  // L(end, start) - 1, which keeps what a factor near 1 would round away in every chunk
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

/// Where a block is in its recurrence.
struct dual_place {
    index head;
    index first_channel, first_column;  // of x and y; of the group's B and C
    int channels, states;               // from there on, and at most as many as a tile has
};

/// What a block reads of a chunk, of any recurrence: when it is due.
template <class R>
class dual_source {
public:
    __device__ dual_source(const R& r, const dual_place& place) : r_(r), place_(place) {}

    /// Begins to load tokens [first, first + size).
    __device__ void bring(index first, int size) { first_ = first, size_ = size; }

    /// Puts them there, zeros where there are none.
    __device__ void fill(dual_buffer& to) const {
#pragma unroll 8
        for (int i = static_cast<int>(threadIdx.x); i < dual_tile::tokens * dual_tile::states;
             i += dual_tile::threads) {
            const int t = i / dual_tile::states, n = i % dual_tile::states;
            const bool exists = t < size_ && n < place_.states;
            to.b[t][n] = exists ? static_cast<float>(r_.b(first_ + t, place_.first_column + n)) : 0.0F;
            to.c[t][n] = exists ? static_cast<float>(r_.c(first_ + t, place_.first_column + n)) : 0.0F;
        }
#pragma unroll 8
        for (int i = static_cast<int>(threadIdx.x); i < dual_tile::tokens * dual_tile::channels;
             i += dual_tile::threads) {
            const int t = i / dual_tile::channels, ch = i % dual_tile::channels;
            const bool exists = t < size_ && ch < place_.channels;
            to.drive[t][ch] = exists ? r_.drive(first_ + t, place_.first_channel + ch) : 0.0F;
        }
    }

    /// log2 of token t's decay; it is the `which`th token of lane t / 2.
    [[nodiscard]] __device__ float log2_decay(int t, int) const {
        return t < size_ ? log2f(r_.decay(first_ + t, place_.head)) : 0.0F;
    }
    [[nodiscard]] __device__ float skip(index t, index ch) const { return r_.skip(t, ch); }

private:
    const R& r_;
    dual_place place_;
    index first_ = 0;
    int size_ = 0;
};

/// The same of Mamba-2, in packs, which are on their way while the chunk before is computed.
template <class X>
class dual_source<multihead_selective<float, X>> {
    using recurrence = multihead_selective<float, X>;
    static constexpr int width = lane_width<X>;
    static constexpr int state_packs = dual_tile::tokens * dual_tile::states / width / dual_tile::threads;  // a thread
    static constexpr int input_packs =
        dual_tile::tokens * dual_tile::channels / width / dual_tile::threads;  // a thread

public:
    __device__ dual_source(const recurrence& r, const dual_place& place)
        : r_(r),
          place_(place),
          reads_states_(holds_packs(r.b) && holds_packs(r.c) && place.states % width == 0 &&
                        place.first_column % width == 0),
          reads_inputs_(holds_packs(r.x) && place.channels % width == 0 && place.first_channel % width == 0) {}

    __device__ void bring(index first, int size) {
        size_ = size;
        for_each_pack<state_packs, dual_tile::states>([&](int i, int t, int n) {
            b_[i] = load(r_.b, first, t, place_.first_column, n, place_.states, reads_states_);
            c_[i] = load(r_.c, first, t, place_.first_column, n, place_.states, reads_states_);
        });
        for_each_pack<input_packs, dual_tile::channels>([&](int i, int t, int ch) {
            x_[i] = load(r_.x, first, t, place_.first_channel, ch, place_.channels, reads_inputs_);
            dt_[i] = t < size ? r_.dt(first + t, place_.head) : 0.0F;
        });
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            const int t = static_cast<int>(threadIdx.x) % warp_size * 2 + i;
            own_dt_[i] = t < size ? r_.dt(first + t, place_.head) : 0.0F;
        }
    }

    __device__ void fill(dual_buffer& to) const {
        for_each_pack<state_packs, dual_tile::states>([&](int i, int t, int n) {
            store(b_[i], 1.0F, &to.b[t][n]);
            store(c_[i], 1.0F, &to.c[t][n]);
        });
        for_each_pack<input_packs, dual_tile::channels>(
            [&](int i, int t, int ch) { store(x_[i], dt_[i], &to.drive[t][ch]); });
    }

    [[nodiscard]] __device__ float log2_decay(int t, int which) const {
        return t < size_ ? own_dt_[which] * (r_.a[place_.head] * log2_of_e) : 0.0F;
    }
    [[nodiscard]] __device__ float skip(index t, index ch) const { return r_.d[place_.head] * widen(r_.x(t, ch)); }

private:
    static __device__ bool holds_packs(matrix_view<const X> view) {
        return reinterpret_cast<std::uintptr_t>(view.data()) % 16 == 0 && view.stride() % width == 0;
    }

    /// Calls `work(i, row, column)` for the packs of a tile that this thread moves.
    template <int Count, int Columns, class Work>
    __device__ void for_each_pack(const Work& work) const {
#pragma unroll
        for (int i = 0; i < Count; ++i) {
            const int at = (i * dual_tile::threads + static_cast<int>(threadIdx.x)) * width;
            work(i, at / Columns, at % Columns);
        }
    }

    [[nodiscard]] __device__ pack<X> load(matrix_view<const X> from, index first, int t, index first_column, int column,
                                          int columns, bool packs) const {
        if (t >= size_ || column >= columns) return {};
        const X* const at = from.data() + (first + t) * from.stride() + first_column + column;
        if (packs) return *reinterpret_cast<const pack<X>*>(at);
        const auto value = [&](int i) { return column + i < columns ? widen(at[i]) : 0.0F; };
        pack<X> values;
#pragma unroll
        for (int i = 0; i < width; i += 2) values.set_pair(i, value(i), value(i + 1));
        return values;
    }

    __device__ static void store(const pack<X>& from, float factor, float* to) {
#pragma unroll
        for (int i = 0; i < width; i += 4)
            *reinterpret_cast<float4*>(to + i) =
                float4{factor * from[i], factor * from[i + 1], factor * from[i + 2], factor * from[i + 3]};
    }

    const recurrence& r_;
    dual_place place_;
    bool reads_states_, reads_inputs_;
    int size_ = 0;
    pack<X> b_[state_packs], c_[state_packs], x_[input_packs];
    float dt_[input_packs], own_dt_[2];
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
          place_(place_of(task)),
          source_(task.r, place_),
          padded_((task.states + rows - 1) / rows * rows) {}

    __device__ void run() {
        for_each_state([&](float& kept, bool exists, index n, index ch) { kept = exists ? task_.h(n, ch) : 0.0F; });
        const index begin = static_cast<index>(blockIdx.y) * task_.tokens;
        source_.bring(begin, size_at(0));
        for (index start = 0; start < task_.tokens; start += task_.length) {
            first_ = begin + start;
            size_ = size_at(start);
            __syncthreads();  // the chunk before is done with the buffer
            source_.fill(at_);
            if (warp() == 0) measure_decays();
            __syncthreads();
            if (start + task_.length < task_.tokens)
                source_.bring(first_ + task_.length, size_at(start + task_.length));
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

    static __device__ dual_place place_of(const dual_task<R, Y>& task) {
        const index head = blockIdx.x / static_cast<unsigned>(task.slices);
        const index width = task.h.columns() / task.r.heads();
        const int first = static_cast<int>(blockIdx.x) % task.slices * dual_tile::channels;
        const int left = static_cast<int>(width) - first;
        return {head, head * width + first, head / (task.r.heads() / task.r.groups) * task.states,
                left < dual_tile::channels ? left : dual_tile::channels, task.states};
    }
    /// Tokens of the chunk that begins there.
    [[nodiscard]] __device__ int size_at(index start) const {
        const index left = task_.tokens - start;
        return left < task_.length ? static_cast<int>(left) : task_.length;
    }

    template <class Work>
    __device__ void for_each_state(const Work& work) {
        for (int i = thread_; i < padded_ * dual_tile::channels; i += dual_tile::threads) {
            const int n = i / dual_tile::channels, ch = i % dual_tile::channels;
            work(at_.h[n][ch], n < task_.states && ch < place_.channels,
                 static_cast<index>(blockIdx.y) * task_.states + n, place_.first_channel + ch);
        }
    }

    /// By one warp, two tokens a lane: logarithms are summed in double, since they may be large where differences matter.
    __device__ void measure_decays() {
        const auto logarithm = [&](int which) {
            const float value = source_.log2_decay(2 * lane() + which, which);
            return value < -4096.0F ? -4096.0F : value;  // of 0 as well: less than any float is left
        };
        const double first = logarithm(0);
        const double second = logarithm(1);
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
        if (lane() == 0) at_.loss = expm1f(static_cast<float>(last / double{log2_of_e}));
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
        for_each_result(y, [&](float value, int t, int ch) {
            t += row, ch += column;
            if (t < size_ && ch < place_.channels)
                task_.y(first_ + t, place_.first_channel + ch) =
                    narrow<Y>(value + source_.skip(first_ + t, place_.first_channel + ch));
        });
        if (warp() * rows < padded_) advance(warp() * rows);
    }

    /// Moves the state on, 16 states a warp.
    __device__ void advance(int state) {
        float h[all_tiles][4];
        for_each_result(h, [&](float& value, int n, int ch) {
            const float before = at_.h[state + n][ch];
            value = __fmaf_rn(at_.loss, before, before);
        });
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
    dual_place place_;
    dual_source<R> source_;
    int padded_;       // states, to whole rows of a warp
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

/// Whether the products have room for the states of a head, and the device for the products: before compute capability 9.0
/// only 8.0 and 8.7 have the shared memory.
inline bool holds_dual_states(const context& on, index states) {
    return states <= dual_tile::states && index{sizeof(dual_buffer)} <= on.shared_bytes;
}

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
