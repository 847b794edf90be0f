// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cpu/buffer.hpp>
#include <ssm/backend/cpu/instruction_set.hpp>
#include <ssm/backend/cpu/lanes.hpp>
#include <ssm/backend/cpu/scan.hpp>
#include <ssm/backend/cpu/scan_range.hpp>
#include <ssm/backend/cpu/scratch.hpp>
#include <ssm/backend/cpu/thread_pool.hpp>
#include <ssm/core/view.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <algorithm>
#include <atomic>

namespace ssm::cpu_kernels {

/// Whole vectors in a row of scratch memory, so that kernels load no tails.
[[nodiscard]] constexpr index padded(index columns) noexcept {
    constexpr index pair = 2 * lanes::width;
    return (columns + pair - 1) / pair * pair;
}

/// y += a x for Rows rows of a and y: a (Rows, depth), x (depth, columns), in whole pairs of vectors, y (Rows, columns).
template <unsigned Rows>
void add_rows(matrix_view<const float> a, matrix_view<const float> x, matrix_view<float> y) {
    for (index j = 0; j < y.columns(); j += 2 * lanes::width) {
        const index count = y.columns() - j;
        lanes::f32 sum[Rows][2];
        SSM_UNROLL
        for (unsigned i = 0; i < Rows; ++i) {
            lanes::load_block(sum[i][0], y.data() + i * y.stride() + j, count);
            lanes::load_block(sum[i][1], y.data() + i * y.stride() + j + lanes::width,
                              std::max<index>(count - lanes::width, 0));
        }
        for (index k = 0; k < a.columns(); ++k) {
            lanes::f32 left;
            lanes::f32 right;
            lanes::load(left, x.data() + k * x.stride() + j);
            lanes::load(right, x.data() + k * x.stride() + j + lanes::width);
            SSM_UNROLL
            for (unsigned i = 0; i < Rows; ++i) {
                const lanes::f32 factor = (lanes::f32){} + a.data()[i * a.stride() + k];
                lanes::add_product(sum[i][0], factor, left);
                lanes::add_product(sum[i][1], factor, right);
            }
        }
        SSM_UNROLL
        for (unsigned i = 0; i < Rows; ++i) {
            lanes::store_block(y.data() + i * y.stride() + j, sum[i][0], count);
            lanes::store_block(y.data() + i * y.stride() + j + lanes::width, sum[i][1],
                               std::max<index>(count - lanes::width, 0));
        }
    }
}

/// Rows of a product at a time.
inline constexpr unsigned product_rows = 4;

/// y += a x, as above for any number of rows; `depth(i)` is how far the rows up to row i of a go, at most a.columns().
template <class Depth>
void add_matrix_product(matrix_view<const float> a, matrix_view<const float> x, matrix_view<float> y,
                        const Depth& depth) {
    index i = 0;
    for (; i + product_rows <= y.rows(); i += product_rows)
        add_rows<product_rows>(a.rows(i, product_rows).columns(0, depth(i + product_rows - 1)), x,
                               y.rows(i, product_rows));
    for (; i < y.rows(); ++i) add_rows<1>(a.rows(i, 1).columns(0, depth(i)), x, y.rows(i, 1));
}

/// One sequence's scan in its dual form, which `math::state_space_dual` states. `alike`, (c . b) of all pairs of tokens of
/// a chunk, is made once a group; the rest once a head.
template <class R>
class dual_scan {
public:
    dual_scan(const R& r, index length, index first_token, index tokens, matrix_view<float> h, matrix_view<float> y)
        : r_(r),
          length_(std::min(length, tokens)),
          first_token_(first_token),
          tokens_(tokens),
          h_(h),
          y_(y),
          alike_(make_cpu_buffer<float>(chunks() * r.groups * length_ * padded(length_), "dual scan")) {}

    void run(thread_pool& pool, instruction_set set) {
        const index states = h_.rows();
        const index ranges = std::min<index>(pool.size(), std::max(chunks() * r_.groups, r_.heads()));
        // Taken here and not in the loops, whose bodies must not throw.
        auto* const scratch = reinterpret_cast<float*>(thread_scratch(ranges * range_scratch() * index{sizeof(float)}));
        for_each(pool, chunks() * r_.groups, length_ * length_ * states, scratch,
                 [&](index i, float* memory) { compare_tokens(i / r_.groups, i % r_.groups, memory); });
        for_each(pool, r_.heads(), tokens_ * (2 * states + length_) * width(), scratch,
                 [&](index head, float* memory) { scan_head(set, head, memory); });
    }

private:
    [[nodiscard]] index chunks() const { return (tokens_ + length_ - 1) / length_; }
    [[nodiscard]] index start_of(index chunk) const { return first_token_ + chunk * length_; }
    [[nodiscard]] index size_of(index chunk) const { return std::min(length_, tokens_ - chunk * length_); }
    [[nodiscard]] index width() const { return h_.columns() / r_.heads(); }

    /// c(t) . b(s) in row t and column s, of a chunk and group; only s <= t is written.
    [[nodiscard]] matrix_view<float> alike(index chunk, index group) {
        const index size = length_ * padded(length_);
        return matrix_view<float>(alike_.data() + (chunk * r_.groups + group) * size, length_, padded(length_));
    }

