// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/generate/generate.hpp>

#include <algorithm>
#include <utility>

#include "machine_limits.hpp"
#include "typed_model.hpp"

namespace ssm::tools {
namespace {

template <class Model>
class cpu_sequence final : public any_sequence {
public:
    cpu_sequence(const Model& model, const sampling_options& sampling, index chunk)
        : session_(model), source_{session_, in_chunks{chunk}, sampler(sampling)} {}

    void prefill(std::span<const token_id> ids, const prefill_progress& progress) override {
        source_.prefill(ids, progress);
    }
    [[nodiscard]] token_id next() override { return source_.next(); }
    [[nodiscard]] index state_bytes() const override { return session_.state().bytes(); }
    [[nodiscard]] index scratch_bytes() const override { return session_.scratch_bytes(); }

private:
    session<Model> session_;
    sampled_session<Model, in_chunks> source_;
};

template <class Model>
class cpu_model final : public typed_model<Model> {
public:
    cpu_model(std::shared_ptr<const cpu> device, Model model, bool narrow_inputs)
        : typed_model<Model>(std::move(device), std::move(model)), narrow_inputs_(narrow_inputs) {}

    [[nodiscard]] std::unique_ptr<any_sequence> start(const sampling_options& sampling, index chunk) const override {
        return std::make_unique<cpu_sequence<Model>>(this->model(), sampling, chunk);
    }
    [[nodiscard]] std::string device() const override { return std::to_string(*threads()) + " threads"; }
    [[nodiscard]] std::optional<int> threads() const override { return this->model().device().threads(); }
    [[nodiscard]] std::optional<index> peak_device_memory() const override { return {}; }
    [[nodiscard]] device_limits limits() const override {
        thread_pool pool(*threads());
        return {read_bandwidth(pool), multiply_add_rate(pool, this->type(), narrow_inputs_)};
    }

private:
    bool narrow_inputs_;
};

}  // namespace

models load_on_cpu(const any_weight_source& source, const load_options& options, const cpu_settings& settings) {
    return with_arch(source.config(), [&]<class Arch>(type_tag<Arch>) {
        using model_type = model<cpu, Arch>;
        std::vector<std::shared_ptr<const cpu>> devices;  // all, before the weights: a wrong number is told at once
        for (const int count : settings.threads)
            devices.push_back(
                std::make_shared<const cpu>(cpu_options{.threads = count, .narrow_inputs = settings.narrow_inputs}));
        const auto most = std::max_element(settings.threads.begin(), settings.threads.end()) - settings.threads.begin();
        const auto first = load<model_type>(source, *devices.at(static_cast<std::size_t>(most)), options);
        models result;
        for (const auto& device : devices)
            result.push_back(std::make_unique<cpu_model<model_type>>(
                device, model_type(first.shared_weights(), *device), settings.narrow_inputs));
        return result;
    });
}

}  // namespace ssm::tools
