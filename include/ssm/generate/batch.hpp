// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/view.hpp>
#include <ssm/generate/prompt.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/generate/snapshot.hpp>
#include <ssm/policy/prefill.hpp>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace ssm {

/// A model whose `forward` takes one token of each of some sequences and a chunk of another at once.
template <class M>
concept reads_ragged = requires(const M model, std::span<const token_id> ids, typename M::range_type range,
                                typename M::workspace_type& scratch, matrix_view<float> logits) {
    model.forward(ids, range, range, scratch, logits);
};

/// Sequences of any length and at any position that share each pass over the weights. They join and are removed between
/// steps; none waits for another's text to end, and nothing is padded.
///
///     batch.join(prompt);                                    // as often as you like, at any time
///     batch.step();                                          // every sequence moves on
///     for (auto row : batch.ready()) batch.next(row, sampler[row]);
///
/// A step reads one chunk of one prompt, in the order of joining, and the token that each of the other sequences has
/// chosen last, in one pass; in two where the model's mixer takes equally many tokens of each sequence only. Where the
/// backend's products do not depend on the number of rows, as on `ssm::cpu`, each sequence gets the bits it would get alone.
/// All memory is taken by the constructor.
template <class Model>
class batch {
    static_assert(language_model<Model>,
                  "ssm: a batch is made from a model: see language_model in generate/session.hpp for what it owes");
    static_assert(Model::arch::conv_state::advance(0, 3, 1) == 0,
                  "ssm: the sequences of a batch are at different positions, so its conv state has no cursor: use "
                  "shift_window");

    using backend = typename Model::backend;

public:
    using state_type = typename Model::state_type;
    /// Names a sequence for as long as it is in the batch; never used twice.
    using row_id = index;

    /// Room for `capacity` sequences at a time; more may join, and wait. A prompt is read in chunks of at most `chunk`
    /// tokens. Throws argument_error or memory_error.
    explicit batch(Model model, index capacity, in_chunks chunk = {})
        : model_(std::move(model)),
          capacity_(checked("capacity", capacity)),
          chunk_(checked("chunk", chunk.length)),
          slots_(model_.start_state(capacity + 1)),
          scratch_(model_.make_workspace(most_tokens(capacity, chunk.length))),
          logits_(model_.device().template allocate<float>(capacity * model_.config().vocab, "logits")) {
        running_.reserve(static_cast<std::size_t>(capacity));
        ids_.reserve(static_cast<std::size_t>(most_tokens(capacity, chunk.length)));
    }

    /// A new sequence that begins with `prompt`. Throws argument_error for no ids or one outside the vocabulary.
    row_id join(std::span<const token_id> prompt) {
        check(prompt);
        waiting_.push_back({.id = next_id_, .prompt = {prompt.begin(), prompt.end()}});
        return next_id_++;
    }
    /// A sequence that goes on from a snapshot and then reads `more`, which may be empty for one that has logits or a
    /// pending token. Its state takes memory of its own until there is room in the batch. Throws argument_error.
    row_id join(snapshot<Model> from, std::span<const token_id> more = {}) {
        if (!more.empty()) check(more);
        if (more.empty() && from.logits.empty() && !from.pending)
            throw argument_error({"batch::join", "snapshot", "neither logits nor a pending token",
                                  "either, or more ids", "read at least one token first"});
        if (!from.logits.empty() && static_cast<index>(from.logits.size()) != vocab())
            throw argument_error({"batch::join", "snapshot", std::to_string(from.logits.size()) + " logits",
                                  std::to_string(vocab()), "a snapshot belongs to its model"});
        if (from.state.sequences() != 1 || from.state.shape() != slots_.shape())
            throw argument_error(
                {"batch::join", "snapshot", "a state of another shape", "one sequence of this model", {}});
        row joined{.id = next_id_, .prompt = {more.begin(), more.end()}};
        if (from.pending) check({&*from.pending, 1});
        if (from.pending && !more.empty())
            joined.prompt.insert(joined.prompt.begin(), *from.pending);
        else
            joined.pending = from.pending;
        if (more.empty()) joined.logits = std::move(from.logits);
        joined.start.emplace(std::move(from.state));
        waiting_.push_back(std::move(joined));
        return next_id_++;
    }

    /// Moves every sequence on: one chunk for the one whose prompt is being read, and for each of the others the token
    /// it has chosen. Those that choose next are then in `ready()`.
    void step() {
        admit();
        std::span<row> rows = chosen_from(0);
        while (!rows.empty()) {
            const std::span<row> others = chosen_from(place_of(rows) + rows.size());
            if (reads_ragged<Model> && reading_ && others.empty()) break;  // these share the chunk's pass
            run(rows);
            rows = others;
        }
        if (reading_) read_chunk(rows);
        list_ready();
    }

    /// The sequences that had logits to choose from after the last step.
    [[nodiscard]] const std::vector<row_id>& ready() const noexcept { return ready_; }

