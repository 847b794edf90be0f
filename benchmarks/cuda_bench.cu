// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// The CUDA backend on a model of random weights in the shape of Falcon Mamba 7B, beside what the device can do at best in
// the same run. Prints a table; with a file name that is not "-", writes the figures there as JSON; with names of parts
// (scan, s4d, decode, batch, prefill, f32, invariant, long, mamba2) after it, measures these only.
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/ssm_cuda.cuh>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "../tools/cuda_limits.cuh"

namespace {

using ssm::token_id;
using count = ssm::index;
using ssm::tools::random_activations;
using timer = ssm::tools::cuda_timer;

/// Figures by name, in the order in which they were taken: printed, and written to a file whose name is not "-". A run that
/// is cut off leaves those that it had taken.
class figures {
public:
    figures(const char* gpu, std::string file) : file_(std::move(file)), all_{{"gpu", gpu}} {}

    void add(const std::string& name, double value, const char* unit) {
        std::printf("%-58s %12.3f %s\n", name.c_str(), value, unit);
        std::fflush(stdout);
        all_["figures"][name + " [" + unit + "]"] = value;
        if (file_ == "-") return;
        std::ofstream(file_ + ".new") << all_.dump(2) << "\n";
        std::filesystem::rename(file_ + ".new", file_);
    }

private:
    std::string file_;
    nlohmann::ordered_json all_;
};

/// What the device does at best: a copy, counting bytes read and written, and a bf16 product of 8192 cubed.
struct limits {
    double copy = 0;      // bytes a second
    double products = 0;  // operations a second
};

limits measure_limits(const ssm::cuda& device, const timer& time, figures& to) {
    const limits result{ssm::tools::copy_rate(device, time, count{4} << 30),
                        ssm::tools::product_rate(device, time, 8192)};
    to.add("copy, read + write", result.copy * 1e-9, "GB/s");
    to.add("product, bf16, 8192^3", result.products * 1e-12, "TFLOP/s");
    return result;
}

/// The layers of a large model, all with the numbers of the first: made fast, and as many bytes on the device.
class repeated_layers {
public:
    repeated_layers(ssm::model_config config, ssm::dtype type)
        : config_(config), one_([&] {
              config.layers = 1;
              return ssm::synthetic_checkpoint(config, type);
          }()) {}

    [[nodiscard]] const ssm::model_config& config() const { return config_; }
    [[nodiscard]] std::string describe() const { return config_.source; }
    [[nodiscard]] std::optional<ssm::stored_tensor> find(std::string_view name) const {
        std::string first(name);
        const std::string layers = "backbone.layers.";
        if (first.rfind(layers, 0) == 0)
            first.replace(layers.size(), first.find('.', layers.size()) - layers.size(), "0");
        const auto known = made_.find(first);
        if (known != made_.end()) return known->second;
        const auto tensor = one_.find(first);
        if (tensor) made_.emplace(first, *tensor);
        return tensor;
    }

private:
    ssm::model_config config_;
    ssm::synthetic_checkpoint one_;
    mutable std::map<std::string, ssm::stored_tensor> made_;
};

std::vector<token_id> random_tokens(count size, count vocab) {
    std::mt19937 random(1);
    std::vector<token_id> ids;
    for (count t = 0; t < size; ++t) ids.push_back(static_cast<token_id>(random() % static_cast<unsigned>(vocab)));
    return ids;
}

/// Bytes that decoding a token of each of `sequences` sequences moves: weights read, states read and written.
template <class Model>
double bytes_per_step(const Model& model, const ssm::weights<typename Model::backend, typename Model::arch>& weights,
                      count sequences) {
    const count not_read = weights.head_bytes == 0 ? 0 : weights.embedding.bytes();  // but a row of it
    return static_cast<double>(weights.bytes() - not_read) +
           2.0 * static_cast<double>(model.start_state(sequences).bytes());
}

std::size_t free_memory() {
    std::size_t free = 0, total = 0;
    ssm::cuda_kernels::check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
    return free;
}

/// A model, its weights and the ids of a prompt on the device.
template <class Backend, class Arch = ssm::falcon_mamba_arch>
struct subject {
    subject(const Backend& device, const repeated_layers& source, count longest_prompt)
        : weights([&] {
              const ssm::load_options options;
              ssm::weight_loader<Backend> loader(source, device, options);
              return std::make_shared<const ssm::weights<Backend, Arch>>(loader, source.config());
          }()),
          model(weights, device),
          ids(device.template allocate<token_id>(longest_prompt, "ids")) {
        device.write(random_tokens(longest_prompt, source.config().vocab), id_view(longest_prompt));
        device.synchronize();
    }
    ssm::vector_view<token_id> id_view(count tokens) { return ssm::vector_view<token_id>(ids.data(), tokens); }

