// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/dtype.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

/// \file
/// What logits say about the tokens of a text, and how far two models' predictions lie apart.
namespace ssm::tools {

/// Mean and spread of a sample that comes one by one (Welford 1962).
class running_mean {
public:
    void add(double value) {
        ++count_;
        const double step = value - mean_;
        mean_ += step / static_cast<double>(count_);
        squares_ += step * (value - mean_);
    }
    [[nodiscard]] index count() const noexcept { return count_; }
    [[nodiscard]] double mean() const noexcept { return mean_; }
    /// Standard error of the mean, as if the values were independent.
    [[nodiscard]] double error() const {
        const auto count = static_cast<double>(count_);
        return count_ > 1 ? std::sqrt(squares_ / (count - 1) / count) : 0;
    }

private:
    index count_ = 0;
    double mean_ = 0;
    double squares_ = 0;
};

/// log of the sum of e^logit, without overflow.
[[nodiscard]] inline double log_sum_exp(std::span<const float> logits) {
    const auto most = static_cast<double>(*std::max_element(logits.begin(), logits.end()));
    double sum = 0;
    for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - most);
    return most + std::log(sum);
}

/// -log of the probability of a token, in nats.
[[nodiscard]] inline double surprise(std::span<const float> logits, std::size_t token) {
    return log_sum_exp(logits) - static_cast<double>(logits[token]);
}

/// The Kullback-Leibler divergence of predictions q from predictions p, sum of p log(p / q), in nats.
[[nodiscard]] inline double divergence(std::span<const float> p_logits, std::span<const float> q_logits) {
    const double p_norm = log_sum_exp(p_logits);
    const double q_norm = log_sum_exp(q_logits);
    double sum = 0;
    for (std::size_t i = 0; i < p_logits.size(); ++i) {
        const double log_p = static_cast<double>(p_logits[i]) - p_norm;
        const double log_q = static_cast<double>(q_logits[i]) - q_norm;
        sum += std::exp(log_p) * (log_p - log_q);
    }
    return sum;
}

/// The most likely token, the first of several.
[[nodiscard]] inline std::size_t likeliest(std::span<const float> logits) {
    return static_cast<std::size_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

}  // namespace ssm::tools
