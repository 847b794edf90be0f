// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>

#include <algorithm>
#include <vector>

#include "support/catch.hpp"
#include "support/random_values.hpp"

namespace scan_test {

namespace {

using ssm::test::random_values;

constexpr ssm::index tokens = 100, states = 32;  // enough work for three threads

/// S4D of random numbers; `from(t)` is its recurrence over the tokens from t on.
struct random_s4d {
    explicit random_s4d(ssm::index channels)
        : channels_(channels),
          decay_(random_values(states * channels, 0, 1, 1)),
          gain_(random_values(states * channels, -1, 1, 2)),
          c_(random_values(states * channels, -1, 1, 3)),
          d_(random_values(channels, -1, 1, 4)),
          x_(random_values(tokens * channels, -1, 1, 5)) {}

    ssm::s4d<float> from(ssm::index t) const {
        const auto per_state = [&](const std::vector<float>& values) {
            return ssm::matrix_view<const float>(values.data(), states, channels_);
        };
        return {per_state(decay_), per_state(gain_), per_state(c_), ssm::vector_view<const float>(d_.data(), channels_),
                ssm::matrix_view<const float>(x_.data(), tokens, channels_).rows(t, tokens - t)};
    }

    ssm::index channels_;
    std::vector<float> decay_, gain_, c_, d_, x_;
};

struct outcome {
    std::vector<float> h;
    std::vector<float> y;
    friend bool operator==(const outcome&, const outcome&) = default;
};

outcome scanned(const ssm::cpu& device, const random_s4d& recurrence, ssm::index length) {
    const ssm::index channels = recurrence.channels_;
    outcome result{random_values(states * channels, -1, 1, 6),
                   std::vector<float>(static_cast<std::size_t>(tokens * channels))};
    for (ssm::index t = 0; t < tokens; t += length)
        device.scan(ssm::sequential{}, recurrence.from(t), ssm::matrix_view<float>(result.h.data(), states, channels),
                    1,
                    ssm::matrix_view<float>(result.y.data(), tokens, channels).rows(t, std::min(length, tokens - t)));
    return result;
}

}  // namespace

TEST_CASE("A recurrence without a tuned form leaves the same bits however time is cut and threads share it") {
    const ssm::cpu one{{.threads = 1}}, two{{.threads = 2}}, three{{.threads = 3}};
    for (const ssm::index channels : {1, 5, 16, 21, 64, 77}) {
        const random_s4d recurrence(channels);
        const outcome whole = scanned(one, recurrence, tokens);
        for (const ssm::cpu* device : {&one, &two, &three})
            for (const ssm::index length : {1, 3, 7, 50, 100}) {
                CAPTURE(channels, device->threads(), length);
                CHECK(scanned(*device, recurrence, length) == whole);
            }
    }
}

}  // namespace scan_test