    std::shared_ptr<const ssm::weights<Backend, Arch>> weights;
    ssm::model<Backend, Arch> model;
    ssm::cuda_buffer<token_id> ids;
};

/// Seconds of a decoded token of each sequence, from a captured step, after `position` tokens of prompt.
template <class Backend, class Arch>
double step_seconds(const Backend& device, subject<Backend, Arch>& of, const timer& time, count sequences,
                    count position, int steps) {
    ssm::enqueued_session session{of.model, sequences, sequences == 1 ? count{2048} : count{1}};
    if (sequences == 1 && position > 0)
        session.enqueue_prefill(ssm::vector_view<const token_id>(of.ids.data(), position), ssm::in_chunks{2048});
    auto sampler = device.make_sampler({.temperature = 0}, of.model.config().vocab, sequences);
    auto memory = device.template allocate<token_id>(sequences, "ids");
    const ssm::vector_view<token_id> ids(memory.data(), sequences);
    const ssm::cuda_graph step(device.stream(), [&] { session.enqueue_next(sampler, ids); });
    return time.median(5, [&] {
        for (int i = 0; i < steps; ++i) step.launch(device.stream());
    }) / steps;
}

template <class Backend, class Arch>
void measure_decode(const Backend& device, subject<Backend, Arch>& of, const char* name, const limits& best,
                    const timer& time, figures& to) {
    const std::string what = std::string("decode, ") + name;
    const double bytes = bytes_per_step(of.model, *of.weights, 1);
    const double early = step_seconds(device, of, time, 1, 100, 50);
    to.add(what + ", batch 1, ms a token", 1e3 * early, "ms");
    to.add(what + ", batch 1", 1 / early, "tokens/s");
    to.add(what + ", batch 1, of copy bandwidth", 100 * bytes / early / best.copy, "%");
    if (of.ids.size() >= 100'000) {
        const double late = step_seconds(device, of, time, 1, 100'000, 50);
        to.add(what + ", position 100,000 against 100", 100 * (late / early - 1), "% slower");
    }
}

template <class Backend>
void measure_batch(const Backend& device, subject<Backend>& of, count sequences, double alone, const limits& best,
                   const timer& time, figures& to) {
    const std::string what = "decode, bf16, batch " + std::to_string(sequences);
    const double seconds = step_seconds(device, of, time, sequences, 0, 20);
    to.add(what + ", ms a step", 1e3 * seconds, "ms");
    to.add(what, static_cast<double>(sequences) / seconds, "tokens/s");
    to.add(what + ", of copy bandwidth", 100 * bytes_per_step(of.model, *of.weights, sequences) / seconds / best.copy,
           "%");
    to.add(what + ", times batch 1", static_cast<double>(sequences) * alone / seconds, "x");
}

/// A token of each of some sequences and a chunk of another's prompt in one pass, beside the two passes they take apart.
void measure_shared_pass(subject<ssm::cuda>& of, count sequences, count chunk, const timer& time, figures& to) {
    const std::vector<token_id> ids = random_tokens(sequences + chunk, of.model.config().vocab);
    const auto tokens = std::span(ids).first(static_cast<std::size_t>(sequences));
    const auto prompt = std::span(ids).last(static_cast<std::size_t>(chunk));
    auto memory = of.model.start_state(sequences + 1);
    auto scratch = of.model.make_workspace(sequences + chunk);
    auto logits = of.model.device().allocate<float>(sequences * of.model.config().vocab, "logits");
    const ssm::matrix_view<float> rows(logits.data(), sequences, of.model.config().vocab);
    const ssm::state_range steps(memory, 0, sequences), reading(memory, sequences, 1);
    const double together = time.median(5, [&] { of.model.forward(ids, steps, reading, scratch, rows); });
    const double apart = time.median(5, [&] {
        of.model.forward(tokens, steps, scratch, rows);
        of.model.forward(prompt, reading, scratch, {});
    });
    const std::string what = std::to_string(sequences) + " tokens and a chunk of " + std::to_string(chunk);
    to.add(what + " in a pass", 1e3 * together, "ms");
    to.add(what + ", two passes against one", apart / together, "x");
}

/// Seconds in which a prompt is read, in chunks of 2048.
template <class Backend>
double prefill_seconds(ssm::enqueued_session<ssm::falcon_mamba<Backend>>& session, subject<Backend>& of,
                       const timer& time, count tokens) {
    return time.median(tokens > 100'000 ? 1 : 5, [&] {
        session.enqueue_prefill(ssm::vector_view<const token_id>(of.ids.data(), tokens), ssm::in_chunks{2048});
    });
}

/// Operations of the four matrix products of every layer.
double products_of_a_token(const ssm::model_config& c) {
    return 2.0 * static_cast<double>(c.layers * c.inner * (3 * c.hidden + 2 * c.dt_rank + 2 * c.state));
}

/// A prompt of 2048 tokens on a device that rested before, as it had when the products of `best` were measured.
template <class Backend>
void measure_rested_prompt(subject<Backend>& of, const limits& best, const timer& time, figures& to) {
    constexpr count tokens = 2048;
    ssm::enqueued_session session{of.model, 1, tokens};
    std::array<double, 5> seconds{};
    for (double& each : seconds) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1500));
        each = time.median(1, [&] {
            session.enqueue_prefill(ssm::vector_view<const token_id>(of.ids.data(), tokens), ssm::in_chunks{tokens});
        });
    }
    std::nth_element(seconds.begin(), seconds.begin() + 2, seconds.end());
    to.add("prefill, bf16, 2048 tokens after a rest", 1e3 * seconds[2], "ms");
    to.add("prefill, bf16, 2048 tokens after a rest, of the products' floor",
           100 * products_of_a_token(of.model.config()) * tokens / seconds[2] / best.products, "%");
}

