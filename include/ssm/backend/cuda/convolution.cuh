// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/element.cuh>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>

#include <cstddef>

namespace ssm::cuda_kernels {

/// What a block of threads has at once, an output a thread. Few channels, so that there are blocks enough where channels are
/// too few to be busy in order.
struct convolution_tile {
    static constexpr int channels = 4;
    static constexpr int tokens = 64;
    static constexpr int threads = channels * tokens;
};

template <class R, class Y>
struct convolution_task {
    R r;
    matrix_view<float> h;  // (sequences * states, channels)
    matrix_view<Y> y;      // (sequences * tokens, channels)
    index tokens;          // of a sequence
    int states;
    int length;  // tokens of a block of time, at most the tile's
};

/// The channels of a tile through all tokens of a sequence, a block of time after the other:
///
///     y[t] = skip[t] + sum over j <= t of kernel[j] input[t - j] + sum over n of response[n, t + 1] h[n]
///     response[n, j] = readout a^j,   kernel[j] = sum over n of response[n, j] b      for the unit step (a, b) of state n
///
/// with t counted from the block's first token and h the state before it, which moves on in the order of time.
template <class R, class Y>
class convolver {
public:
    __device__ convolver(const convolution_task<R, Y>& task, float* shared)
        : task_(task),
          t_(static_cast<int>(threadIdx.x) / channels),
          column_(static_cast<int>(threadIdx.x) % channels),
          ch_(static_cast<index>(blockIdx.x) * channels + column_),
          exists_(ch_ < task.h.columns()),
          first_(static_cast<index>(blockIdx.y) * task.tokens),
          response_(shared),
          kernel_(response_ + task.states * (task.length + 1) * channels),
          input_(kernel_ + task.length * channels),
          h_(input_ + task.length * channels),
          next_(h_ + task.states * channels) {}

    __device__ void run() {
        for_each_state([&](int n) {
            at(h_, n) = task_.h(static_cast<index>(blockIdx.y) * task_.states + n, ch_);
            respond(n);
        });
        __syncthreads();
        if (exists_ && t_ < task_.length) at(kernel_, t_) = kernel_of(t_);
        float ahead = input_of(t_);
        for (index start = 0; start < task_.tokens; start += task_.length) {
            const index left = task_.tokens - start;
            const int size = left < task_.length ? static_cast<int>(left) : task_.length;
            __syncthreads();  // the block before is done with the inputs
            if (t_ < task_.length) at(input_, t_) = ahead;
            __syncthreads();
            ahead = input_of(start + task_.length + t_);
            if (exists_ && t_ < size) task_.y(first_ + start + t_, ch_) = narrow<Y>(output(first_ + start + t_));
            for_each_state([&](int n) { at(next_, n) = moved_on(n, size); });
            float* const before = h_;
            h_ = next_, next_ = before;
        }
        for_each_state([&](int n) { task_.h(static_cast<index>(blockIdx.y) * task_.states + n, ch_) = at(h_, n); });
    }

private:
    static constexpr int channels = convolution_tile::channels;

    /// The states of this thread's channel that are this thread's.
    template <class Work>
    __device__ void for_each_state(const Work& work) const {
        if (exists_)
            for (int n = t_; n < task_.states; n += convolution_tile::tokens) work(n);
    }

    /// A row of what is kept for each channel.
    __device__ float& at(float* rows, int row) const { return rows[row * channels + column_]; }
    __device__ float& response(int n, int j) const { return at(response_, n * (task_.length + 1) + j); }

    /// The input t tokens after the sequence's first, or nothing where no block has it.
    __device__ float input_of(index t) const {
        return exists_ && t_ < task_.length && t < task_.tokens ? task_.r.input(first_ + t, ch_) : 0.0F;
    }

    __device__ void respond(int n) const {
        const float decay = task_.r.unit_step(ch_, n).a;
        float value = task_.r.readout(first_, ch_, n);
        for (int j = 0; j <= task_.length; ++j) {
            response(n, j) = value;
            value *= decay;
        }
    }

    __device__ float kernel_of(int j) const {
        float sum = 0;
        for (int n = 0; n < task_.states; ++n) sum += response(n, j) * task_.r.unit_step(ch_, n).b;
        return sum;
    }

    __device__ float output(index token) const {
        float sum = task_.r.skip(token, ch_);
        for (int j = 0; j <= t_; ++j) sum += at(kernel_, j) * at(input_, t_ - j);
        for (int n = 0; n < task_.states; ++n) sum += response(n, t_ + 1) * at(h_, n);
        return sum;
    }

    __device__ float moved_on(int n, int size) const {
        const affine<float> step = task_.r.unit_step(ch_, n);
        float state = at(h_, n);
        for (int t = 0; t < size; ++t) state = affine<float>{step.a, step.b * at(input_, t)}(state);
        return state;
    }

    const convolution_task<R, Y>& task_;
    int t_;       // this thread's token of a block of time
    int column_;  // its channel of the tile
    index ch_;    // and of all
    bool exists_;
    index first_;      // token of the sequence, counted through all sequences
    float* response_;  // (states, length + 1, channels)
    float* kernel_;    // (length, channels)
    float* input_;     // (length, channels)
    float* h_;         // (states, channels)
    float* next_;      // (states, channels)
};

template <class R, class Y>
__global__ void __launch_bounds__(convolution_tile::threads)
    convolution_kernel(const __grid_constant__ convolution_task<R, Y> task) {
    extern __shared__ uint4 shared[];
    convolver<R, Y>(task, reinterpret_cast<float*>(shared)).run();
}

/// Shared memory of a block of threads: responses, the kernel and inputs, and states before and after.
inline index convolution_bytes(index states, index length) {
    const index rows = states * (length + 1) + 2 * length + 2 * states;
    return rows * convolution_tile::channels * index{sizeof(float)};
}

/// Blocks of `length` tokens, at most the tile's, whose `convolution_bytes` the device has; h (sequences * states, channels),
/// y (sequences * tokens, channels).
template <time_invariant R, class Y>
void convolve(const context& on, index length, const R& r, matrix_view<float> h, index sequences, matrix_view<Y> y) {
    const convolution_task<R, Y> task{
        r, h, y, y.rows() / sequences, static_cast<int>(h.rows() / sequences), static_cast<int>(length)};
    launch(on, "convolution", convolution_kernel<R, Y>,
           {.grid = dim3(grid_for(h.columns(), convolution_tile::channels), static_cast<unsigned>(sequences)),
            .threads = convolution_tile::threads,
            .shared_bytes = static_cast<std::size_t>(convolution_bytes(task.states, length))},
           task);
}

}  // namespace ssm::cuda_kernels
