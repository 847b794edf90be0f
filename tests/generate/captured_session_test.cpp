// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// The host's side of a captured session, over a model that counts and a device that records.
#include <ssm/generate/captured_session.hpp>
#include <ssm/generate/generate.hpp>
#include <ssm/policy/conv_state.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <span>
#include <vector>

#include "generate/counting_model.hpp"
#include "support/catch.hpp"

namespace captured_session_test {

namespace {

using ssm::index;
using ssm::token_id;
using tokens = std::vector<token_id>;

/// A device that tells what is computed from what is only counted, as a stream under capture does.
struct recording_device : ssm::test::counting_model::backend {
    enum class mode { eager, capturing, replaying };
    mutable mode now = mode::eager;
    mutable int waits = 0, downloads = 0;

    struct greedy_sampler {};
    static bool samples_with(const ssm::sampling_options& options) { return options.repetition_penalty == 1; }
    greedy_sampler make_sampler(const ssm::sampling_options&, index) const { return {}; }
    void sample(ssm::matrix_view<const float> logits, greedy_sampler&, ssm::vector_view<token_id> ids) const {
        if (now == mode::capturing) return;
        const auto* const best = std::max_element(logits.data(), logits.data() + logits.columns());
        ids[0] = std::isnan(*best) ? -1 : static_cast<token_id>(best - logits.data());
    }

    template <class Enqueue>
    std::function<void()> capture(const Enqueue& enqueue) const {
        during(mode::capturing, enqueue);
        return [this, enqueue] { during(mode::replaying, enqueue); };
    }
    void replay(const std::function<void()>& graph) const { graph(); }
    void synchronize() const { ++waits; }

    void write(std::span<const token_id> ids, ssm::vector_view<token_id> to) const {
        std::copy(ids.begin(), ids.end(), to.data());
    }
    void read(ssm::vector_view<const token_id> from, std::span<token_id> to) const {
        std::copy(from.data(), from.data() + from.size(), to.begin());
    }
    std::vector<float> download(ssm::matrix_view<float> view) const {
        ++downloads;
        return std::vector<float>(view.data(), view.data() + view.size());
    }

private:
    template <class Work>
    void during(mode work_mode, const Work& work) const {
        now = work_mode;
        work();
        now = mode::eager;
    }
};

/// Counts as counting_model does; the state's position is the host's, what it has read is the device's.
struct recording_model {
    using backend = recording_device;
    struct arch {
        using prefill = ssm::in_chunks;
        using conv_state = ssm::shift_window;
    };
    struct state_type {
        tokens read;
        index seen = 0;
        index position() const { return seen; }
        index sequences() const { return 1; }
        void advance(index count) { seen += count; }
    };
    using workspace_type = ssm::test::counting_model::workspace_type;

    explicit recording_model(const recording_device& on, index vocab = 50) : counted(vocab), on_(&on) {}

    const ssm::model_config& config() const { return counted.config(); }
    const recording_device& device() const { return *on_; }
    state_type start_state(index = 1) const { return {}; }
    workspace_type make_workspace(index count) const { return {count}; }
    static index workspace_bytes(const ssm::model_config&, index count) { return count; }
    void forward(std::span<const token_id> ids, state_type& state, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        CHECK(static_cast<index>(ids.size()) <= scratch.tokens);
        if (on_->now != recording_device::mode::replaying) state.seen += static_cast<index>(ids.size());
        if (on_->now == recording_device::mode::capturing) return;
        ssm::test::counting_model::state_type counting{state.read};
        counted.forward(ids, counting, scratch, logits);
        state.read = counting.read;
    }
    void forward(ssm::vector_view<const token_id> ids, state_type& state, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        forward(std::span(ids.data(), static_cast<std::size_t>(ids.size())), state, scratch, logits);
    }

    ssm::test::counting_model counted;

private:
    const recording_device* on_;
};

using session = ssm::captured_session<recording_model>;

tokens take(session& from, int count) {
    tokens ids;
    for (int i = 0; i < count; ++i) ids.push_back(from.next());
    return ids;
}

}  // namespace

static_assert(ssm::captures<recording_device> && !ssm::captures<ssm::test::counting_model::backend>);
static_assert(ssm::token_source<session> && !ssm::token_source<ssm::session<recording_model>>);

TEST_CASE("A captured session reads in chunks and replays one step a token") {
    const recording_device device;
    const recording_model model(device);
    session captured(model, {.temperature = 0}, 2);
    CHECK(captured.state().position() == 0);
    CHECK(captured.state().read.empty());

    captured.prefill(tokens{1, 2, 3, 4, 5});
    CHECK(take(captured, 3) == tokens{6, 7, 8});
    CHECK(captured.state().read == tokens{1, 2, 3, 4, 5, 6, 7});  // the last one was chosen and not run
    CHECK(captured.state().position() == 7);
    CHECK(device.downloads == 0);
    using call = ssm::test::counting_model::call;
    CHECK(*model.counted.calls == std::vector<call>{{2, 0}, {2, 0}, {1, 1}, {1, 1}, {1, 1}});

    captured.prefill(tokens{20, 21});
    CHECK(take(captured, 2) == tokens{22, 23});
    CHECK(captured.state().read == tokens{1, 2, 3, 4, 5, 6, 7, 8, 20, 21, 22});
    CHECK(captured.state().position() == 11);
}

TEST_CASE("A captured session chooses on the host what the device's sampler does not have") {
    const recording_device device;
    session captured(recording_model(device, 5), {.repetition_penalty = 2, .temperature = 0}, 8);
    captured.prefill(tokens{2, 1});
    CHECK(take(captured, 3) == tokens{3, 4, 0});  // 2 would come after 1, but was seen
    CHECK(device.downloads == 3);
}

TEST_CASE("A captured session refuses what a session refuses") {
    const recording_device device;
    session captured(recording_model(device), {.temperature = 0}, 2);
    CHECK_THROWS_AS(captured.next(), ssm::argument_error);
    CHECK_THROWS_AS(captured.prefill(tokens{}), ssm::argument_error);
    CHECK_THROWS_AS(captured.prefill(tokens{1, 50}), ssm::argument_error);
    CHECK_THROWS_AS(session(recording_model(device), {.temperature = -1}), ssm::argument_error);
    CHECK(captured.state().read.empty());

    CHECK_THROWS_AS(captured.prefill(tokens{1, 2, 3, 4, 5}, [](ssm::index done, ssm::index) { return done < 4; }),
                    ssm::cancelled);
    CHECK(captured.state().position() == 4);
    CHECK_THROWS_AS(captured.next(), ssm::argument_error);
    captured.prefill(tokens{5});
    CHECK(captured.next() == 6);
}

}  // namespace captured_session_test