template <class Backend>
double measure_prefill(subject<Backend>& of, count tokens, const limits& best, double sustained, const timer& time,
                       figures& to) {
    const ssm::model_config& c = of.model.config();
    const std::string what = "prefill, bf16, " + std::to_string(tokens) + " tokens";
    const std::size_t before = free_memory();
    ssm::enqueued_session session{of.model, 1, 2048};
    // Busy for about as long as before `sustained`.
    session.enqueue_prefill(ssm::vector_view<const token_id>(of.ids.data(), 65'536), ssm::in_chunks{2048});
    const double seconds = prefill_seconds(session, of, time, tokens);
    const double rate = static_cast<double>(tokens) / seconds;
    to.add(what, rate, "tokens/s");
    to.add(what + ", of the products' floor", 100 * products_of_a_token(c) * rate / best.products, "%");
    to.add(what + ", of the sustained products' floor", 100 * products_of_a_token(c) * rate / sustained, "%");
    to.add(what + ", memory", static_cast<double>(before - free_memory()) * 1e-6, "MB");
    return rate;
}

/// A layer's kernels of a step, each alone, over enough copies of its weights that none is still in the cache.
void measure_step_kernels(const ssm::cuda& device, subject<ssm::cuda>& of, const limits& best, const timer& time,
                          figures& to) {
    using namespace ssm::cuda_kernels;
    const ssm::model_config& c = of.model.config();
    context on = describe_current_device();
    on.stream = device.stream();
    const auto matrices = [&](count rows, count columns, int copies) {
        std::vector<ssm::cuda_buffer<ssm::bf16>> made;
        const auto values = random_activations(device, rows * columns);
        for (int i = 0; i < copies; ++i) made.push_back(values);
        return made;
    };
    const auto residual = device.allocate<float>(c.hidden, "residual");
    auto out = device.allocate<float>(c.vocab, "out");
    const auto x = random_activations(device, c.inner);
    const auto add = [&](const char* name, count rows, count columns, double more, int copies, const auto& run) {
        const auto weights = matrices(rows, columns, copies);
        const double seconds = time.median_in_graph(10, copies, [&](int i) {
            run(ssm::matrix_view<const ssm::bf16>(weights[static_cast<std::size_t>(i)].data(), rows, columns));
        });
        const double bytes = 2.0 * static_cast<double>(rows * columns) + more;
        to.add(std::string("step kernel ") + name, 1e6 * seconds, "us");
        to.add(std::string("step kernel ") + name + ", bytes", 1e-6 * bytes, "MB");
        to.add(std::string("step kernel ") + name + ", of copy bandwidth", 100 * bytes / seconds / best.copy, "%");
    };
    const auto gain = device.upload<float>(std::vector<float>(static_cast<std::size_t>(c.hidden), 1.0F));
    const auto row = [&](const auto& of) { return ssm::matrix_view<const float>(of.data(), 1, c.hidden); };
    const normed_source normed{plain_source_of(row(residual)), plain_source_of(row(gain)), 1e-5F};
    const plain_source plain = plain_source_of(ssm::matrix_view<const ssm::bf16>(x.data(), 1, c.inner));
    const auto out_row = [&](count outputs) { return ssm::matrix_view<float>(out.data(), 1, outputs); };
    const auto taps = device.allocate<float>(4 * c.inner, "taps");
    auto window = device.allocate<float>(3 * c.inner, "window");
    auto xz = device.allocate<ssm::bf16>(2 * c.inner, "xz");
    const ssm::matrix_view<ssm::bf16> xz_row(xz.data(), 1, 2 * c.inner);
    const conv_step_epilogue<ssm::shift_window, ssm::bf16> conv{
        {}, ssm::matrix_view<const float>(taps.data(), 4, c.inner),
        {}, ssm::matrix_view<float>(window.data(), 3, c.inner),
        0,  xz_row};
    add("norm + in_proj + conv", 2 * c.inner, c.hidden, 24.0 * static_cast<double>(c.inner), 12,
        [&](auto w) { matvec(on, "in_proj", w, normed, conv); });
    add("x_proj", c.dt_rank + 2 * c.state, c.inner, 0, 64, [&](auto w) {
        matvec_across_depth(on, "x_proj", w, plain.x, store_epilogue<float>{out_row(w.rows()), {}});
    });
    const count low = c.dt_rank + 2 * c.state;
    const auto dt_b_c = device.upload<float>(std::vector<float>(static_cast<std::size_t>(low), 0.5F));
    const auto a = device.upload<float>(std::vector<float>(static_cast<std::size_t>(c.state * c.inner), -1.0F));
    std::vector<ssm::cuda_buffer<float>> states;
    for (int i = 0; i < 64; ++i) states.push_back(device.allocate<float>(c.state * c.inner, "state"));
    std::size_t turn = 0;
    add("dt_proj + state + gate", c.inner, c.dt_rank, 12.0 * static_cast<double>(c.state * c.inner), 64, [&](auto w) {
        const state_step<ssm::bf16> step{
            ssm::matrix_view<const float>(dt_b_c.data(), 1, low),
            {},
            {},
            {},
            true,
            1e-6F,
            ssm::vector_view<const float>(a.data(), c.inner),
            ssm::matrix_view<const float>(a.data(), c.state, c.inner),
            ssm::vector_view<const float>(a.data(), c.inner),
            ssm::matrix_view<float>(states[turn++ % states.size()].data(), c.state, c.inner),
            xz_row};
        state_step_alone(on, w, step);
    });
    add("out_proj + residual", c.hidden, c.inner, 0, 24, [&](auto w) {
        matvec(on, "out_proj", w, plain, add_epilogue{out_row(c.hidden), {}});
    });
    add("head", c.vocab, c.hidden, 0, 3, [&](auto w) {
        matvec(on, "head", w, normed, store_epilogue<float>{out_row(c.vocab), {}});
    });
}

/// The operations of one layer of a prompt, each alone.
void measure_prefill_kernels(const ssm::cuda& device, subject<ssm::cuda>& of, count tokens, const limits& best,
                             const timer& time, figures& to) {
    const ssm::model_config& c = of.model.config();
    const auto name = [&](const char* op) { return std::string("prefill op ") + op + ", us a layer"; };
    const auto matrix = [&](count rows, count columns) {
        std::vector<ssm::bf16> values(static_cast<std::size_t>(rows * columns));
        std::mt19937 random(5);
        for (auto& v : values) v = ssm::bf16((static_cast<float>(random() >> 8) * 0x1p-23F - 1.0F) * 0.02F);
        const ssm::stored_tensor tensor{
            "w", ssm::dtype::bf16, {rows, columns}, std::as_bytes(std::span(values)), nullptr};
        auto stored = device.upload_matrix(tensor, ssm::dtype::bf16);
        device.synchronize();
        return stored;
    };
    const count low = c.dt_rank + 2 * c.state;
    auto residual_memory = device.allocate<float>(tokens * c.hidden, "residual");
    const ssm::matrix_view<float> residual(residual_memory.data(), tokens, c.hidden);
    auto u_memory = random_activations(device, tokens * c.hidden);
    auto xz_memory = random_activations(device, tokens * 2 * c.inner);
    auto x_memory = random_activations(device, tokens * c.inner);
    auto dt_memory = random_activations(device, tokens * c.inner);
    auto low_memory = random_activations(device, tokens * low);
    const auto view = [&](auto& m, count columns) { return ssm::matrix_view<ssm::bf16>(m.data(), tokens, columns); };
    const auto u = view(u_memory, c.hidden), xz = view(xz_memory, 2 * c.inner), x = view(x_memory, c.inner),
               dt = view(dt_memory, c.inner), dt_b_c = view(low_memory, low);
    const auto measure = [&](const char* op, const auto& work) { to.add(name(op), 1e6 * time.median(10, work), "us"); };
    const auto product = [&](const char* op, auto in, count outputs, const auto& work) {
        const double seconds = time.median(10, work);
        to.add(name(op), 1e6 * seconds, "us");
        const double operations = 2.0 * static_cast<double>(tokens * in.columns() * outputs);
        to.add(std::string("prefill op ") + op + ", of the product rate", 100 * operations / seconds / best.products,
               "%");
    };
    const auto gain = device.upload<float>(std::vector<float>(static_cast<std::size_t>(c.inner), 1.0F));
    const ssm::vector_view<const float> hidden_gain(gain.data(), c.hidden), ones(gain.data(), c.inner);
    const auto in_proj = matrix(2 * c.inner, c.hidden), x_proj = matrix(low, c.inner),
               dt_proj = matrix(c.inner, c.dt_rank), out_proj = matrix(c.hidden, c.inner);
    measure("norm", [&] { device.rms_norm(ssm::matrix_view<const float>(residual), hidden_gain, 1e-5F, u); });
    product("in_proj", u, 2 * c.inner, [&] { device.multiply(u, in_proj, {}, xz); });
    auto taps = device.allocate<float>(4 * c.inner, "taps"), window = device.allocate<float>(3 * c.inner, "window");
    measure("conv", [&] {
        device.causal_conv_silu<ssm::shift_window>(xz.columns(0, c.inner),
                                                   ssm::matrix_view<const float>(taps.data(), 4, c.inner), ones,
                                                   ssm::matrix_view<float>(window.data(), 3, c.inner), 0, 1, x);
    });
    product("x_proj", x, low, [&] { device.multiply(x, x_proj, {}, dt_b_c); });
    measure("norms of dt, B and C", [&] { device.rms_norm_parts(dt_b_c, {c.dt_rank, c.state, c.state}, {}, 1e-6F); });
    product("dt_proj", dt_b_c.columns(0, c.dt_rank), c.inner,
            [&] { device.multiply(dt_b_c.columns(0, c.dt_rank), dt_proj, {}, dt); });
    product("out_proj", x, c.hidden, [&] { device.multiply_add(x, out_proj, {}, residual); });
}

/// The gated scan alone, against the rate of the special-function units: 16 results a clock on each multiprocessor, one for
/// each state and four for softplus and the gate.
void measure_scan(const ssm::cuda& device, const ssm::model_config& c, count sequences, count tokens, const timer& time,
                  figures& to) {
    const count rows = sequences * tokens;
    const auto random = random_activations(device, rows * c.inner);
    auto y_memory = device.allocate<ssm::bf16>(rows * c.inner, "y");
    const auto z_memory = random_activations(device, rows * c.inner);
    const auto dt_memory = random_activations(device, rows * c.inner);
    const auto b_c = random_activations(device, rows * 2 * c.state);
    std::vector<float> rates(static_cast<std::size_t>(c.state * c.inner));
    for (std::size_t i = 0; i < rates.size(); ++i)
        rates[i] = -1.0F - static_cast<float>(i / static_cast<std::size_t>(c.inner));
    const auto a = device.upload<float>(rates);
    const auto ones = device.upload<float>(std::vector<float>(static_cast<std::size_t>(c.inner), -3.0F));
    auto h = device.allocate<float>(sequences * c.state * c.inner, "h");
    const auto wide = [&](const auto& m) { return ssm::matrix_view<const ssm::bf16>(m.data(), rows, c.inner); };
    const ssm::matrix_view<const ssm::bf16> both(b_c.data(), rows, 2 * c.state);
    const ssm::vector_view<const float> per_channel(ones.data(), c.inner);
    const ssm::selective<float, ssm::bf16> r{ssm::matrix_view<const float>(a.data(), c.state, c.inner),
                                             per_channel,
                                             wide(dt_memory),
                                             wide(random),
                                             both.columns(0, c.state),
                                             both.columns(c.state, c.state)};
    const double seconds = time.median(10, [&] {
        device.gated_scan(ssm::sequential{}, r, per_channel, wide(z_memory),
                          ssm::matrix_view<float>(h.data(), sequences * c.state, c.inner), sequences,
                          ssm::matrix_view<ssm::bf16>(y_memory.data(), rows, c.inner));
    });
    int multiprocessors = 0, kilohertz = 0;
    ssm::cuda_kernels::check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "attribute");
    ssm::cuda_kernels::check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0), "attribute");
    const double limit = static_cast<double>(c.inner * (c.state + 4)) / (16.0 * multiprocessors * 1e3 * kilohertz);
    const std::string what = "scan, batch " + std::to_string(sequences) + ", " + std::to_string(tokens) + " tokens";
    const double each = seconds / static_cast<double>(rows);
    to.add(what + ", ns a token and layer", 1e9 * each, "ns");
    to.add(what + ", of the exponentials' limit", 100 * limit / each, "%");
}

