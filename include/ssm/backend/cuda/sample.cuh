// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/buffer.cuh>
#include <ssm/backend/cuda/context.cuh>
#include <ssm/backend/cuda/reduce.cuh>
#include <ssm/core/model_config.hpp>
#include <ssm/core/sampling_options.hpp>
#include <ssm/core/view.hpp>

#include <cub/block/block_reduce.cuh>
#include <cub/block/block_scan.cuh>
#include <cub/device/device_radix_sort.cuh>

#include <cstdint>
#include <numeric>
#include <vector>

namespace ssm {

/// Chooses tokens on the device, one after each row of logits: greedy, or drawn with temperature, top-k, top-p and min-p as
/// `ssm::sampler` does it. The numbers drawn are its own, so a seed gives other tokens than on the host, but the same ones
/// every time. It counts its draws in device memory, so that a captured step draws anew at each launch.
class cuda_sampler {
public:
    /// All options but the repetition penalty, which `ssm::sampler` has.
    [[nodiscard]] static bool has(const sampling_options& options) noexcept { return options.repetition_penalty == 1; }

    /// For `rows` rows of `vocab` logits. Throws argument_error for an option out of range or one that it does not
    /// have, and memory_error.
    cuda_sampler(const cuda_kernels::context& on, const sampling_options& options, index vocab, index rows = 1)
        : options_(validated(options)), draws_(on, rows, "sampler") {
        if (!has(options))
            throw argument_error({"cuda_sampler", "repetition_penalty", std::to_string(options.repetition_penalty),
                                  "1 (off)", "sample on the host with ssm::sampler"});
        if (options.temperature == 0) return;
        sorted_ = cuda_buffer<float>(on, vocab, "sampler");
        ids_ = cuda_buffer<token_id>(on, vocab, "sampler");
        sorted_ids_ = cuda_buffer<token_id>(on, vocab, "sampler");
        std::vector<token_id> all(static_cast<std::size_t>(vocab));
        std::iota(all.begin(), all.end(), 0);
        cuda_kernels::check(cudaMemcpyAsync(ids_.data(), all.data(), ids_.bytes(), cudaMemcpyHostToDevice, on.stream),
                            "cudaMemcpyAsync");
        std::size_t bytes = 0;
        sort(on, nullptr, bytes, nullptr);
        scratch_ = cuda_buffer<std::byte>(on, static_cast<index>(bytes), "sampler");
    }

    [[nodiscard]] const sampling_options& options() const noexcept { return options_; }
    [[nodiscard]] std::uint64_t* draws() noexcept { return draws_.data(); }
    [[nodiscard]] index rows() const noexcept { return static_cast<index>(draws_.size()); }

    /// The candidates of one row of logits, best first, and of equal ones the lower id first.
    void sort(const cuda_kernels::context& on, const float* logits) {
        std::size_t bytes = scratch_.bytes();
        sort(on, scratch_.data(), bytes, logits);
    }
    [[nodiscard]] const float* sorted() const noexcept { return sorted_.data(); }
    [[nodiscard]] const token_id* sorted_ids() const noexcept { return sorted_ids_.data(); }

private:
    void sort(const cuda_kernels::context& on, void* scratch, std::size_t& bytes, const float* logits) {
        cuda_kernels::check(cub::DeviceRadixSort::SortPairsDescending(
                                scratch, bytes, logits, sorted_.data(), ids_.data(), sorted_ids_.data(),
                                static_cast<int>(ids_.size()), 0, static_cast<int>(8 * sizeof(float)), on.stream),
                            "cub::DeviceRadixSort");
    }

