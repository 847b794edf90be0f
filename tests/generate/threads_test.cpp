// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/catch.hpp"
#include "support/random_weights.hpp"
#include "support/stock_models.hpp"

namespace threads_test {

namespace {

using ssm::token_id;
using falcon = ssm::falcon_mamba<ssm::cpu>;

/// Writes a token as its number.
struct numbers {
    std::string push(token_id id) { return std::to_string(id) + " "; }
    std::string finish() { return {}; }
};

/// The text that sequence `which` writes; the callback throws at the piece `fatal`.
std::string tell(const falcon& model, int which, int fatal = -1) {
    std::vector<token_id> prompt;
    for (int t = 0; t < 20 + which; ++t) prompt.push_back(static_cast<token_id>(t * (which + 3) % 51));
    ssm::session session(model, ssm::session_options{.rewind = 4});
    const ssm::generation_options options{.tokens = 40, .sampling = {.temperature = 0.9, .seed = 7}};
    int pieces = 0;
    const auto throws = [&](std::string_view) {
        if (pieces++ == fatal) throw std::runtime_error("the callback's own");
        return true;
    };
    try {
        const auto told = ssm::generate(session, numbers(), prompt, options, throws, ssm::in_chunks{7});
        session.rewind_to(session.position() - 4);
        return told.text + std::to_string(session.next(ssm::sampler({.temperature = 0})));
    } catch (const std::runtime_error& error) {
        return error.what();
    }
}

}  // namespace

TEST_CASE("Eight threads share one model, and one that fails disturbs none") {
    const ssm::cpu device{{.threads = 3}};
    const falcon model = ssm::load<falcon>(ssm::test::random_weights(ssm::test::small_config()), device);
    std::vector<std::string> expected;
    for (int which = 0; which < 8; ++which) expected.push_back(tell(model, which));
    expected[5] = "the callback's own";

    std::vector<std::string> found(8);
    std::vector<std::thread> threads;
    for (int which = 0; which < 8; ++which)
        threads.emplace_back(
            [&, which] { found[static_cast<std::size_t>(which)] = tell(model, which, which == 5 ? 9 : -1); });
    for (std::thread& thread : threads) thread.join();
    CHECK(found == expected);
}

}  // namespace threads_test