/// S4D's scan alone, 16 states, in the order of time and with threads along it: worth its arithmetic where channels are few.
void measure_s4d_scan(const ssm::cuda& device, count channels, const timer& time, figures& to) {
    constexpr count tokens = 2048, states = 16;
    const auto x = random_activations(device, tokens * channels);
    const auto halves = device.upload<float>(std::vector<float>(static_cast<std::size_t>(states * channels), 0.5F));
    auto y = device.allocate<ssm::bf16>(tokens * channels, "y");
    auto h = device.allocate<float>(states * channels, "h");
    const ssm::matrix_view<const float> each(halves.data(), states, channels);
    const ssm::s4d<float, ssm::bf16> recurrence{each, each, each,
                                                ssm::vector_view<const float>(halves.data(), channels),
                                                ssm::matrix_view<const ssm::bf16>(x.data(), tokens, channels)};
    const auto seconds = [&](auto policy) {
        return time.median(10, [&] {
            device.scan(policy, recurrence, ssm::matrix_view<float>(h.data(), states, channels), 1,
                        ssm::matrix_view<ssm::bf16>(y.data(), tokens, channels));
        });
    };
    const double in_order = seconds(ssm::sequential{});
    const std::string what = "s4d, scan of 2048 tokens, " + std::to_string(channels) + " channels, ";
    to.add(what + "sequential", 1e6 * in_order, "us");
    to.add(what + "chunked, times as fast", in_order / seconds(ssm::chunked{}), "x");
    to.add(what + "convolution, times as fast", in_order / seconds(ssm::convolution{}), "x");
}

