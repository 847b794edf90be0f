// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>
#include <ssm/testing/properties.hpp>

#include <string>
#include <vector>

#include "own_recurrences.hpp"
#include "s4d_mixer.hpp"
#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace properties_test {

namespace {

using Catch::StartsWith;
using ssm::token_id;
using namespace ssm::testing;

std::vector<token_id> prompt() {
    std::vector<token_id> ids;
    for (int t = 0; t < 70; ++t) ids.push_back(static_cast<token_id>(t * t * 7 % 51));
    return ids;
}

template <class Model>
void check_all(const Model& model, double bound = 0) {
    const auto ids = prompt();
    CHECK(chunk_invariance(model, ids, bound) == "");
    CHECK(prefill_is_decode(model, ids, bound) == "");
    CHECK(batch_invariance(model, ids, bound) == "");
    CHECK(snapshot_round_trip(model, ids) == "");
    CHECK(fork_independence(model, ids) == "");
    if constexpr (ssm::traces<Model>) CHECK(exact_rewind(model, ids, bound) == "");
}

struct chunked_arch : ssm::falcon_mamba_arch {
    using scan = ssm::chunked;
};
struct learned_arch : ssm::mamba_arch {
    using bcdt_norm = ssm::learned_rms;
};
struct held_arch : ssm::mamba_arch {
    template <class S, class Input>
    using recurrence = held_selective<S, Input>;
};
struct dual_arch : ssm::mamba2_arch {
    using scan = ssm::state_space_dual;
};
struct s4d_arch : ssm::mamba_arch {
    template <class Backend, class Arch>
    using mixer = s4d_mixer<Backend, Arch>;
    static constexpr std::string_view model_type = "falcon_mamba";
};

struct convolved_arch : s4d_arch {
    using scan = ssm::convolution;
};

using falcon = ssm::falcon_mamba<ssm::cpu>;

}  // namespace

TEST_CASE("Falcon Mamba keeps every promise to the bit, in every dtype and with any number of threads") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cpu one, three{{.threads = 3}};
    for (const ssm::dtype type : {ssm::dtype::f32, ssm::dtype::bf16, ssm::dtype::f16}) {
        CAPTURE(ssm::name_of(type));
        const auto model = ssm::load<falcon>(weights, three, {.type = type});
        check_all(model);
        CHECK(agreement(model, ssm::load<falcon>(weights, one, {.type = type}), prompt(), 0) == "");
    }
}

TEMPLATE_TEST_CASE("Mamba keeps them, with learned norms, and discretised by zero-order hold", "", ssm::mamba_arch,
                   learned_arch, held_arch) {
    ssm::model_config config = ssm::test::small_config();
    config.model_type = TestType::model_type;
    const ssm::cpu device{{.threads = 2}};
    check_all(ssm::load<ssm::model<ssm::cpu, TestType>>(ssm::test::random_weights(config), device));
}

TEST_CASE("The chunked scan keeps them within rounding") {
    const ssm::cpu device;
    const ssm::test::random_weights weights(ssm::test::small_config());
    const auto model = ssm::load<ssm::model<ssm::cpu, chunked_arch>>(weights, device);
    const auto ids = prompt();
    CHECK(chunk_invariance(model, ids, 1e-5) == "");
    CHECK(agreement(model, ssm::load<falcon>(weights, device), ids, 1e-5) == "");
}

TEST_CASE("A mixer of one's own is held to them as well") {
    ssm::test::random_weights weights(ssm::test::small_config());
    for (ssm::index i = 0; i < weights.config().layers; ++i) weights.make_s4d(i);
    const ssm::cpu device{{.threads = 2}};
    const auto model = ssm::load<ssm::model<ssm::cpu, s4d_arch>>(weights, device);
    static_assert(!ssm::traces<decltype(model)>);
    check_all(model);

    // Prompts as a convolution, steps as they come, and the same within rounding.
    const auto convolved = ssm::load<ssm::model<ssm::cpu, convolved_arch>>(weights, device);
    CHECK(prefill_is_decode(convolved, prompt(), 1e-5) == "");
    CHECK(agreement(convolved, model, prompt(), 1e-5) == "");
}