    /// The token that `choose` picks to come next in a sequence of `ready()`; the next step reads it. Throws
    /// argument_error, and whatever `choose` throws, with every sequence unchanged.
    template <class Chooser>
    token_id next(row_id id, Chooser&& choose) {
        static_assert(token_chooser<std::remove_reference_t<Chooser>>,
                      "ssm: what chooses a token is callable with std::span<const float> and returns a token_id");
        const token_id chosen = choose(logits(id));
        check({&chosen, 1});
        running_[static_cast<std::size_t>(find_running(id) - running_.begin())].pending = chosen;
        return chosen;
    }

    /// The logits (vocab) after the last token of a sequence of `ready()`. Throws argument_error.
    [[nodiscard]] std::span<const float> logits(row_id id) const {
        const auto at = find_running(id);
        if (at == running_.end() || !at->waits_for_choice())
            throw argument_error({"batch", "row", std::to_string(id), "one of ready()", "call step() first"});
        return at->logits;
    }

    /// Where a sequence stands, to go on from it in a session, later, or in another batch. What it has not read of its
    /// prompt is not part of it. Throws argument_error for a row that is not in the batch, and memory_error.
    [[nodiscard]] snapshot<Model> snapshot_of(row_id id) const {
        const auto at = find_running(id);
        const bool is_reading = reading_ && reading_->id == id;
        if (at == running_.end() && !is_reading) {
            const row& waiting = *find_waiting(id);
            return {waiting.start ? *waiting.start : model_.start_state(), waiting.logits, waiting.pending};
        }
        const row& r = is_reading ? *reading_ : *at;
        state_type own = model_.start_state();
        own.copy_sequence(model_.device(), 0, slots_, at - running_.begin());
        return {std::move(own), r.pending ? std::vector<float>() : r.logits, r.pending};
    }

    /// Takes a sequence out; the others are not touched, and `ready()` changes with the next step only. Throws
    /// argument_error for a row that is not in the batch.
    void remove(row_id id) {
        const auto at = find_running(id);
        if (at != running_.end()) {
            const index hole = at - running_.begin();
            const index last = running_count() - 1;
            if (hole != last) {
                move_slot(last, hole);
                running_[static_cast<std::size_t>(hole)] = std::move(running_.back());
            }
            running_.pop_back();
            if (reading_) move_slot(last + 1, last);
        } else if (reading_ && reading_->id == id) {
            reading_.reset();
        } else {
            waiting_.erase(find_waiting(id));
        }
    }

    /// Tokens that a sequence has read.
    [[nodiscard]] index position(row_id id) const {
        const auto at = find_running(id);
        if (at != running_.end() || (reading_ && reading_->id == id)) return slots_.position(at - running_.begin());
        const row& waiting = *find_waiting(id);
        return waiting.start ? waiting.start->position() : 0;
    }

    /// Sequences in the batch, those that wait included.
    [[nodiscard]] index size() const noexcept {
        return running_count() + (reading_ ? 1 : 0) + static_cast<index>(waiting_.size());
    }
    [[nodiscard]] index capacity() const noexcept { return capacity_; }
    [[nodiscard]] index scratch_bytes() const { return scratch_.bytes(); }
    [[nodiscard]] const Model& model() const noexcept { return model_; }

private:
    struct row {
        row_id id;
        std::vector<token_id> prompt = {};  // what is left of it from `done` on
        std::size_t done = 0;
        std::optional<state_type> start = std::nullopt;  // until the row has a slot
        std::vector<float> logits = {};                  // (vocab) or empty
        std::optional<token_id> pending = std::nullopt;

        [[nodiscard]] bool reads() const noexcept { return done < prompt.size(); }
        [[nodiscard]] bool waits_for_choice() const noexcept { return !logits.empty() && !pending; }
    };
    using row_list = std::vector<row>;

    static index checked(const char* what, index value) {
        if (value < 1) throw argument_error({"batch", what, std::to_string(value), "at least 1", {}});
        return value;
    }

    /// Of a pass: a token of every other sequence, and a chunk. More than can be counted is refused as a workspace.
    static index most_tokens(index capacity, index chunk) {
        return capacity - 1 + std::min(chunk, std::numeric_limits<index>::max() - capacity);
    }

    void check(std::span<const token_id> ids) const { check_tokens(ids, vocab()); }

    [[nodiscard]] index vocab() const { return model_.config().vocab; }
    [[nodiscard]] index running_count() const noexcept { return static_cast<index>(running_.size()); }
    [[nodiscard]] typename row_list::const_iterator find_running(row_id id) const {
        return std::find_if(running_.begin(), running_.end(), [&](const row& r) { return r.id == id; });
    }
    [[nodiscard]] typename std::deque<row>::const_iterator find_waiting(row_id id) const {
        const auto at = std::find_if(waiting_.begin(), waiting_.end(), [&](const row& r) { return r.id == id; });
        if (at == waiting_.end()) throw argument_error({"batch", "row", std::to_string(id), "one in the batch", {}});
        return at;
    }

