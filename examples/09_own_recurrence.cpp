// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Scans of one's own without a kernel: Mamba's with another discretisation, and one that sees a text both ways.
#include <ssm/backend/cpu/cpu.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "own_recurrences.hpp"

constexpr ssm::index tokens = 50, channels = 8, states = 4;
using numbers = std::vector<float>;

numbers uniform(ssm::index count, float low, float high) {
    static std::mt19937 generator{1};
    numbers values(static_cast<std::size_t>(count));
    for (float& value : values) value = std::uniform_real_distribution<float>(low, high)(generator);
    return values;
}

template <class R>
numbers scanned(const ssm::cpu& device, const R& recurrence) {
    numbers h(states * channels), y(tokens * channels);
    device.scan(ssm::sequential{}, recurrence, ssm::matrix_view<float>(h.data(), states, channels), 1,
                ssm::matrix_view<float>(y.data(), tokens, channels));
    return y;
}

// It takes the whole text, twice: what sees the next token has no state that a text could be written from.
numbers both_ways(const ssm::cpu& device, const held_selective<float>& r) {
    numbers sum = scanned(device, r);
    const numbers back = scanned(device, backwards<held_selective<float>>{r, tokens});
    for (std::size_t t = 0; t < tokens; ++t)
        for (std::size_t ch = 0; ch < channels; ++ch) sum[t * channels + ch] += back[(tokens - 1 - t) * channels + ch];
    return sum;
}

int main() {
    const numbers a = uniform(states * channels, -4, -1), d = uniform(channels, -1, 1);
    const numbers b = uniform(tokens * states, -1, 1), c = uniform(tokens * states, -1, 1);
    numbers x = uniform(tokens * channels, -1, 1), dt(tokens * channels);
    const auto by = [](const numbers& of, ssm::index columns) {
        return ssm::matrix_view<const float>(of.data(), static_cast<ssm::index>(of.size()) / columns, columns);
    };
    const ssm::selective<float> euler{by(a, channels),  ssm::vector_view<const float>(d.data(), channels),
                                      by(dt, channels), by(x, channels),
                                      by(b, states),    by(c, states)};
    const held_selective<float> held{euler};
    const ssm::cpu device;

    float apart[2];
    for (const int i : {0, 1}) {
        std::fill(dt.begin(), dt.end(), i == 0 ? 0.1F : 0.01F);
        const numbers by_euler = scanned(device, euler), by_hold = scanned(device, held);
        apart[i] = 0;
        for (std::size_t at = 0; at < by_euler.size(); ++at)
            apart[i] = std::max(apart[i], std::abs(by_euler[at] - by_hold[at]));
        std::printf("steps of %g: Euler's rule and zero-order hold are %.2g apart\n", dt[0], apart[i]);
    }

    const numbers before = both_ways(device, held);
    x.back() += 1;  // of the last token
    const bool sees_ahead = both_ways(device, held)[channels - 1] != before[channels - 1];
    std::printf("the first token sees the last: %s\n", sees_ahead ? "yes" : "no");
    return sees_ahead && apart[1] < apart[0] ? 0 : 1;
}