    /// Calls `work(item, memory)` for [0, count), each range of them with a part of the scratch for its own.
    template <class Work>
    void for_each(thread_pool& pool, index count, index cost, float* scratch, const Work& work) const {
        std::atomic<index> ranges{0};
        pool.for_each_range(count, 1, cost, [&](index first, index last) {
            float* const memory = scratch + ranges.fetch_add(1, std::memory_order_relaxed) * range_scratch();
            for (index item = first; item < last; ++item) work(item, memory);
        });
    }

    void compare_tokens(index chunk, index group, float* memory) {
        const index states = h_.rows(), start = start_of(chunk), size = size_of(chunk);
        const matrix_view<float> b(memory, states, padded(length_));  // transposed
        const matrix_view<float> c(memory + b.size(), size, states);
        for (index t = 0; t < size; ++t)
            for (index n = 0; n < states; ++n) {
                b(n, t) = r_.b(start + t, group * states + n);
                c(t, n) = r_.c(start + t, group * states + n);
            }
        const matrix_view<float> out = alike(chunk, group);
        std::fill_n(out.data(), out.size(), 0.0F);
        add_matrix_product(c, b, out.rows(0, size), [&](index) { return states; });
    }

    /// What a range needs: B and C of a chunk; or the coefficients of y and of h, and what they multiply.
    [[nodiscard]] index range_scratch() const {
        const index states = h_.rows(), depth = states + length_;
        return std::max(states * padded(length_) + length_ * states,
                        length_ * depth + states * length_ + depth * padded(width()) + length_);
    }

    void scan_head(instruction_set set, index head, float* memory) {
        for (index chunk = 0; chunk < chunks(); ++chunk) {
            const index start = start_of(chunk), size = size_of(chunk);
            if (size < product_rows)
                scan_in_order(set, r_, {start, start + size, head * width(), (head + 1) * width()}, h_, y_);
            else
                scan_chunk(head, chunk, memory);
        }
    }

    void scan_chunk(index head, index chunk, float* memory) {
        const index states = h_.rows(), start = start_of(chunk), size = size_of(chunk);
        const index group = head / (r_.heads() / r_.groups);
        const matrix_view<float> h = h_.columns(head * width(), width());
        const matrix_view<float> y = y_.rows(start, size).columns(head * width(), width());
        const matrix_view<float> of_y(memory, size, states + size);              // of h, then of the drives
        const matrix_view<float> of_h(of_y.data() + of_y.size(), states, size);  // of the drives
        const matrix_view<float> in(of_h.data() + of_h.size(), states + size, padded(width()));  // h, then the drives
        float* const kept = in.data() + in.size();  // (size): of each token's drive, what the current one still has

        float since_start = 1;
        const matrix_view<float> same = alike(chunk, group);
        for (index t = 0; t < size; ++t) {
            const float decay = r_.decay(start + t, head);
            since_start *= decay;
            for (index n = 0; n < states; ++n) of_y(t, n) = since_start * r_.c(start + t, group * states + n);
            for (index s = 0; s < t; ++s) kept[s] *= decay;
            kept[t] = 1;
            for (index s = 0; s < size; ++s) of_y(t, states + s) = s <= t ? kept[s] * same(t, s) : 0.0F;
            for (index ch = 0; ch < width(); ++ch) {
                in(states + t, ch) = r_.drive(start + t, head * width() + ch);
                y(t, ch) = r_.skip(start + t, head * width() + ch);
            }
        }
        for (index n = 0; n < states; ++n) {
            for (index s = 0; s < size; ++s) of_h(n, s) = kept[s] * r_.b(start + s, group * states + n);
            for (index ch = 0; ch < width(); ++ch) {
                in(n, ch) = h(n, ch);
                h(n, ch) *= since_start;
            }
        }
        add_matrix_product(of_y, in, y, [&](index t) { return states + t + 1; });
        add_matrix_product(of_h, in.rows(states, size), h, [&](index) { return size; });
    }

    const R& r_;
    index length_, first_token_, tokens_;
    matrix_view<float> h_, y_;
    cpu_buffer<float> alike_;
};

}  // namespace ssm::cpu_kernels

namespace ssm {

template <class Products>
class basic_cpu;

/// Heads in parallel, chunks in the order of time. Scratch: the products of all pairs of tokens of a chunk, for each group.
template <class Products>
struct scan_kernel<state_space_dual, basic_cpu<Products>> {
    template <recurrence R>
    static void run(thread_pool& pool, instruction_set set, state_space_dual policy, const R& r, index first_token,
                    index tokens, matrix_view<float> h, matrix_view<float> y) {
        static_assert(decays_by_head<R>,
                      "ssm: state_space_dual takes a recurrence with one decay a head: see decays_by_head in "
                      "policy/recurrence.hpp");
        const index length = length_of(policy);
        // A token or a few give no products, and decoding allocates nothing.
        if (tokens < index{cpu_kernels::product_rows})
            return scan_kernel<sequential, basic_cpu<Products>>::run(pool, set, {}, r, first_token, tokens, h, y);
        cpu_kernels::dual_scan<R>(r, length, first_token, tokens, h, y).run(pool, set);
    }
};

}  // namespace ssm
