// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/sampling_options.hpp>
#include <ssm/generate/token_history.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace ssm {

/// Chooses tokens from logits as its options say, and remembers them for the repetition penalty.
///
/// Where two logits are equal the lower id counts as the more likely, so that every choice is well defined. After the
/// first call, none allocates.
class sampler {
public:
    /// Throws argument_error for an option out of range.
    explicit sampler(const sampling_options& options = {})
        : options_(validated(options)), history_(options.repetition_window), random_(options.seed) {}

    /// Makes tokens count as seen: the prompt, if it is to be penalised as transformers does.
    void observe(std::span<const token_id> ids) {
        if (!penalises()) return;
        for (const token_id id : ids) history_.push(id);
    }

    /// The next token, which then counts as seen; logits (vocab), of which -infinity excludes a token.
    /// Throws argument_error for a NaN or +infinity, or when no token is left.
    [[nodiscard]] token_id operator()(std::span<const float> logits) {
        check_logits(logits);
        const token_id id = choose(logits);
        if (penalises()) history_.push(id);
        return id;
    }

private:
    struct candidate {
        double score;  // a logit, later its exponential: a probability but for a common factor
        token_id id;
    };

    static bool is_better(const candidate& a, const candidate& b) noexcept {
        return a.score != b.score ? a.score > b.score : a.id < b.id;
    }

    [[nodiscard]] token_id choose(std::span<const float> logits) {
        const bool greedy = options_.temperature == 0;
        if (greedy && !penalises())
            return static_cast<token_id>(std::max_element(logits.begin(), logits.end()) - logits.begin());
        penalise(logits);
        return greedy ? best() : draw();
    }

    [[nodiscard]] bool penalises() const noexcept { return options_.repetition_penalty != 1; }

    static void check_logits(std::span<const float> logits) {
        const auto refuse = [](const std::string& found, const char* remedy) {
            return argument_error({"sampler", "logits", found, "numbers, at least one of them finite", remedy});
        };
        constexpr float infinity = std::numeric_limits<float>::infinity();
        bool all = true;
        bool any = false;
        for (const float logit : logits) {  // no way out of it, so that it runs in vectors
            all &= logit < infinity;
            any |= logit > -infinity;
        }
        if (!all) {
            const auto bad =
                std::find_if_not(logits.begin(), logits.end(), [](float logit) { return logit < infinity; });
            throw refuse(
                (std::isnan(*bad) ? "NaN for token " : "infinity for token ") + std::to_string(bad - logits.begin()),
                "check the checkpoint for damaged weights");
        }
        if (!any) throw refuse(logits.empty() ? "none" : "-infinity for every token", "leave a token to choose");
    }

    /// Fills candidates_, in the order of ids, with logits after the penalty of Keskar et al. 2019, section 4.1, in the
    /// form that also lowers negative logits.
    void penalise(std::span<const float> logits) {
        if (candidates_.capacity() < logits.size() && penalises()) history_.reserve(logits.size());
        candidates_.clear();
        candidates_.reserve(logits.size());
        for (const float logit : logits) candidates_.push_back({logit, static_cast<token_id>(candidates_.size())});
        const double penalty = options_.repetition_penalty;
        for (const auto& seen : history_.entries()) {
            if (seen.id < 0 || static_cast<std::size_t>(seen.id) >= candidates_.size()) continue;
            double& score = candidates_[static_cast<std::size_t>(seen.id)].score;
            score = score < 0 ? score * penalty : score / penalty;
        }
    }

    [[nodiscard]] token_id best() const {
        return std::min_element(candidates_.begin(), candidates_.end(), is_better)->id;
    }

    [[nodiscard]] token_id draw() {
        keep_top_k();
        exponentiate();
        keep_top_p();
        keep_min_p();
        double left = uniform() * total();
        for (const candidate& c : candidates_) {
            left -= c.score;
            if (left < 0) return c.id;
        }
        return best();  // the subtractions rounded past the end
    }

    void keep_top_k() {
        if (options_.top_k == 0 || static_cast<std::size_t>(options_.top_k) >= candidates_.size()) return;
        const auto end = candidates_.begin() + options_.top_k;
        std::partial_sort(candidates_.begin(), end, candidates_.end(), is_better);
        candidates_.erase(end, candidates_.end());
    }

    /// Scores become e^((logit - largest) / temperature): the most likely one is 1.
    void exponentiate() {
        const double largest = std::min_element(candidates_.begin(), candidates_.end(), is_better)->score;
        for (candidate& c : candidates_) c.score = std::exp((c.score - largest) / options_.temperature);
    }

    /// Holtzman et al. 2020: keeps a token while those better than it have less than top_p of the probability.
    void keep_top_p() {
        if (options_.top_p == 1) return;
        const double all = total();
        // All tokens below this score together have less than 1 - top_p, so they go without being sorted.
        const double negligible = all * (1 - options_.top_p) / static_cast<double>(candidates_.size());
        drop([&](const candidate& c) { return c.score < negligible; });
        std::sort(candidates_.begin(), candidates_.end(), is_better);
        double better = 0;
        drop([&](const candidate& c) {
            const bool dropped = better >= options_.top_p * all;
            better += c.score;
            return dropped;
        });
    }

    void keep_min_p() {
        drop([&](const candidate& c) { return c.score < options_.min_p; });
    }

    template <class Predicate>
    void drop(Predicate predicate) {
        std::size_t kept = 0;
        for (std::size_t i = 0; i < candidates_.size(); ++i)
            if (!predicate(candidates_[i])) candidates_[kept++] = candidates_[i];
        candidates_.resize(kept);
    }

    [[nodiscard]] double total() const {
        double sum = 0;
        for (const candidate& c : candidates_) sum += c.score;
        return sum;
    }

    /// Uniform in [0, 1): the upper 53 bits of the generator, whose sequence the standard fixes. The distributions of
    /// <random> are left to each library.
    [[nodiscard]] double uniform() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

    sampling_options options_;
    token_history history_;
    std::mt19937_64 random_;
    std::vector<candidate> candidates_;  // reused from call to call
};

}  // namespace ssm
