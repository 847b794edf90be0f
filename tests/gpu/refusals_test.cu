// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/ssm_cuda.cuh>

#include <cstddef>
#include <map>
#include <new>
#include <thread>

#include "gpu/small_heap.cuh"
#include "support/catch.hpp"
#include "support/random_weights.hpp"

namespace refusals_test {

namespace {

using Catch::Contains;
using model = ssm::falcon_mamba<ssm::cuda_f32>;
using ssm::test::small_heap;

}  // namespace

TEST_CASE("A load that runs out of device memory gives everything back, and another model loads next") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    small_heap heap(1 << 30);
    const ssm::cuda_f32 device{{.memory = &heap, .workspace_bytes = 1 << 20}};
    const std::size_t before = heap.outstanding();
    std::size_t needed = 0;
    {
        const auto whole = ssm::load<model>(weights, device);
        needed = heap.outstanding() - before;
    }
    CHECK(heap.outstanding() == before);
    for (const std::size_t part : {needed / 10, needed / 2, needed - 1}) {
        CAPTURE(part, needed);
        heap.set_left(part);
        CHECK_THROWS_AS(ssm::load<model>(weights, device), ssm::memory_error);
        CHECK(heap.outstanding() == before);
    }
    heap.set_left(needed);
    CHECK_NOTHROW(ssm::load<model>(weights, device));

    ssm::model_config less = ssm::test::small_config();
    less.layers = 1;
    const ssm::test::random_weights smaller(less);
    heap.set_left(needed - needed / 4);
    CHECK_THROWS_AS(ssm::load<model>(weights, device), ssm::memory_error);
    const auto loaded = ssm::load<model>(smaller, device);
    heap.set_left(1 << 30);
    ssm::session session{loaded};
    session.prefill(std::vector<ssm::token_id>{1, 2, 3});
    CHECK(session.logits().size() == 51);
}

TEST_CASE("Memory that is not there is refused by name") {
    const ssm::cuda_f32 device;
    CHECK_THROWS_WITH(device.allocate<float>(ssm::index{1} << 50, "state"),
                      Contains("state") && Contains("out of device memory"));
    CHECK_THROWS_AS(device.allocate<float>(-1, "state"), ssm::memory_error);
    CHECK_THROWS_AS(device.allocate<float>(ssm::index{1} << 61, "state"), ssm::memory_error);
    CHECK_NOTHROW(device.allocate<float>(1 << 20, "state"));  // the device is still good
}

TEST_CASE("What waits for the stream is refused while a capture is in progress") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cuda_f32 device;
    const auto loaded = ssm::load<model>(weights, device);
    ssm::session session{loaded};
    session.prefill(std::vector<ssm::token_id>{1, 2, 3});
    (void)session.logits();
    CHECK_THROWS_AS(ssm::cuda_graph(device.stream(),
                                    [&] {
                                        session.prefill(std::vector<ssm::token_id>{1, 2, 3});
                                    }),
                    ssm::device_error);
    ssm::session again{loaded};  // the device is still good
    again.prefill(std::vector<ssm::token_id>{1, 2, 3});
    CHECK(again.logits().size() == 51);
}

TEST_CASE("Memory asked for while a capture is in progress is not said to be used up") {
    const ssm::cuda_f32 device;
    const auto capture = [&](const auto& enqueue) { return ssm::cuda_graph(device.stream(), enqueue); };
    CHECK_THROWS_WITH(capture([&] { (void)device.allocate<float>(1 << 20, "state"); }),
                      Contains("cudaMalloc") && Contains("capture in progress"));
    CHECK_THROWS_AS(capture([&] { capture([] {}); }), ssm::device_error);  // one within another
    CHECK_NOTHROW(device.allocate<float>(1 << 20, "state"));               // the device is still good
}

TEST_CASE("A device object refuses to work while another device is current") {
    int devices = 0;
    REQUIRE(cudaGetDeviceCount(&devices) == cudaSuccess);
    const ssm::cuda_f32 device;
    ssm::cuda_kernels::context elsewhere;
    elsewhere.device = devices;  // no such device is ever current
    CHECK_THROWS_WITH(elsewhere.require_current(), Contains("current device") && Contains("cudaSetDevice"));
}

TEST_CASE("Options of the device's sampler are checked") {
    const ssm::cuda_f32 device;
    CHECK_THROWS_AS(device.make_sampler({.temperature = -1}, 10), ssm::argument_error);
    CHECK_THROWS_WITH(device.make_sampler({.repetition_penalty = 1.1}, 10), Contains("repetition_penalty"));
}

TEST_CASE("Quantized weights are refused on a GPU, by name and with what to do") {
    const ssm::test::random_weights weights(ssm::test::small_config());
    const ssm::cuda_f32 device;
    for (const ssm::dtype type : {ssm::dtype::q8, ssm::dtype::q4}) {
        CHECK_THROWS_AS(ssm::load<model>(weights, device, {.type = type}), ssm::argument_error);
        CHECK_THROWS_AS(ssm::plan<model>(ssm::test::small_config(), device, {.matrices = type}), ssm::argument_error);
        CHECK_THROWS_WITH(ssm::load<model>(weights, device, {.type = type}),
                          Contains("tensor backbone.embeddings.weight: dtype: found " + std::string(name_of(type))) &&
                              Contains("quantized weights run on the CPU"));
    }
}

}  // namespace refusals_test
