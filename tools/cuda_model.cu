// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/ssm_cuda.cuh>

#include <algorithm>
#include <mutex>

#include "cuda_limits.cuh"
#include "typed_model.hpp"

namespace ssm::tools {
namespace {

/// Device memory from the CUDA runtime that knows how much of it was taken at once.
class counting_heap final : public std::pmr::memory_resource {
public:
    [[nodiscard]] index peak() const {
        const std::lock_guard lock(mutex_);
        return peak_;
    }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        void* const memory = heap_.allocate(bytes, alignment);
        const std::lock_guard lock(mutex_);
        taken_ += static_cast<index>(bytes);
        peak_ = std::max(peak_, taken_);
        return memory;
    }
    void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override {
        heap_.deallocate(memory, bytes, alignment);
        const std::lock_guard lock(mutex_);
        taken_ -= static_cast<index>(bytes);
    }
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    cuda_heap heap_;
    mutable std::mutex mutex_;
    index taken_ = 0;
    index peak_ = 0;
};

template <class Activation>
struct counted_device {
    counting_heap heap;
    basic_cuda<Activation> device{{.memory = &heap}};
};

template <class Model>
class cuda_sequence final : public any_sequence {
public:
    cuda_sequence(const Model& model, const sampling_options& sampling, index chunk)
        : session_(model, sampling, chunk) {}

    void prefill(std::span<const token_id> ids, const prefill_progress& progress) override {
        session_.prefill(ids, progress);
    }
    [[nodiscard]] token_id next() override { return session_.next(); }
    [[nodiscard]] index state_bytes() const override { return session_.state().bytes(); }
    [[nodiscard]] index scratch_bytes() const override { return session_.scratch_bytes(); }

private:
    captured_session<Model> session_;
};

template <class Model>
class cuda_model final : public typed_model<Model> {
    using backend = typename Model::backend;
    using activation = typename backend::activation;

public:
    cuda_model(const std::shared_ptr<const counted_device<activation>>& on, Model model)
        : typed_model<Model>(std::shared_ptr<const backend>(on, &on->device), std::move(model)), heap_(on->heap) {}

    [[nodiscard]] std::unique_ptr<any_sequence> start(const sampling_options& sampling, index chunk) const override {
        return std::make_unique<cuda_sequence<Model>>(this->model(), sampling, chunk);
    }
    [[nodiscard]] std::string device() const override {
        return current_gpu_name() + ", activations in " + std::string(name_of(dtype_of<activation>));
    }
    [[nodiscard]] std::optional<int> threads() const override { return {}; }
    [[nodiscard]] std::optional<index> peak_device_memory() const override { return heap_.peak(); }
    /// Of a copy and of a square product, in memory that is not counted above.
    [[nodiscard]] device_limits limits() const override {
        const basic_cuda<activation> device;
        const cuda_timer time(device.stream());
        return {copy_rate(device, time, index{1} << 30), product_rate(device, time, 4096)};
    }

private:
    const counting_heap& heap_;
};

template <class Activation>
models load_with(const any_weight_source& source, const load_options& options) {
    const auto on = std::make_shared<const counted_device<Activation>>();
    return with_arch(source.config(), [&]<class Arch>(type_tag<Arch>) {
        using model_type = model<basic_cuda<Activation>, Arch>;
        models result;
        result.push_back(std::make_unique<cuda_model<model_type>>(on, load<model_type>(source, on->device, options)));
        return result;
    });
}

/// What the matrices of the model will be kept in, as far as one can say it of all.
dtype weight_type(const any_weight_source& source, const load_options& options) {
    if (options.type) return *options.type;
    const auto some = source.find("backbone.layers.0.mixer.in_proj.weight");
    return some ? some->type : dtype::bf16;  // loading tells what is missing
}

}  // namespace

/// Activations take the type of the weights: in another one a product could not run on the tensor cores.
models load_on_cuda(const any_weight_source& source, const load_options& options) {
    switch (weight_type(source, options)) {
        case dtype::f32: return load_with<float>(source, options);
        case dtype::f16: return load_with<f16>(source, options);
        default: return load_with<bf16>(source, options);
    }
}

}  // namespace ssm::tools
