// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>
#include <ssm/core/error.hpp>

#include <concepts>
#include <string>
#include <type_traits>

namespace ssm {

/// Time runs in order, one token after another; parallel over channels only.
/// Splitting a prompt anywhere gives the same bits, since no operation depends on where a call begins.
struct sequential {
    friend bool operator==(const sequential&, const sequential&) = default;
};

/// Time is cut into chunks of `length` tokens that run in parallel: each chunk is summarised as one affine map per state,
/// the maps are composed in order, and each chunk is replayed from the state it really starts with (Blelloch's scan,
/// as in Mamba, section 3.3.2). The same result as `sequential` within rounding; twice the arithmetic.
struct chunked {
    index length = 256;  ///< tokens, positive
    friend bool operator==(const chunked&, const chunked&) = default;
};

/// Time runs in blocks of `length` tokens, whose outputs are a convolution with the recurrence's kernel, computed once a
/// call: no output waits for the one before it. For recurrences that are `time_invariant` (S4D; Gu et al. 2022), and
/// refused for others. The same result as `sequential` within rounding; length / 2 multiply-adds more a token and channel, and
/// one more a state, which a CPU that has channels enough to be busy does not get back (2.6 to 3.1 times the time). On CUDA
/// blocks have at most 64 tokens, and fewer than 8 tokens a sequence or more states than shared memory holds (214 on an
/// H100, of blocks of 64) go in order.
struct convolution {
    index length = 64;  ///< tokens, positive
    friend bool operator==(const convolution&, const convolution&) = default;
};

/// Time is cut into chunks of `length` tokens, and what happens within one is matrix products (the state-space dual form;
/// Dao and Gu 2024, section 6): for recurrences that satisfy `decays_by_head`, such as Mamba-2's. The same result as
/// `sequential` within rounding; more arithmetic, which runs at the speed of products. On CUDA chunks have at most 64 tokens, and
/// fewer than 8 tokens a sequence or more than 128 states go in order.
struct state_space_dual {
    index length = 64;  ///< tokens, positive
    friend bool operator==(const state_space_dual&, const state_space_dual&) = default;
};

/// The length of a policy that has one; every kernel takes it from here. Throws argument_error when it is not positive.
template <class Policy>
[[nodiscard]] index length_of(const Policy& policy) {
    if (policy.length < 1)
        throw argument_error({"scan policy", "length", std::to_string(policy.length), "at least 1",
                              "it is the tokens of a chunk or block; a policy's own default suits most"});
    return policy.length;
}

/// How a scan policy runs on a backend. Declared only: each backend specialises it for the policies it supports, with
/// a static member template `run` over any recurrence. What it takes is the backend's own affair; what it computes is
/// written at `can_scan_with` in backend/concepts.hpp.
template <class Policy, class Backend>
struct scan_kernel;

/// A scan policy is a value: copyable, comparable, free of resources.
template <class P>
concept scan_policy = std::is_trivially_copyable_v<P> && std::equality_comparable<P> && std::default_initializable<P>;

/// The backend has a kernel for the policy.
template <class P, class Backend>
concept scan_policy_on = scan_policy<P> && requires {
    sizeof(scan_kernel<P, Backend>);
};

}  // namespace ssm