    sampling_options options_;
    cuda_buffer<std::uint64_t> draws_;  // (rows), tokens drawn so far
    cuda_buffer<float> sorted_;         // (vocab)
    cuda_buffer<token_id> ids_;         // (vocab), 0, 1, 2 ...
    cuda_buffer<token_id> sorted_ids_;  // (vocab)
    cuda_buffer<std::byte> scratch_;
};

namespace cuda_kernels {

/// What is written where no token can be chosen: a NaN or +infinity among the logits, or nothing finite.
inline constexpr token_id no_token = -1;
inline constexpr int sample_threads = 1024;

/// A logit and its token as one number: the larger logit is the larger number, of equal ones the lower id, and a NaN is the
/// largest of all.
__device__ inline std::uint64_t preference(float logit, token_id id) {
    const std::uint32_t bits = __float_as_uint(logit + 0.0F);  // -0 is 0
    const std::uint32_t order = isnan(logit) ? ~0U : bits ^ (bits >> 31 != 0 ? ~0U : 1U << 31);
    return std::uint64_t{order} << 32 | ~static_cast<std::uint32_t>(id);
}

struct larger {
    __device__ std::uint64_t operator()(std::uint64_t a, std::uint64_t b) const { return a < b ? b : a; }
};

/// The most likely token of each row, a block a row.
template <int Threads>
__global__ void __launch_bounds__(Threads)
    sample_best_kernel(matrix_view<const float> logits, vector_view<token_id> ids) {
    using reduce = cub::BlockReduce<std::uint64_t, Threads>;
    __shared__ typename reduce::TempStorage storage;
    constexpr int ahead = 16;  // logits of a thread on their way at once
    const index row = blockIdx.x;
    wait_for_predecessor();
    std::uint64_t best = 0;
    for (index first = threadIdx.x; first < logits.columns(); first += index{ahead} * Threads) {
        float values[ahead];
#pragma unroll
        for (int i = 0; i < ahead; ++i)
            if (first + i * Threads < logits.columns()) values[i] = logits(row, first + i * Threads);
#pragma unroll
        for (int i = 0; i < ahead; ++i)
            if (first + i * Threads < logits.columns())
                best = larger{}(best, preference(values[i], static_cast<token_id>(first + i * Threads)));
    }
    best = reduce(storage).Reduce(best, larger{});
    if (threadIdx.x != 0) return;
    const auto id = static_cast<token_id>(~static_cast<std::uint32_t>(best));
    ids[row] = isfinite(logits(row, id)) ? id : no_token;
}

/// A number from 0 to 2^64 - 1 for a seed, a row and a draw (SplitMix64; Steele et al. 2014).
__device__ inline std::uint64_t random_bits(std::uint64_t seed, std::uint64_t row, std::uint64_t draw) {
    std::uint64_t z = seed + 0x9e3779b97f4a7c15ULL * (draw + 1) + 0xd1342543de82ef95ULL * row;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/// Draws from candidates that are sorted, best first. Probabilities are whole multiples of 2^-40 of the best one's, whose
/// sums are exact in any order.
struct draw_task {
    const float* sorted;  // (count)
    const token_id* sorted_ids;
    index count;
    index top_k;
    float temperature, top_p, min_p;
    std::uint64_t seed;
    index row;
    std::uint64_t* draws;
    token_id* out;

    __device__ float relative(index i) const { return expf((sorted[i] - sorted[0]) / temperature); }
    __device__ std::uint64_t mass(index i) const { return static_cast<std::uint64_t>(relative(i) * 0x1p40F); }
};

template <int Threads>
__global__ void __launch_bounds__(Threads) draw_kernel(draw_task task) {
    using scan = cub::BlockScan<std::uint64_t, Threads>;
    __shared__ typename scan::TempStorage storage;
    __shared__ std::uint64_t kept;
    if (!isfinite(task.sorted[0]) || isnan(task.sorted[task.count - 1])) {
        if (threadIdx.x == 0) *task.out = no_token;
        return;
    }
    const index candidates = task.top_k > 0 && task.top_k < task.count ? task.top_k : task.count;
    const index share = blocks_for(candidates, Threads);
    const index first = threadIdx.x * share;
    const index last = first + share < candidates ? first + share : candidates;
    std::uint64_t own = 0, likely = 0, before = 0, all = 0, all_likely = 0;
    for (index i = first; i < last; ++i) {
        own += task.mass(i);
        if (task.relative(i) >= task.min_p) likely += task.mass(i);
    }
    scan(storage).ExclusiveSum(likely, before, all_likely);
    __syncthreads();
    scan(storage).ExclusiveSum(own, before, all);

    // A token is kept while those better than it have less than top_p of all.
    const auto limit = task.top_p >= 1 ? all : static_cast<std::uint64_t>(static_cast<double>(all) * task.top_p);
    if (threadIdx.x == 0) kept = all;
    __syncthreads();
    std::uint64_t sum = before;
    for (index i = first; i < last && before < limit && limit <= before + own; ++i) {
        const std::uint64_t better = sum;
        sum += task.mass(i);
        if (better < limit && limit <= sum) kept = sum;
    }
    __syncthreads();

    const std::uint64_t random = random_bits(task.seed, static_cast<std::uint64_t>(task.row), *task.draws);
    const std::uint64_t drawn = __umul64hi(random, kept < all_likely ? kept : all_likely);
    __syncthreads();  // every thread has read the number of draws
    if (threadIdx.x == 0) ++*task.draws;
    sum = before;
    for (index i = first; i < last && before <= drawn && drawn < before + own; ++i) {
        const std::uint64_t better = sum;
        sum += task.mass(i);
        if (better <= drawn && drawn < sum) *task.out = task.sorted_ids[i];
    }
}

/// Chooses a token after each row of logits (rows, vocab); ids (rows).
inline void sample(const context& on, matrix_view<const float> logits, cuda_sampler& sampler,
                   vector_view<token_id> ids) {
    const sampling_options& options = sampler.options();
    if (options.temperature == 0)
        return launch(on, "sample_best", sample_best_kernel<sample_threads>,
                      {.grid = dim3(static_cast<unsigned>(logits.rows())), .threads = sample_threads, .overlaps = true},
                      logits, ids);
    for (index row = 0; row < logits.rows(); ++row) {
        sampler.sort(on, logits.data() + row * logits.stride());
        const draw_task task{sampler.sorted(),
                             sampler.sorted_ids(),
                             logits.columns(),
                             options.top_k,
                             static_cast<float>(options.temperature),
                             static_cast<float>(options.top_p),
                             static_cast<float>(options.min_p),
                             options.seed,
                             row,
                             sampler.draws() + row,
                             ids.data() + row};
        launch(on, "draw", draw_kernel<sample_threads>, {.grid = dim3(1), .threads = sample_threads}, task);
    }
}

}  // namespace cuda_kernels
}  // namespace ssm
