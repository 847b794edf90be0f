// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/backend/cuda/status.cuh>

#include <cuda_runtime.h>

#include <memory>
#include <type_traits>
#include <utility>

namespace ssm {

/// Work captured from a stream once and launched any number of times, without the cost of launching its kernels singly.
/// It holds the addresses and numbers of that one time: what it refers to must stay where it is.
class cuda_graph {
public:
    /// Captures what `enqueue()` enqueues on `stream`, which runs nothing. Throws device_error, and what `enqueue` throws.
    template <class Enqueue>
    cuda_graph(cudaStream_t stream, Enqueue&& enqueue) {
        using namespace cuda_kernels;
        check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
        cudaGraph_t captured = nullptr;
        try {
            std::forward<Enqueue>(enqueue)();
        } catch (...) {
            (void)cudaStreamEndCapture(stream, &captured);
            if (captured != nullptr) (void)cudaGraphDestroy(captured);
            throw;
        }
        check(cudaStreamEndCapture(stream, &captured), "cudaStreamEndCapture");
        const std::unique_ptr<std::remove_pointer_t<cudaGraph_t>, destroy> owner(captured);
        cudaGraphExec_t made = nullptr;
        check(cudaGraphInstantiate(&made, captured, 0), "cudaGraphInstantiate");
        executable_.reset(made);
    }

    /// Enqueues the captured work.
    void launch(cudaStream_t stream) const {
        cuda_kernels::check(cudaGraphLaunch(executable_.get(), stream), "cudaGraphLaunch");
    }

private:
    struct destroy {
        void operator()(cudaGraph_t graph) const { (void)cudaGraphDestroy(graph); }
        void operator()(cudaGraphExec_t graph) const { (void)cudaGraphExecDestroy(graph); }
    };
    std::unique_ptr<std::remove_pointer_t<cudaGraphExec_t>, destroy> executable_;
};

}  // namespace ssm
