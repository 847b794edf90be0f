// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Whole models on the GPU: against the CPU, against themselves cut otherwise, in graphs, in batches, and over long texts.
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm_cuda.cuh>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "gpu/reading.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_weights.hpp"

namespace model_test {

namespace {

using ssm::token_id;
using ssm::test::outcome;
using ssm::test::random_tokens;
using ssm::test::read;

double difference(const outcome& a, const outcome& b) {
    return std::max(ssm::test::relative_error(a.logits, b.logits), ssm::test::relative_error(a.states, b.states));
}

ssm::model_config config_of(ssm::index inner, ssm::index states, ssm::index taps) {
    ssm::model_config config = ssm::test::small_config();
    config.inner = inner;
    config.state = states;
    config.conv = taps;
    return config;
}

template <class Backend>
using falcon = ssm::falcon_mamba<Backend>;

template <class Arch>
void check_against_cpu(const ssm::model_config& config, ssm::index tokens) {
    CAPTURE(config.inner, config.state, config.conv, tokens);
    const ssm::test::random_weights weights(config);
    const ssm::cuda_f32 device;
    const auto model = ssm::load<ssm::model<ssm::cuda_f32, Arch>>(weights, device);
    const auto ids = random_tokens(tokens, config.vocab);
    const outcome expected = ssm::test::read_on_cpu<Arch>(weights, ids);
    for (const ssm::index chunk : {tokens, ssm::index{512}, ssm::index{64}, ssm::index{7}, ssm::index{1}}) {
        if (chunk == 1 && tokens > 2000) continue;
        CAPTURE(chunk);
        CHECK(difference(read(model, ids, chunk), expected) < 5e-5);
    }
}

constexpr ssm::index steps_in_company = 6;

/// The last logits of sequences whose tokens lie one after the other, stepped together.
template <class Model>
std::vector<float> step_together(const Model& model, const std::vector<token_id>& ids) {
    constexpr ssm::index steps = steps_in_company;
    const ssm::index sequences = static_cast<ssm::index>(ids.size()) / steps, vocab = model.config().vocab;
    auto state = model.start_state(sequences);
    auto scratch = model.make_workspace(sequences);
    auto memory = model.device().template allocate<float>(sequences * vocab, "logits");
    const ssm::matrix_view<float> logits(memory.data(), sequences, vocab);
    for (ssm::index step = 0; step < steps; ++step) {
        std::vector<token_id> now;
        for (ssm::index s = 0; s < sequences; ++s) now.push_back(ids[static_cast<std::size_t>(s * steps + step)]);
        model.forward(now, state, scratch, logits);
    }
    return model.device().download(logits);
}

/// The same, read at once.
template <class Model>
std::vector<float> read_together(const Model& model, const std::vector<token_id>& ids) {
    const auto tokens = static_cast<ssm::index>(ids.size());
    const ssm::index sequences = tokens / steps_in_company, vocab = model.config().vocab;
    auto state = model.start_state(sequences);
    auto scratch = model.make_workspace(tokens);
    auto memory = model.device().template allocate<float>(sequences * vocab, "logits");
    const ssm::matrix_view<float> logits(memory.data(), sequences, vocab);
    model.forward(ids, state, scratch, logits);
    return model.device().download(logits);
}

/// The same, each read alone.
template <class Model>
std::vector<float> read_apart(const Model& model, const std::vector<token_id>& ids) {
    std::vector<float> all;
    for (auto first = ids.begin(); first != ids.end(); first += steps_in_company) {
        const auto one = read(model, std::vector<token_id>(first, first + steps_in_company), steps_in_company);
        all.insert(all.end(), one.logits.begin(), one.logits.end());
    }
    return all;
}

}  // namespace

TEST_CASE("Every split of a prompt gives the CPU's result in float") {
    check_against_cpu<ssm::falcon_mamba_arch>(config_of(77, 13, 4), 130);
    SECTION("states") {
        for (const ssm::index states : {1, 5, 8, 16, 64, 70})
            for (const ssm::index inner : {77, 80})  // the scan has a form for whole packs of channels
                check_against_cpu<ssm::falcon_mamba_arch>(config_of(inner, states, 4), 130);
    }
    SECTION("taps") {
        for (const ssm::index taps : {1, 2, 3, 6})
            check_against_cpu<ssm::falcon_mamba_arch>(config_of(77, 16, taps), 130);
    }
    SECTION("channels in whole blocks") { check_against_cpu<ssm::falcon_mamba_arch>(config_of(256, 16, 4), 130); }
    SECTION("lengths") {
        for (const ssm::index tokens : {1, 2, 1531})
            check_against_cpu<ssm::falcon_mamba_arch>(config_of(96, 16, 4), tokens);
    }
    SECTION("ring window") { check_against_cpu<ssm::test::ring_arch>(config_of(77, 13, 4), 130); }
    SECTION("learned norms of dt, B and C") { check_against_cpu<ssm::test::learned_arch>(config_of(77, 13, 4), 130); }
    SECTION("zero-order hold") { check_against_cpu<ssm::test::held_arch>(config_of(77, 13, 4), 130); }
    SECTION("scan in parallel") { check_against_cpu<ssm::test::parallel_arch>(config_of(77, 13, 4), 1531); }
}

TEST_CASE("100,003 tokens give the CPU's result in float") {
    check_against_cpu<ssm::falcon_mamba_arch>(config_of(64, 16, 4), 100'003);
}

TEMPLATE_TEST_CASE("The same calls give the same bits", "", ssm::cuda_f32, ssm::cuda, ssm::cuda_f16) {
    const ssm::test::random_weights weights(config_of(96, 16, 4));
    const TestType device;
    const auto model = ssm::load<falcon<TestType>>(weights, device);
    const auto ids = random_tokens(300, 51);
    for (const ssm::index chunk : {300, 64, 1}) {
        const outcome first = read(model, ids, chunk);
        CHECK(std::all_of(first.logits.begin(), first.logits.end(), [](float v) { return std::isfinite(v); }));
        for (int again = 0; again < 3; ++again) CHECK(read(model, ids, chunk) == first);
    }
}

TEMPLATE_TEST_CASE("Sequences in step give what each gives alone", "[small]", ssm::cuda_f32, ssm::cuda) {
    const ssm::test::random_weights weights(config_of(96, 16, 4));
    const TestType device;
    const auto model = ssm::load<falcon<TestType>>(weights, device);
    const double bound = std::is_same_v<TestType, ssm::cuda_f32> ? 5e-5 : 4e-2;
    for (const ssm::index sequences : {1, 2, 3, 4, 7, 33, 64}) {
        CAPTURE(sequences);
        const auto ids = random_tokens(sequences * steps_in_company, 51);
        const auto apart = read_apart(model, ids);
        CHECK(ssm::test::relative_error(step_together(model, ids), apart) < bound);
        CHECK(ssm::test::relative_error(read_together(model, ids), apart) < bound);
    }
}

// Rows in whole packs and matrices of the activations' type are what the kernels of a step of several sequences ask for.
TEMPLATE_TEST_CASE("Sequences in step on the tensor cores give what each gives alone", "[small]", ssm::cuda,
                   ssm::cuda_f16) {
    const TestType device;
    const auto check = [&]<class Arch>(Arch, const std::array<ssm::index, 4>& sizes) {
        const auto [inner, states, rank, sequences] = sizes;
        CAPTURE(inner, states, rank, sequences);
        ssm::model_config config = config_of(inner, states, 4);
        config.dt_rank = rank;
        config.model_type = Arch::model_type;
        const auto model = ssm::load<ssm::model<TestType, Arch>>(
            ssm::test::random_weights(config), device, {.type = ssm::dtype_of<typename TestType::activation>});
        const auto ids = random_tokens(sequences * steps_in_company, 51);
        // Twice what the goldens allow, since both sides round.
        CHECK(ssm::test::relative_error(step_together(model, ids), read_apart(model, ids)) <
              (std::is_same_v<TestType, ssm::cuda_f16> ? 1e-2 : 8e-2));
    };
    check(ssm::falcon_mamba_arch{}, {96, 16, 8, 9});
    check(ssm::falcon_mamba_arch{}, {264, 16, 40, 33});  // neither in whole blocks
    check(ssm::falcon_mamba_arch{}, {96, 20, 8, 2});     // more states than registers hold
    check(ssm::falcon_mamba_arch{}, {96, 4, 392, 20});   // more packs of dt, B and C than are asked for at once
    check(ssm::mamba_arch{}, {96, 16, 8, 3});
    check(ssm::test::learned_arch{}, {96, 16, 8, 5});
}

TEST_CASE("The tiny model's greedy text in float is the CPU's") {
    const auto checkpoint = ssm::hf_checkpoint::open(SSM_SOURCE_DIR "/models/fairy-tiny");
    const ssm::cuda_f32 device;
    const std::vector<token_id> prompt{5, 17, 300, 42};
    CHECK(ssm::test::continue_greedily(ssm::load<falcon<ssm::cuda_f32>>(checkpoint, device), prompt, 200) ==
          ssm::test::tiny_model_on_cpu(prompt, 200));
}

TEMPLATE_TEST_CASE("A captured step writes what a session writes, in memory that does not grow", "", ssm::cuda_f32,
                   ssm::cuda) {
    const auto checkpoint = ssm::hf_checkpoint::open(SSM_SOURCE_DIR "/models/fairy-tiny");
    const TestType device;
    const auto model = ssm::load<falcon<TestType>>(checkpoint, device);
    const std::vector<token_id> prompt{5, 17, 300, 42};

    ssm::session session{model};
    ssm::sampler greedy({.temperature = 0});
    session.prefill(prompt);
    std::vector<token_id> expected;
    for (int i = 0; i < 100; ++i) expected.push_back(session.next(greedy));

    ssm::enqueued_session enqueued{model};
    auto sampler = device.make_sampler({.temperature = 0}, model.config().vocab);
    auto ids = device.template allocate<token_id>(4, "ids");
    device.write(prompt, ssm::vector_view<token_id>(ids.data(), 4));
    const ssm::vector_view<token_id> id(ids.data(), 1);
    enqueued.enqueue_prefill(ssm::vector_view<const token_id>(ids.data(), 4));
    enqueued.enqueue_choice(sampler, id);
    std::vector<token_id> written{ids.to_host()[0]};
    const ssm::cuda_graph step(device.stream(), [&] { enqueued.enqueue_next(sampler, id); });
    std::size_t free_before = 0, free_after = 0, total = 0;
    REQUIRE(cudaMemGetInfo(&free_before, &total) == cudaSuccess);
    while (written.size() < expected.size()) {
        step.launch(device.stream());
        written.push_back(ids.to_host()[0]);
    }
    CHECK(written == expected);
    for (int i = 0; i < 2000; ++i) step.launch(device.stream());
    device.synchronize();
    REQUIRE(cudaMemGetInfo(&free_after, &total) == cudaSuccess);
    CHECK(free_after == free_before);
}

TEST_CASE("A captured session writes what a session writes, wherever its sampler is") {
    const auto checkpoint = ssm::hf_checkpoint::open(SSM_SOURCE_DIR "/models/fairy-tiny");
    const ssm::cuda_f32 device;
    const auto model = ssm::load<falcon<ssm::cuda_f32>>(checkpoint, device);
    const std::vector<token_id> prompt{5, 17, 300, 42, 8, 9}, more{3, 4, 5};
    for (const ssm::sampling_options& options :
         {ssm::sampling_options{.temperature = 0}, ssm::sampling_options{.repetition_penalty = 1.3, .temperature = 0},
          ssm::sampling_options{.repetition_penalty = 1.3, .temperature = 0.8, .seed = 7}}) {
        CAPTURE(options.repetition_penalty, options.temperature);
        ssm::session session{model};
        ssm::sampled_session<falcon<ssm::cuda_f32>, ssm::in_chunks> expected{session, {4}, ssm::sampler(options)};
        ssm::captured_session captured{model, options, 4};
        CHECK_THROWS_AS(captured.next(), ssm::argument_error);
        CHECK_THROWS_AS(captured.prefill(std::vector<token_id>{5, -1}), ssm::argument_error);
        for (const auto& text : {prompt, more}) {  // the second after a token that was chosen and not run yet
            expected.prefill(text, nullptr);
            captured.prefill(text);
            for (int i = 0; i < 40; ++i) CHECK(captured.next() == expected.next());
        }
        CHECK(captured.state().position() == session.position());
    }
}

TEST_CASE("A captured session can be stopped in its prompt and go on") {
    const ssm::test::random_weights weights(config_of(96, 16, 4));
    const ssm::cuda_f32 device;
    const auto model = ssm::load<falcon<ssm::cuda_f32>>(weights, device);
    const auto ids = random_tokens(10, 51);
    ssm::captured_session captured{model, {.temperature = 0}, 4};
    CHECK_THROWS_AS(captured.prefill(ids, [](ssm::index done, ssm::index total) { return total == 10 && done < 8; }),
                    ssm::cancelled);
    CHECK(captured.state().position() == 8);
    CHECK_THROWS_AS(captured.next(), ssm::argument_error);
    captured.prefill(std::vector<token_id>(ids.begin() + 8, ids.end()));
    ssm::captured_session whole{model, {.temperature = 0}, 4};
    whole.prefill(ids);
    CHECK(captured.next() == whole.next());
    CHECK(captured.state() == whole.state());
}

TEST_CASE("Logits that leave no choice are an error of a captured session") {
    ssm::test::random_weights weights(config_of(96, 16, 4));
    weights.values("backbone.norm_f.weight")[0] = std::numeric_limits<float>::quiet_NaN();
    const ssm::cuda_f32 device;
    const auto model = ssm::load<falcon<ssm::cuda_f32>>(weights, device);
    ssm::captured_session captured{model, {.temperature = 0}};
    captured.prefill(random_tokens(3, 51));
    CHECK_THROWS_WITH(captured.next(), Catch::Contains("damaged weights"));
}

TEST_CASE("A model runs on a stream, a handle and an arena of the caller's") {
    cudaStream_t stream = nullptr;
    cublasLtHandle_t cublas = nullptr;
    void* block = nullptr;
    constexpr std::size_t bytes = std::size_t{64} << 20;
    REQUIRE(cudaStreamCreate(&stream) == cudaSuccess);
    REQUIRE(cublasLtCreate(&cublas) == CUBLAS_STATUS_SUCCESS);
    REQUIRE(cudaMalloc(&block, bytes) == cudaSuccess);
    {
        ssm::cuda_arena arena(block, bytes);
        const ssm::cuda_f32 device{{.stream = stream, .cublas = cublas, .memory = &arena, .workspace_bytes = 1 << 20}};
        CHECK(device.stream() == stream);
        const ssm::test::random_weights weights(config_of(96, 16, 4));
        const auto ids = random_tokens(100, 51);
        const ssm::cuda_f32 own{{.workspace_bytes = 1 << 20}};
        CHECK(read(ssm::load<falcon<ssm::cuda_f32>>(weights, device), ids, 30) ==
              read(ssm::load<falcon<ssm::cuda_f32>>(weights, own), ids, 30));
        CHECK(arena.used() > 0);
    }
    CHECK(cudaFree(block) == cudaSuccess);
    CHECK(cublasLtDestroy(cublas) == CUBLAS_STATUS_SUCCESS);
    CHECK(cudaStreamDestroy(stream) == cudaSuccess);
}

}  // namespace model_test
