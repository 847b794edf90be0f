// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// A model inside an application that has its own stream, cuBLASLt handle and memory, as a part of the application's graph.
#include <ssm/io/checkpoint.hpp>
#include <ssm/ssm_cuda.cuh>
#include <ssm/text/stream_decoder.hpp>
#include <ssm/text/tokenizer.hpp>

#include <iostream>

struct application {
    static constexpr std::size_t bytes = std::size_t{128} << 20;
    cudaStream_t stream = nullptr;
    cublasLtHandle_t cublas = nullptr;
    void* block = nullptr;
    ssm::token_id* shown = nullptr;  // pinned memory of the host
    application() {
        cudaStreamCreate(&stream), cublasLtCreate(&cublas), cudaMalloc(&block, bytes);
        cudaMallocHost(&shown, sizeof *shown);
    }
    ~application() { cudaFreeHost(shown), cudaFree(block), cublasLtDestroy(cublas), cudaStreamDestroy(stream); }
};

int main(int argc, char** argv) try {
    application host;
    ssm::cuda_arena arena(host.block, application::bytes);
    const ssm::cuda device{{.stream = host.stream, .cublas = host.cublas, .memory = &arena}};
    const auto checkpoint = ssm::hf_checkpoint::open(argc > 1 ? argv[1] : "models/fairy-tiny");
    const auto words = ssm::tokenizer::from_folder(checkpoint.directory());
    const auto model = ssm::load<ssm::falcon_mamba<ssm::cuda>>(checkpoint, device);
    ssm::enqueued_session session{model};
    auto sampler = device.make_sampler({.temperature = 0.8, .top_k = 40, .seed = 7}, model.config().vocab);
    auto memory = device.allocate<ssm::token_id>(1, "token id");
    const ssm::vector_view<ssm::token_id> id(memory.data(), 1);
    session.enqueue_chunk(words.encode("Once upon a time"), true);
    session.enqueue_choice(sampler, id);

    cudaGraph_t graph = nullptr;  // nothing from here on allocates or waits but the application
    cudaGraphExec_t step = nullptr;
    cudaStreamBeginCapture(host.stream, cudaStreamCaptureModeThreadLocal);
    cudaMemcpyAsync(host.shown, id.data(), sizeof *host.shown, cudaMemcpyDeviceToHost, host.stream);
    session.enqueue_next(sampler, id);
    cudaStreamEndCapture(host.stream, &graph);
    if (cudaGraphInstantiate(&step, graph, 0) != cudaSuccess) throw std::runtime_error("no graph");
    ssm::stream_decoder decoder(words);
    for (int left = 100; left > 0; --left) {
        cudaGraphLaunch(step, host.stream);
        if (cudaStreamSynchronize(host.stream) != cudaSuccess) throw std::runtime_error("the step failed");
        std::cout << decoder.push(*host.shown) << std::flush;
    }
    std::cout << "\n";
    cudaGraphExecDestroy(step), cudaGraphDestroy(graph);
    return 0;
} catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 1;
}
