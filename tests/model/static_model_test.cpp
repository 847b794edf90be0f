// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/model/load_static.hpp>
#include <ssm/model/static_model.hpp>

#include <array>
#include <memory>
#include <span>
#include <vector>

#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace static_model_test {

namespace {

using ssm::static_status;
using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;

// Those of small_config().
constexpr ssm::model_sizes sizes{40, 77, 13, 4, 3, 2, 51};
using tiny = ssm::static_model<sizes, ssm::unit_rms>;
using exact = ssm::static_model<sizes, ssm::unit_rms, double>;

static_assert(sizeof(tiny::state) == 2 * (3 + 13) * 77 * sizeof(float), "nothing but the numbers");
static_assert(std::is_trivially_copyable_v<tiny::state> && std::is_trivially_copyable_v<tiny::weights>);

template <class Model>
std::unique_ptr<typename Model::weights> loaded(const ssm::test::random_weights& source) {
    auto weights = std::make_unique<typename Model::weights>();
    ssm::load_static<Model>(source, ssm::cpu(), *weights);
    return weights;
}

std::vector<token_id> prompt(int length) {
    std::vector<token_id> ids;
    for (int t = 0; t < length; ++t) ids.push_back(t * t * 7 % 51);
    return ids;
}

template <class Model>
struct outcome {
    std::vector<typename Model::scalar> logits = std::vector<typename Model::scalar>(51);
    typename Model::state state;
    friend bool operator==(const outcome&, const outcome&) = default;
};

/// The prompt, `Tokens` at a time.
template <ssm::index Tokens, class Model>
outcome<Model> read(const typename Model::weights& weights, std::span<const token_id> ids) {
    const Model model(weights);
    outcome<Model> result;
    typename Model::template workspace<Tokens> scratch;
    const ssm::view<typename Model::scalar, 51> logits(result.logits.data(), 51);
    for (std::size_t at = 0; at < ids.size(); at += static_cast<std::size_t>(Tokens)) {
        const auto piece = ids.subspan(at, std::min(static_cast<std::size_t>(Tokens), ids.size() - at));
        REQUIRE(model.forward(piece, result.state, scratch, logits) == static_status::done);
    }
    return result;
}

/// What a state of the dynamic model has, in its order.
template <class Model>
std::vector<double> values(const outcome<Model>& of) {
    std::vector<double> all;
    for (const auto& layer : of.state.layers) {
        all.insert(all.end(), layer.window.begin(), layer.window.end());
        all.insert(all.end(), layer.h.begin(), layer.h.end());
    }
    return all;
}

// Both in float, both sums of 77 terms at most of random signs, over two layers, with exponentials of 2 ulp: a few times
// what one operation is allowed (3e-6, tests/conformance).
constexpr double bound = 1e-5;

}  // namespace

TEST_CASE("A static model is the dynamic one, whole prompt and step") {
    const ssm::test::random_weights source(ssm::test::small_config());
    const ssm::cpu device;
    const auto model = ssm::load<falcon>(source, device);
    const auto weights = loaded<tiny>(source);
    const auto wide = loaded<exact>(source);
    for (const int length : {1, 2, 60}) {
        CAPTURE(length);
        const auto ids = prompt(length);
        ssm::session<falcon> session(model);
        session.prefill(ids);
        const auto expected = session.state().values(device);

        const auto whole = read<60, tiny>(*weights, ids);
        CHECK(ssm::test::relative_error(session.logits(), whole.logits) < bound);
        CHECK(ssm::test::relative_error(expected, values(whole)) < bound);
        CHECK(read<1, tiny>(*weights, ids) == whole);  // to the bit
        CHECK(read<7, tiny>(*weights, ids) == whole);

        const auto in_double = read<60, exact>(*wide, ids);
        CHECK(ssm::test::relative_error(whole.logits, in_double.logits) < bound);
        CHECK(ssm::test::relative_error(values(whole), values(in_double)) < bound);
    }
}

TEST_CASE("Without norms, and with biases, a tied head and two taps") {
    ssm::model_config config = ssm::test::small_config();
    config.model_type = "mamba";
    config.projection_bias = config.tied_head = true;
    config.conv_bias = false;
    config.conv = 2;
    const ssm::test::random_weights source(config);
    using plain = ssm::static_model<ssm::model_sizes{40, 77, 13, 2, 3, 2, 51, true, true}, ssm::no_norm>;
    const auto ids = prompt(20);
    const ssm::cpu device;
    const auto model = ssm::load<ssm::mamba<ssm::cpu>>(source, device);
    ssm::session<ssm::mamba<ssm::cpu>> session(model);
    session.prefill(ids);
    const auto found = read<20, plain>(*loaded<plain>(source), ids);
    CHECK(ssm::test::relative_error(session.logits(), found.logits) < bound);
}

TEST_CASE("What a static model cannot read, it says, and changes nothing") {
    const ssm::test::random_weights source(ssm::test::small_config());
    const auto weights = loaded<tiny>(source);
    const tiny model(*weights);
    tiny::state state;
    tiny::workspace<2> scratch;
    std::array<float, 51> logits{};
    const ssm::view<float, 51> to(logits.data(), 51);
    CHECK(model.forward({}, state, scratch, to) == static_status::no_tokens);
    CHECK(model.forward(std::array<token_id, 3>{1, 2, 3}, state, scratch, to) == static_status::too_many_tokens);
    CHECK(model.forward(std::array<token_id, 2>{1, 51}, state, scratch, to) == static_status::unknown_token);
    CHECK(model.forward(std::array<token_id, 1>{-1}, state, scratch, to) == static_status::unknown_token);
    CHECK(state == tiny::state{});
    CHECK(logits == std::array<float, 51>{});
}

TEST_CASE("Weights of other sizes and of another model are refused") {
    ssm::model_config config = ssm::test::small_config();
    const auto refused_with = [&](const char* what) {
        const ssm::test::random_weights source(config);
        CHECK_THROWS_WITH(ssm::load_static<tiny>(source, ssm::cpu(), *std::make_unique<tiny::weights>()),
                          Catch::Contains(what));
    };
    config.state = 12;
    refused_with("sizes");
    config = ssm::test::small_config();
    config.model_type = "mamba";
    refused_with("model_type");
}

TEST_CASE("A stored head beside a tied one is refused, for the type has no room for it") {
    constexpr ssm::model_sizes tied_sizes{40, 77, 13, 4, 3, 2, 51, false, true};
    using tied = ssm::static_model<tied_sizes, ssm::unit_rms>;
    ssm::model_config config = ssm::test::small_config();
    config.tied_head = true;
    ssm::test::random_weights source(config);
    const auto weights = std::make_unique<tied::weights>();
    CHECK_NOTHROW(ssm::load_static<tied>(source, ssm::cpu(), *weights));
    source.add("lm_head.weight", {config.vocab, config.hidden}, -1, 1);
    CHECK_THROWS_WITH(ssm::load_static<tied>(source, ssm::cpu(), *weights),
                      Catch::Contains("tied_head: found true beside a lm_head.weight of its own"));
}

}  // namespace static_model_test