/// Mamba-2's scan alone, in both policies: prompts against the rate of multiply-adds, of which the recurrence in order takes
/// three a state, 128 a clock on each multiprocessor; a token against the copy of the states.
void measure_mamba2_scan(const ssm::cuda& device, const ssm::model_config& c, const limits& best, const timer& time,
                         figures& to) {
    constexpr count most = 2048, layers = 32;  // more states than the cache has room for
    constexpr ssm::limits dt_limits{0.001F, 0.1F};
    const count columns = c.groups * c.state;
    const auto x = random_activations(device, most * c.inner), z = random_activations(device, most * c.inner);
    const auto b_c = random_activations(device, most * 2 * columns);
    auto y = device.allocate<ssm::bf16>(most * c.inner, "y");
    auto h = device.allocate<float>(layers * c.state * c.inner, "h");
    const auto raw_dt = device.upload<float>(std::vector<float>(static_cast<std::size_t>(most * c.heads), -3.0F));
    const auto ones = device.upload<float>(std::vector<float>(static_cast<std::size_t>(c.heads), -1.0F));
    const ssm::vector_view<const float> per_head(ones.data(), c.heads);
    const auto recurrence = [&](count tokens) {
        const ssm::matrix_view<const ssm::bf16> both(b_c.data(), tokens, 2 * columns);
        return ssm::multihead_selective<float, ssm::bf16>{per_head,
                                                          per_head,
                                                          ssm::matrix_view<const float>(raw_dt.data(), tokens, c.heads),
                                                          ssm::matrix_view<const ssm::bf16>(x.data(), tokens, c.inner),
                                                          both.columns(0, columns),
                                                          both.columns(columns, columns),
                                                          c.groups};
    };
    const auto state_of = [&](count layer) {
        return ssm::matrix_view<float>(h.data() + layer * c.state * c.inner, c.state, c.inner);
    };
    int multiprocessors = 0, kilohertz = 0;
    ssm::cuda_kernels::check(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, 0), "attribute");
    ssm::cuda_kernels::check(cudaDeviceGetAttribute(&kilohertz, cudaDevAttrClockRate, 0), "attribute");
    const double limit = 3.0 * static_cast<double>(c.inner * c.state) / (128.0 * multiprocessors * 1e3 * kilohertz);
    const ssm::matrix_view<ssm::bf16> all_y(y.data(), most, c.inner);
    const auto add = [&](const char* policy, const auto& scan) {
        const double each = time.median(10, scan) / most;
        const std::string what = std::string("mamba2, scan of 2048 tokens, ") + policy;
        to.add(what + ", ns a token and layer", 1e9 * each, "ns");
        to.add(what + ", of the multiply-adds' limit in order", 100 * limit / each, "%");
    };
    add("sequential", [&] {
        device.gated_scan(ssm::sequential{}, recurrence(most), dt_limits,
                          ssm::matrix_view<const ssm::bf16>(z.data(), most, c.inner), state_of(0), 1, all_y);
    });
    add("state_space_dual", [&] { device.scan(ssm::state_space_dual{}, recurrence(most), state_of(0), 1, all_y); });
    const double step = time.median_in_graph(10, layers, [&](int i) {
        device.gated_scan(ssm::sequential{}, recurrence(1), dt_limits,
                          ssm::matrix_view<const ssm::bf16>(z.data(), 1, c.inner), state_of(i), 1,
                          ssm::matrix_view<ssm::bf16>(y.data(), 1, c.inner));
    });
    to.add("mamba2, scan of one token, us a layer", 1e6 * step, "us");
    to.add("mamba2, scan of one token, of copy bandwidth",
           100 * 8.0 * static_cast<double>(c.inner * c.state) / step / best.copy, "%");
}

