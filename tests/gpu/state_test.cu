// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// What docs/state.md promises, on the GPU, and between it and the CPU.
#include <ssm/ssm_cuda.cuh>
#include <ssm/testing/properties.hpp>

#include <span>
#include <utility>
#include <vector>

#include "gpu/reading.hpp"
#include "gpu/small_heap.cuh"
#include "s4d_mixer.hpp"
#include "support/catch.hpp"
#include "support/close.hpp"
#include "support/random_weights.hpp"

namespace state_test {

namespace {

using ssm::token_id;
using ssm::test::outcome;
using ssm::test::random_tokens;
using namespace ssm::testing;

template <class Backend>
using falcon = ssm::falcon_mamba<Backend>;

ssm::model_config config_of(ssm::index inner, ssm::index hidden = ssm::test::small_config().hidden) {
    ssm::model_config config = ssm::test::small_config();
    config.inner = inner;
    config.hidden = hidden;
    config.state = 16;
    return config;
}

template <class Activation>
using invariant_cuda = ssm::basic_cuda<Activation, ssm::invariant>;

/// Sequences read at once and stepped together have the logits and states of each alone, to the bit.
template <class Model>
void check_company(const Model& model) {
    constexpr ssm::index steps = 6;
    const ssm::index vocab = model.config().vocab;
    const auto ids = random_tokens(64 * steps, vocab);
    std::vector<outcome> alone;
    for (auto first = ids.begin(); first != ids.end(); first += steps)
        alone.push_back(ssm::test::read(model, std::vector<token_id>(first, first + steps), steps));
    for (const ssm::index sequences : {2, 9, 33, 64}) {
        CAPTURE(sequences);
        outcome expected;
        for (ssm::index s = 0; s < sequences; ++s) {
            const std::vector<float>& logits = alone[static_cast<std::size_t>(s)].logits;
            expected.logits.insert(expected.logits.end(), logits.begin(), logits.end());
        }
        auto scratch = model.make_workspace(sequences * steps);
        auto memory = model.device().template allocate<float>(sequences * vocab, "logits");
        const ssm::matrix_view<float> logits(memory.data(), sequences, vocab);
        auto together = model.start_state(sequences);
        for (ssm::index step = 0; step < steps; ++step) {
            std::vector<token_id> now;
            for (ssm::index s = 0; s < sequences; ++s) now.push_back(ids[static_cast<std::size_t>(s * steps + step)]);
            model.forward(now, together, scratch, logits);
        }
        CHECK((model.device().download(logits) == expected.logits));
        auto at_once = model.start_state(sequences);
        model.forward(std::span(ids).first(static_cast<std::size_t>(sequences * steps)), at_once, scratch, logits);
        CHECK((model.device().download(logits) == expected.logits));
        CHECK(at_once == together);
    }
}

// Products of one row, of a few and of many are different kernels, which round differently.
template <class Model>
void check_promises(const Model& model) {
    const double bound = std::is_same_v<typename Model::backend, ssm::cuda_f32> ? 5e-5 : 4e-2;
    const auto ids = random_tokens(40, 51);
    CHECK(chunk_invariance(model, ids, bound) == "");
    CHECK(prefill_is_decode(model, ids, bound) == "");
    CHECK(batch_invariance(model, ids, bound) == "");
    CHECK(snapshot_round_trip(model, ids) == "");
    CHECK(fork_independence(model, ids) == "");
    if constexpr (ssm::traces<Model>) CHECK(exact_rewind(model, ids, bound) == "");
}

struct s4d_arch : ssm::mamba_arch {
    template <class Backend, class Arch>
    using mixer = s4d_mixer<Backend, Arch>;
};
struct convolved_arch : s4d_arch {
    using scan = ssm::convolution;
};
struct dual_arch : ssm::mamba2_arch {
    using scan = ssm::state_space_dual;
};

}  // namespace

TEMPLATE_TEST_CASE("An invariant model on the GPU keeps its promises to the bit", "", invariant_cuda<float>,
                   invariant_cuda<ssm::bf16>) {
    static_assert(falcon<TestType>::is_schedule_invariant && !falcon<ssm::cuda>::is_schedule_invariant);
    const TestType device;
    ssm::model_config odd = config_of(77), even = config_of(96);
    even.dt_rank = 8;                                // every row in whole packs, which the tensor cores ask for
    ssm::model_config deep = config_of(2080, 1040);  // rows of more stages than a product has in its ring
    deep.dt_rank = 8;
    deep.layers = 1;
    for (const auto& [config, type] :
         {std::pair{odd, ssm::dtype::f32}, std::pair{even, ssm::dtype::bf16}, std::pair{deep, ssm::dtype::bf16}}) {
        CAPTURE(config.inner);
        const auto model = ssm::load<falcon<TestType>>(ssm::test::random_weights(config), device, {.type = type});
        const auto ids = random_tokens(150, 51);
        CHECK(chunk_invariance(model, ids) == "");
        CHECK(prefill_is_decode(model, ids) == "");
        CHECK(batch_invariance(model, ids) == "");
        CHECK(snapshot_round_trip(model, ids) == "");
        CHECK(exact_rewind(model, ids) == "");
        check_company(model);
    }
}

TEST_CASE("An invariant step has the same bits in a graph", "[small]") {
    ssm::test::small_heap heap(std::size_t{1} << 30);
    const invariant_cuda<ssm::bf16> device{{.memory = &heap}};
    CHECK(heap.outstanding() == 0);  // nothing for cuBLASLt
    const auto model = ssm::load<falcon<invariant_cuda<ssm::bf16>>>(ssm::test::random_weights(config_of(96)), device,
                                                                    {.type = ssm::dtype::bf16});
    const auto ids = random_tokens(20, 51);
    ssm::session session{model};
    session.prefill(ids);
    ssm::captured_session captured{model, {.temperature = 0}, 7};
    captured.prefill(ids);
    ssm::sampler greedy({.temperature = 0});
    for (int i = 0; i < 30; ++i) CHECK(captured.next() == session.next(greedy));
    CHECK(captured.state().values(device) == session.state().values(device));
}

TEMPLATE_TEST_CASE("A model on the GPU keeps its promises", "", ssm::cuda_f32, ssm::cuda) {
    const TestType device;
    for (const ssm::index inner : {77, 96}) {
        CAPTURE(inner);
        check_promises(ssm::load<falcon<TestType>>(ssm::test::random_weights(config_of(inner)), device));
    }
}

TEMPLATE_TEST_CASE("Mamba-2 on the GPU keeps them", "", ssm::cuda_f32, ssm::cuda) {
    const TestType device;
    const ssm::test::random_weights weights(ssm::test::small_mamba2_config());
    const auto model = ssm::load<ssm::mamba2<TestType>>(weights, device);
    check_promises(model);

    const auto ids = random_tokens(40, 51);
    ssm::session session{model};
    session.prefill(ids);
    ssm::captured_session captured{model, {.temperature = 0}};
    captured.prefill(ids);
    ssm::sampler greedy({.temperature = 0});
    for (int i = 0; i < 30; ++i) CHECK(captured.next() == session.next(greedy));
    CHECK(captured.state().values(device) == session.state().values(device));
}

TEMPLATE_TEST_CASE("Mamba on the GPU keeps them, with learned norms, and discretised by zero-order hold", "",
                   ssm::mamba_arch, ssm::test::learned_arch, ssm::test::held_arch) {
    const ssm::cuda_f32 device;
    ssm::model_config config = config_of(77);
    config.model_type = TestType::model_type;
    static_assert(ssm::steps_with_norm<ssm::mamba_mixer<ssm::cuda_f32, TestType>, ssm::cuda_f32> !=
                  std::is_same_v<TestType, ssm::test::held_arch>);
    check_promises(ssm::load<ssm::model<ssm::cuda_f32, TestType>>(ssm::test::random_weights(config), device));
}

TEST_CASE("S4D on the GPU keeps them, and as a convolution, with the same results") {
    const ssm::cuda_f32 device;
    ssm::model_config config = config_of(77);
    config.model_type = s4d_arch::model_type;
    ssm::test::random_weights weights(config);
    for (ssm::index layer = 0; layer < config.layers; ++layer) weights.make_s4d(layer);
    const auto in_order = ssm::load<ssm::model<ssm::cuda_f32, s4d_arch>>(weights, device);
    const auto convolved = ssm::load<ssm::model<ssm::cuda_f32, convolved_arch>>(weights, device);
    check_promises(convolved);
    CHECK(agreement(convolved, in_order, random_tokens(150, 51), 5e-5) == "");
}

TEST_CASE("Layers of a hybrid on the GPU keep them") {
    const ssm::cuda_f32 device;
    ssm::model_config config = ssm::test::small_mamba2_config();
    config.layers = 3;
    config.model_type = "turns";
    ssm::test::random_weights weights(config);
    weights.make_mamba2(1);
    check_promises(ssm::load<ssm::hybrid<ssm::cuda_f32, ssm::mamba_arch, ssm::mamba2_arch>>(weights, device));

    for (const ssm::index layer : {0, 2}) weights.make_s4d(layer);
    using of_others = ssm::hybrid<ssm::cuda_f32, s4d_arch, dual_arch>;
    static_assert(!ssm::traces<of_others>);
    check_promises(ssm::load<of_others>(weights, device));
}

TEST_CASE("A state saved on the GPU goes on on the CPU, and the other way round") {
    const ssm::test::random_weights weights(config_of(96));
    const ssm::cuda_f32 device;
    const auto model = ssm::load<falcon<ssm::cuda_f32>>(weights, device);
    const auto ids = random_tokens(50, 51), more = random_tokens(9, 51);
    ssm::session session{model};
    session.prefill(ids);
    const auto on_gpu = ssm::to_bytes(model, session.snapshot());
    const auto on_cpu = ssm::test::saved_on_cpu(weights, ids);
    CHECK(on_gpu.size() == on_cpu.size());
    CHECK(ssm::read_snapshot(on_gpu, "").fields.read == ssm::read_snapshot(on_cpu, "").fields.read);

    const outcome expected = ssm::test::resumed_on_cpu(weights, on_cpu, more);
    for (const outcome& found : {ssm::test::resumed_on_cpu(weights, on_gpu, more),
                                 ssm::test::resumed(model, on_cpu, more), ssm::test::resumed(model, on_gpu, more)}) {
        CHECK(ssm::test::relative_error(found.logits, expected.logits) < 5e-5);
        CHECK(ssm::test::relative_error(found.states, expected.states) < 5e-5);
    }
    // One in other dtypes as well, for the state is kept in float.
    const ssm::cuda narrow;
    const auto in_bf16 = ssm::load<falcon<ssm::cuda>>(weights, narrow, {.type = ssm::dtype::bf16});
    CHECK(ssm::test::relative_error(ssm::test::resumed(in_bf16, on_cpu, more).states, expected.states) < 4e-2);
}

TEST_CASE("What is planned is what is taken on the GPU, to the byte") {
    ssm::test::small_heap heap(std::size_t{1} << 30);
    const ssm::cuda device{{.memory = &heap, .workspace_bytes = 1 << 20}};
    const std::size_t own = heap.outstanding();
    const auto taken = [&] { return static_cast<ssm::index>(heap.outstanding() - own); };
    for (const ssm::index inner : {77, 96}) {
        const ssm::model_config config = config_of(inner);
        const auto plan = ssm::plan<falcon<ssm::cuda>>(
            config, device, {.matrices = ssm::dtype::bf16, .rewind = 5, .prompt = 100}, ssm::in_chunks{30});
        CHECK(taken() == 0);
        const auto model =
            ssm::load<falcon<ssm::cuda>>(ssm::test::random_weights(config), device, {.type = ssm::dtype::bf16});
        CHECK(taken() == plan.weights);
        ssm::session session(model, ssm::session_options{.rewind = 5});
        CHECK(taken() == plan.weights + plan.state + plan.logits + plan.history);
        session.prefill(random_tokens(100, 51), ssm::in_chunks{30});
        CHECK(taken() == plan.peak());

        const ssm::index before = taken();
        const ssm::batch<falcon<ssm::cuda>> batch(model, 7, ssm::in_chunks{30});
        const auto of_batch = ssm::plan<falcon<ssm::cuda>>(
            config, device, {.matrices = ssm::dtype::bf16, .batch = 7, .prompt = 100}, ssm::in_chunks{30});
        CHECK(taken() - before == of_batch.peak() - of_batch.weights);
    }
}

TEMPLATE_TEST_CASE("Speculative text on the GPU is the target's own", "", ssm::cuda_f32, invariant_cuda<float>) {
    const TestType device;
    const auto model = ssm::load<falcon<TestType>>(ssm::test::random_weights(config_of(96)), device);
    const auto ids = random_tokens(20, 51);
    ssm::speculative pair(model, model, 4);
    pair.prefill(ids);
    std::vector<token_id> text;
    for (int i = 0; i < 50; ++i) text.push_back(pair.next());
    CHECK(pair.record().drafted == 4 * pair.record().rounds);
    if constexpr (falcon<TestType>::is_schedule_invariant) {
        CHECK(pair.record().acceptance() == 1);
        CHECK(text == ssm::test::continue_greedily(model, ids, 50));
    } else {
        CHECK(pair.record().acceptance() > 0.9);  // its own draft, but for ties that rounding breaks
    }
}

}  // namespace state_test
