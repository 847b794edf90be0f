// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/policy/prefill.hpp>

#include <cstddef>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace ssm {

/// What came of a draft model's guesses.
struct draft_record {
    index rounds = 0;    ///< passes of the target model
    index drafted = 0;   ///< tokens that the draft model guessed
    index accepted = 0;  ///< of which the target model would have chosen the same

    [[nodiscard]] double acceptance() const noexcept {
        return drafted == 0 ? 0 : static_cast<double>(accepted) / static_cast<double>(drafted);
    }
};

/// Writes the greedy text of a target model, with a smaller draft model that guesses some tokens ahead: the target reads
/// all guesses in one pass over its weights, keeps those it would have chosen itself and goes back over the others
/// (Leviathan et al. 2023, for temperature 0). The text is the target's own: to the bit where the target's logits do not
/// depend on how tokens are cut into calls, as on `ssm::cpu`.
template <class Target, class Draft>
class speculative {
public:
    /// `ahead` guesses a round. Throws argument_error for fewer than one, for two vocabularies, or for models that
    /// cannot go back, and memory_error.
    speculative(Target target, Draft draft, index ahead = 4)
        : target_(std::move(target), session_options{.rewind = checked(ahead) + 1}),
          draft_(std::move(draft), session_options{.rewind = ahead + 1}),
          ahead_(ahead) {
        const index target_vocab = target_.model().config().vocab;
        const index draft_vocab = draft_.model().config().vocab;
        if (target_vocab != draft_vocab)
            throw argument_error({"speculative", "draft", "a vocabulary of " + std::to_string(draft_vocab),
                                  std::to_string(target_vocab), "both models must have one tokenizer"});
    }

    /// Reads more text, after all that `next` has returned. Throws as `session::prefill` does.
    template <class Policy = typename Target::arch::prefill>
    void prefill(std::span<const token_id> ids, const Policy& policy = {}) {
        take_back_unsaid();
        std::vector<token_id> unread;
        if (last_) unread.push_back(*last_);
        unread.insert(unread.end(), ids.begin(), ids.end());
        target_.prefill(unread, policy);
        draft_.prefill(unread, policy);
        last_.reset();
    }

    /// The token that comes next. Throws argument_error when nothing was prefilled yet.
    [[nodiscard]] token_id next() {
        if (unsaid_.empty()) last_ ? run_round() : say(greedy_(target_.logits()));
        const token_id id = unsaid_.front();
        unsaid_.pop_front();
        return id;
    }

    [[nodiscard]] const draft_record& record() const noexcept { return record_; }
    [[nodiscard]] index ahead() const noexcept { return ahead_; }
    [[nodiscard]] const session<Target>& target() const noexcept { return target_; }

private:
    static index checked(index ahead) {
        if (ahead < 1) throw argument_error({"speculative", "ahead", std::to_string(ahead), "at least 1", {}});
        return ahead;
    }

    void say(token_id id) {
        unsaid_.push_back(id);
        last_ = id;
    }

    /// Says one to `ahead` + 1 tokens. Before and after it both sessions have read all tokens said but the last; only the
    /// draft's last guess may be pending instead.
    void run_round() {
        guesses_.assign(1, *last_);
        draft_.prefill(guesses_);
        for (index i = 0; i < ahead_; ++i) guesses_.push_back(draft_.next(greedy_));

        const index start = target_.position();
        const auto rows = target_.score(guesses_);
        const auto vocab = static_cast<std::size_t>(target_.model().config().vocab);
        std::size_t agreed = 0;
        token_id chosen = greedy_(rows.first(vocab));
        while (agreed + 1 < guesses_.size() && guesses_[agreed + 1] == chosen) {
            say(chosen);
            ++agreed;
            chosen = greedy_(rows.subspan(agreed * vocab, vocab));
        }
        go_back_to(start + 1 + static_cast<index>(agreed));
        say(chosen);
        ++record_.rounds;
        record_.drafted += ahead_;
        record_.accepted += static_cast<index>(agreed);
    }

    void go_back_to(index position) {
        target_.rewind_to(position);
        // Behind that the draft can only be by its last guess, which was right and is pending.
        if (draft_.position() >= position) draft_.rewind_to(position);
    }

    /// Tokens chosen that nobody was told.
    void take_back_unsaid() {
        if (unsaid_.empty()) return;
        go_back_to(target_.position() - static_cast<index>(unsaid_.size()) + 1);
        unsaid_.clear();
        last_.reset();
    }

    session<Target> target_;
    session<Draft> draft_;
    index ahead_;
    sampler greedy_{{.temperature = 0}};
    std::vector<token_id> guesses_;  // the last token chosen, and what the draft makes follow it
    std::optional<token_id> last_;   // chosen last, not read yet
    std::deque<token_id> unsaid_;    // chosen, not returned yet: last_ is the last of them
    draft_record record_;
};

}  // namespace ssm