    void move_slot(index from, index to) { slots_.copy_sequence(model_.device(), to, slots_, from); }

    /// Gives slots to those that wait: to one that has a prompt to read, when no other is read, and to all others.
    void admit() {
        for (auto at = waiting_.begin(); at != waiting_.end();) {
            if (running_count() + (reading_ ? 1 : 0) == capacity_) return;
            if (at->reads() && reading_) {
                ++at;
                continue;
            }
            // The running rows keep the first slots, the one that reads has the slot after them.
            const index slot = running_count();
            if (reading_) move_slot(slot, slot + 1);
            if (at->start)
                slots_.copy_sequence(model_.device(), slot, *at->start, 0);
            else
                move_slot(capacity_, slot);  // the slot that stays blank
            at->start.reset();
            if (at->reads())
                reading_ = std::move(*at);
            else
                running_.push_back(std::move(*at));
            at = waiting_.erase(at);
        }
    }

    [[nodiscard]] std::size_t place_of(std::span<const row> rows) const {
        return static_cast<std::size_t>(rows.data() - running_.data());
    }
    /// The first neighbouring rows from a place on that have chosen: all of them, unless some wait for their caller.
    [[nodiscard]] std::span<row> chosen_from(std::size_t place) {
        const auto has_chosen = [](const row& r) { return r.pending.has_value(); };
        const auto first =
            std::find_if(running_.begin() + static_cast<std::ptrdiff_t>(place), running_.end(), has_chosen);
        return {first, std::find_if_not(first, running_.end(), has_chosen)};
    }

    [[nodiscard]] auto range_of(std::span<const row> rows) {
        return state_range(slots_, static_cast<index>(place_of(rows)), static_cast<index>(rows.size()));
    }
    void collect_chosen(std::span<const row> rows) {
        ids_.clear();
        for (const row& r : rows) ids_.push_back(*r.pending);
    }

    void run(std::span<row> rows) {
        collect_chosen(rows);
        model_.forward(ids_, range_of(rows), scratch_, logit_view(static_cast<index>(rows.size())));
        for (row& r : rows) r.pending.reset();
        keep_logits(rows);
    }

    /// The next chunk of the prompt that is being read, and in the same pass what these rows have chosen.
    void read_chunk(std::span<row> beside) {
        row& r = *reading_;
        const auto left = std::span<const token_id>(r.prompt).subspan(r.done);
        const auto now = left.first(std::min(left.size(), static_cast<std::size_t>(chunk_)));
        const bool ends = now.size() == left.size();
        const state_range chunk(slots_, running_count(), 1);
        const matrix_view<float> logits = logit_view(static_cast<index>(beside.size()) + (ends ? 1 : 0));
        if (beside.empty()) {
            model_.forward(now, chunk, scratch_, logits);
        } else if constexpr (reads_ragged<Model>) {
            collect_chosen(beside);
            ids_.insert(ids_.end(), now.begin(), now.end());
            model_.forward(ids_, range_of(beside), chunk, scratch_, logits);
        }
        for (row& other : beside) other.pending.reset();
        r.done += now.size();
        keep_logits(beside, ends ? &r : nullptr);
        if (!ends) return;
        r.prompt = {};
        r.done = 0;
        running_.push_back(std::move(r));
        reading_.reset();
    }

    [[nodiscard]] matrix_view<float> logit_view(index rows) {
        return matrix_view<float>(logits_.data(), rows, vocab());
    }

    /// Rows keep their logits on the host, for they change their slots.
    void keep_logits(std::span<row> of, row* and_of = nullptr) {
        const auto keep = [&, count = vocab()](const float* from) {
            for (row& r : of) {
                r.logits.assign(from, from + count);
                from += count;
            }
            if (and_of != nullptr) and_of->logits.assign(from, from + count);
        };
        const index rows = static_cast<index>(of.size()) + (and_of != nullptr ? 1 : 0);
        if constexpr (std::is_same_v<typename backend::template buffer<float>, std::vector<float>>)
            keep(logits_.data());
        else if (rows > 0)
            keep(model_.device().download(logit_view(rows)).data());
    }

    void list_ready() {
        ready_.clear();
        for (const row& r : running_)
            if (r.waits_for_choice()) ready_.push_back(r.id);
    }

    Model model_;
    index capacity_;
    index chunk_;
    state_type slots_;  // capacity + 1: the running rows, the one that reads, free ones, and one that stays blank
    typename Model::workspace_type scratch_;
    typename backend::template buffer<float> logits_;  // (capacity, vocab)
    row_list running_;                                 // row i has slot i
    std::optional<row> reading_;                       // has the slot after those
    std::deque<row> waiting_;
    std::vector<row_id> ready_;
    std::vector<token_id> ids_;
    row_id next_id_ = 0;
};

}  // namespace ssm