/// What equal bits in any company cost: a model whose execution is `invariant` beside one whose is `quickest`.
template <class Activation>
void measure_invariant(const repeated_layers& source, const char* name, figures& to) {
    struct timed {
        double steps[3], prompts[3];
    };
    constexpr count sequences[] = {1, 8, 64}, tokens[] = {64, 512, 2048};
    const auto measure = [&]<class Backend>(std::type_identity<Backend>) {
        const Backend device;
        const timer time(device.stream());
        subject<Backend> of(device, source, 2048);
        timed seconds;
        for (int i = 0; i < 3; ++i) {
            seconds.steps[i] = step_seconds(device, of, time, sequences[i], 0, 10);
            ssm::enqueued_session session{of.model, 1, 2048};
            seconds.prompts[i] = prefill_seconds(session, of, time, tokens[i]);
        }
        return seconds;
    };
    const timed invariant = measure(std::type_identity<ssm::basic_cuda<Activation, ssm::invariant>>{});
    const timed quickest = measure(std::type_identity<ssm::basic_cuda<Activation>>{});
    const auto add = [&](const std::string& what, double seconds, double least) {
        const std::string of = std::string("invariant, ") + name + ", " + what;
        to.add(of, 1e3 * seconds, "ms");
        to.add(of + ", times quickest", seconds / least, "x");
    };
    for (int i = 0; i < 3; ++i) add("a step of " + std::to_string(sequences[i]), invariant.steps[i], quickest.steps[i]);
    for (int i = 0; i < 3; ++i)
        add("a prompt of " + std::to_string(tokens[i]), invariant.prompts[i], quickest.prompts[i]);
}