TEST_CASE("Mamba-2 keeps them, and its dual form within rounding") {
    const ssm::cpu one, three{{.threads = 3}};
    const ssm::test::random_weights weights(ssm::test::small_mamba2_config());
    const auto model = ssm::load<ssm::mamba2<ssm::cpu>>(weights, three);
    check_all(model);
    CHECK(agreement(model, ssm::load<ssm::mamba2<ssm::cpu>>(weights, one), prompt(), 0) == "");
    const auto planned = ssm::plan<ssm::mamba2<ssm::cpu>>(weights.config(), three, {.matrices = ssm::dtype::f32});
    CHECK(planned.weights == model.weight_bytes());
    CHECK(planned.state == model.start_state().bytes());

    const auto dual = ssm::load<ssm::model<ssm::cpu, dual_arch>>(weights, three);
    static_assert(!decltype(dual)::is_schedule_invariant && !ssm::traces<decltype(dual)>);
    check_all(dual, 1e-5);
    CHECK(agreement(dual, model, prompt(), 1e-5) == "");
    // Threads share out heads, which do not see each other.
    CHECK(agreement(dual, ssm::load<ssm::model<ssm::cpu, dual_arch>>(weights, one), prompt(), 0) == "");
}

TEST_CASE("Layers that take turns keep them") {
    ssm::model_config config = ssm::test::small_mamba2_config();
    config.layers = 5;
    config.model_type = "turns";
    ssm::test::random_weights weights(config);
    const ssm::cpu device{{.threads = 2}};
    weights.make_mamba2(2);
    using turns = ssm::hybrid<ssm::cpu, ssm::mamba_arch, ssm::falcon_mamba_arch, ssm::mamba2_arch>;
    check_all(ssm::load<turns>(weights, device));

    for (const ssm::index layer : {1, 4}) weights.make_s4d(layer);
    using with_s4d = ssm::hybrid<ssm::cpu, ssm::mamba_arch, s4d_arch, ssm::mamba2_arch>;
    const auto model = ssm::load<with_s4d>(weights, device);
    static_assert(ssm::traces<turns> && !ssm::traces<with_s4d>);
    CHECK(model.start_state().bytes() == (5 * 13 * 78 + 3 * (2 * 78 + 78 + 2 * 2 * 13)) * 4);  // S4D has no window
    check_all(model);
}

// Each of these breaks one promise, and is found out.
namespace {

/// Reads the last token of a call wrongly when it came with others.
struct impatient : falcon {
    static constexpr bool has_traces = false;
    void forward(std::span<const token_id> ids, range_type memory, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        falcon::forward(ids, memory, scratch, logits);
        if (ids.size() > 1 && logits.rows() > 0) logits(logits.rows() - 1, 3) += 1e-3F;
    }
};

/// Lets every sequence but the first of a call see the one before it.
struct curious : falcon {
    static constexpr bool has_traces = false;
    void forward(std::span<const token_id> ids, range_type memory, workspace_type& scratch,
                 ssm::matrix_view<float> logits) const {
        falcon::forward(ids, memory, scratch, logits);
        if (memory.sequences() > 1) logits(1, 0) += logits(0, 0);
    }
};

}  // namespace

TEST_CASE("A broken promise is found and described") {
    const ssm::cpu device;
    const ssm::test::random_weights weights(ssm::test::small_config());
    const auto model = ssm::load<falcon>(weights, device);
    const auto ids = prompt();
    CHECK_THAT(chunk_invariance(impatient{model}, ids), StartsWith("chunks of 1: logits differ by 0.000"));
    CHECK_THAT(prefill_is_decode(impatient{model}, ids), StartsWith("written instead of read: logits differ by"));
    CHECK(chunk_invariance(impatient{model}, ids, 0.1) == "");
    CHECK_THAT(batch_invariance(curious{model}, ids), StartsWith("row "));
    CHECK(chunk_invariance(curious{model}, ids) == "");
    CHECK_THAT(agreement(model, ssm::load<falcon>(weights, device, {.type = ssm::dtype::bf16}), ids, 1e-4),
               StartsWith("against the reference: logits differ by 0.0"));

    const observation a{{1, 2}, {3}, 1};
    CHECK(difference("it", a, a, 0) == "");
    CHECK_THAT(difference("it", a, {{1, 2}, {3}, 2}, 0), StartsWith("it: position 1 for 2"));
    CHECK_THAT(difference("it", a, {{1, 2}, {4}, 1}, 0.1), StartsWith("it: states differ by 0.25, allowed are 0.1"));
    CHECK_THAT(difference("it", {{NAN, 2}, {3}, 1}, a, 10), StartsWith("it: logits differ by inf"));
    CHECK(relative_error(std::vector<float>{1}, std::vector<float>{1, 2}) == INFINITY);
}

}  // namespace properties_test