void measure_long_decode(const ssm::cuda& device, const timer& time, const char* shape, int tokens, figures& to) {
    subject<ssm::cuda> of(device, repeated_layers(ssm::synthetic_shape(shape), ssm::dtype::bf16), 1);
    ssm::enqueued_session session{of.model, 1, 1};
    auto sampler = device.make_sampler({.temperature = 0}, of.model.config().vocab);
    const auto id = of.id_view(1);
    const ssm::cuda_graph step(device.stream(), [&] { session.enqueue_next(sampler, id); });
    const auto run = [&](int steps) {
        for (int i = 0; i < steps; ++i) step.launch(device.stream());
    };
    run(100);
    device.synchronize();
    const std::size_t before = free_memory();
    const double early = time.median(5, [&] { run(500); });
    run(tokens - 6 * 500);
    const double late = time.median(5, [&] { run(500); });
    const std::string what =
        std::string("decode, bf16, ") + shape + " shape, after " + std::to_string(tokens) + " tokens";
    to.add(what + ", slower than the first", 100 * (late / early - 1), "%");
    to.add(what + ", more device memory", static_cast<double>(before) - static_cast<double>(free_memory()), "bytes");
}

/// `wanted` names the parts to measure; all of them when empty.
void run(const std::string& file, const std::set<std::string>& wanted) {
    const auto wants = [&](const char* part) { return wanted.empty() || wanted.count(part) > 0; };
    const ssm::cuda device;
    const timer time(device.stream());
    cudaDeviceProp properties;
    ssm::cuda_kernels::check(cudaGetDeviceProperties(&properties, 0), "cudaGetDeviceProperties");
    std::printf("%s\n", properties.name);
    figures to(properties.name, file);
    const limits best = measure_limits(device, time, to);
    const ssm::model_config shape = ssm::synthetic_shape("7b");
    if (wants("scan"))
        for (const count sequences : {1, 8})
            for (const count tokens : {2048, 16384}) measure_scan(device, shape, sequences, tokens, time, to);
    if (wants("s4d"))
        for (const count channels : {256, 2048, 8192}) measure_s4d_scan(device, channels, time, to);
    if (wants("decode") || wants("batch") || wants("prefill")) {
        const repeated_layers source(shape, ssm::dtype::bf16);
        subject<ssm::cuda> of(device, source, 262'144);
        if (wants("decode")) {
            measure_decode(device, of, "bf16", best, time, to);
            measure_step_kernels(device, of, best, time, to);
        }
        if (wants("batch")) {
            const double alone = step_seconds(device, of, time, 1, 0, 50);
            for (const count sequences : {2, 4, 8, 16, 32, 64})
                measure_batch(device, of, sequences, alone, best, time, to);
            for (const count chunk : {64, 512}) measure_shared_pass(of, 32, chunk, time, to);
        }
        if (wants("prefill")) {
            measure_rested_prompt(of, best, time, to);
            // Prompts are measured on a device that has been busy for seconds, and so are the products they are compared with.
            const double sustained = ssm::tools::product_rate(device, time, 8192, 1500);
            to.add("product, bf16, 8192^3, sustained", sustained * 1e-12, "TFLOP/s");
            for (const count tokens : {2048, 4096, 32'768, 262'144})
                measure_prefill(of, tokens, best, sustained, time, to);
            measure_prefill_kernels(device, of, 2048, best, time, to);
        }
    }
    if (wants("f32")) {
        const ssm::cuda_f32 exact;
        const timer exact_time(exact.stream());
        subject<ssm::cuda_f32> of(exact, repeated_layers(shape, ssm::dtype::f32), 2048);
        measure_decode(exact, of, "f32", best, exact_time, to);
    }
    if (wants("invariant")) {
        measure_invariant<ssm::bf16>(repeated_layers(shape, ssm::dtype::bf16), "bf16", to);
        measure_invariant<float>(repeated_layers(shape, ssm::dtype::f32), "f32", to);
    }
    if (wants("mamba2")) {
        const ssm::model_config mamba2 = ssm::synthetic_shape("mamba2-2.7b");
        measure_mamba2_scan(device, mamba2, best, time, to);
        subject<ssm::cuda, ssm::mamba2_arch> of(device, repeated_layers(mamba2, ssm::dtype::bf16), 2048);
        measure_decode(device, of, "bf16, mamba2-2.7b", best, time, to);
    }
    if (wants("long")) measure_long_decode(device, time, "130m", 131'072, to);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(argc > 1 ? argv[1] : "-", std::set<std::string>(argv + std::min(argc, 2), argv + argc));
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "cuda_bench: %s\n", error.what());
        return 1;
    }
}
