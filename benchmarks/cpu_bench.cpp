// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// The operations of the CPU backend at the shapes of falcon-mamba-7b, each beside what this machine can do at best: bytes
// against the read bandwidth and multiply-adds against the arithmetic peak, both measured at start on as many threads.
// And what a batch gains where tokens and a chunk of a prompt share a pass, and whether the millionth token costs more than
// the first.
#include <benchmark/benchmark.h>
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/backend/cpu/eigen_gemm.hpp>
#include <ssm/io/synthetic_checkpoint.hpp>
#include <ssm/math.hpp>
#include <ssm/ssm.hpp>

#include <algorithm>
#include <chrono>
#include <compare>
#include <map>
#include <random>
#include <utility>
#include <vector>

#include "../tools/machine_limits.hpp"

#if defined(SSM_HAS_ONEDNN)
#include <dnnl.hpp>
#endif

#if !defined(__OPTIMIZE__)
#error "A benchmark of unoptimised code says nothing: configure with the preset release."
#endif

namespace {

using ssm::index;

/// What a benchmark is compared with: arithmetic in this type.
struct arithmetic {
    ssm::dtype type = ssm::dtype::f32;
    bool narrow = false;
    friend auto operator<=>(const arithmetic&, const arithmetic&) = default;
};

double bytes_per_second(int threads) {
    static std::map<int, double> measured;
    const auto known = measured.find(threads);
    if (known != measured.end()) return known->second;
    ssm::thread_pool pool(threads);
    return measured[threads] = ssm::tools::read_bandwidth(pool, 2);
}

double operations_per_second(int threads, arithmetic kind) {
    static std::map<std::pair<int, arithmetic>, double> measured;
    const auto known = measured.find({threads, kind});
    if (known != measured.end()) return known->second;
    ssm::thread_pool pool(threads);
    return measured[{threads, kind}] = ssm::tools::multiply_add_rate(pool, kind.type, kind.narrow);
}

std::vector<float> random_floats(index count, float low = -1, float high = 1) {
    static std::mt19937 generator(1);
    std::uniform_real_distribution<float> uniform(low, high);
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = uniform(generator);
    return values;
}

ssm::matrix_view<float> view(std::vector<float>& values, index rows) {
    return ssm::matrix_view<float>(values.data(), rows, static_cast<index>(values.size()) / rows);
}

/// Runs `work`, and reports the bytes and floating-point operations of one call as rates and as shares of the machine's
/// limits on as many threads.
template <class Work>
void measure(benchmark::State& state, double bytes, double flops, int threads, const Work& work, arithmetic kind = {}) {
    const double most_bytes = bytes_per_second(threads);
    const double most_operations = operations_per_second(threads, kind);
    work();  // once beforehand: memory is touched, threads are awake
    const auto started = std::chrono::steady_clock::now();
    for (auto _ : state) {
        work();
        benchmark::ClobberMemory();
    }
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - started;
    const double calls_per_second = static_cast<double>(state.iterations()) / elapsed.count();
    state.counters["GB/s"] = bytes * calls_per_second * 1e-9;
    state.counters["%read"] = 100 * bytes * calls_per_second / most_bytes;
    state.counters["GFLOP/s"] = flops * calls_per_second * 1e-9;
    state.counters["%peak"] = 100 * flops * calls_per_second / most_operations;
    state.counters["us/token"] = 1e6 / (calls_per_second * static_cast<double>(state.range(0)));
}

/// in_proj of a 7B layer, (16384, 4096): arguments are tokens and threads.
template <class Products, ssm::dtype Type, bool Narrow = false>
void multiply(benchmark::State& state) {
    const index tokens = state.range(0);
    const auto threads = static_cast<int>(state.range(1));
    constexpr index outputs = 16384, depth = 4096;
    const ssm::basic_cpu<Products> device{{.threads = threads, .narrow_inputs = Narrow}};
    const std::vector<float> weights = random_floats(outputs * depth);
    const ssm::stored_tensor tensor{"w", ssm::dtype::f32, {outputs, depth}, std::as_bytes(std::span(weights)), nullptr};
    const auto matrix = device.upload_matrix(tensor, Type);
    std::vector<float> x = random_floats(tokens * depth);
    std::vector<float> y(static_cast<std::size_t>(tokens * outputs));
    measure(state, static_cast<double>(matrix.bytes()), 2.0 * static_cast<double>(tokens * outputs * depth), threads,
            [&] { device.multiply(view(x, tokens), matrix, {}, view(y, tokens)); }, {Type, Narrow});
}

#if defined(SSM_HAS_ONEDNN)
/// The same product by oneDNN, its weights packed beforehand: what a well-kept library makes of this machine. Bytes for q8,
/// whose scales it does not have. Set ONEDNN_MAX_CPU_ISA=avx512_core_bf16 where there are matrix tiles, which nothing here
/// uses.
template <ssm::dtype Type>
void onednn(benchmark::State& state) {
    using type = dnnl::memory::data_type;
    using layout = dnnl::memory::format_tag;
    const index tokens = state.range(0);
    constexpr index outputs = 16384, depth = 4096;
    constexpr bool bytes = Type == ssm::dtype::q8;
    constexpr type weight_type = bytes ? type::s8 : Type == ssm::dtype::bf16 ? type::bf16 : type::f32;
    const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
    dnnl::stream stream(engine);
    const dnnl::memory::desc x_form({tokens, depth}, bytes ? type::u8 : weight_type, layout::ab);
    const dnnl::memory::desc any_form({depth, outputs}, weight_type, layout::any);
    const dnnl::memory::desc y_form({tokens, outputs}, bytes ? type::s32 : type::f32, layout::ab);
    const dnnl::matmul::primitive_desc plan(dnnl::matmul::desc(x_form, any_form, y_form), engine);
    dnnl::memory x(x_form, engine), w(plan.weights_desc(), engine), y(y_form, engine);
    // Bytes that are small numbers in every type.
    for (const dnnl::memory* of : {&x, &w})
        std::fill_n(static_cast<unsigned char*>(of->get_data_handle()), of->get_desc().get_size(),
                    static_cast<unsigned char>(0x3c));
    const dnnl::matmul product(plan);
    measure(state, static_cast<double>(w.get_desc().get_size()), 2.0 * static_cast<double>(tokens * outputs * depth), 1,
            [&] {
                product.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, w}, {DNNL_ARG_DST, y}});
                stream.wait();
            },
            {Type, true});
}
#endif

void shapes(benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"tokens", "threads"})->UseRealTime()->Unit(benchmark::kMillisecond);
    for (const int threads : {1, 2})
        for (const int tokens : {1, 512}) benchmark->Args({tokens, threads});
}

/// A selective recurrence of a 7B layer: 8192 channels of 16 states.
struct layer {
    static constexpr index channels = 8192, states = 16;
    index tokens;
    std::vector<float> a = random_floats(states * channels, -16, -1);
    std::vector<float> d = random_floats(channels);
    std::vector<float> dt = random_floats(tokens * channels, 1e-3F, 0.1F);
    std::vector<float> x = random_floats(tokens * channels);
    std::vector<float> b = random_floats(tokens * states);
    std::vector<float> c = random_floats(tokens * states);
    std::vector<float> h = random_floats(states * channels);
    std::vector<float> y = random_floats(tokens * channels);

    ssm::selective<float> recurrence() {
        return {view(a, states),  ssm::vector_view<const float>(d.data(), channels),
                view(dt, tokens), view(x, tokens),
                view(b, tokens),  view(c, tokens)};
    }
    // x and dt in, y out, and the state in and out.
    [[nodiscard]] double bytes() const {
        return 4.0 * static_cast<double>(3 * tokens * channels + 2 * states * channels);
    }
    // A decay, a step and a read-out: six operations a state, the exponential not counted.
    [[nodiscard]] double flops() const { return 6.0 * static_cast<double>(tokens * channels * states); }
};

template <class Policy>
void scan(benchmark::State& state) {
    layer data{.tokens = state.range(0)};
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    measure(state, data.bytes(), data.flops(), threads, [&] {
        device.scan(Policy{}, data.recurrence(), view(data.h, layer::states), 1, view(data.y, data.tokens));
    });
}

/// S4D at the same shape: a recurrence without a kernel of its own, in order and as a convolution.
template <class Policy>
void scan_s4d(benchmark::State& state) {
    layer data{.tokens = state.range(0)};
    std::vector<float> decay = random_floats(layer::states * layer::channels, 0.5F, 0.999F);
    std::vector<float> gain = random_floats(layer::states * layer::channels);
    std::vector<float> c = random_floats(layer::states * layer::channels);
    const ssm::s4d<float> recurrence{view(decay, layer::states), view(gain, layer::states), view(c, layer::states),
                                     ssm::vector_view<const float>(data.d.data(), layer::channels),
                                     view(data.x, data.tokens)};
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    measure(state, data.bytes(), data.flops(), threads,
            [&] { device.scan(Policy{}, recurrence, view(data.h, layer::states), 1, view(data.y, data.tokens)); });
}

/// A layer of Mamba-2 2.7B: 80 heads of 64 channels in one group, 128 states. `length` is that of the dual form's chunks, or
/// 0 for the recurrence.
void multihead_scan(benchmark::State& state) {
    constexpr index heads = 80, channels = heads * 64, states = 128;
    const index tokens = state.range(0), length = state.range(2);
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    const std::vector<float> a = random_floats(heads, -16, -1), d = random_floats(heads);
    const std::vector<float> dt = random_floats(tokens * heads, 1e-3F, 0.1F), x = random_floats(tokens * channels);
    const std::vector<float> b = random_floats(tokens * states), c = random_floats(tokens * states);
    std::vector<float> h = random_floats(states * channels), y = random_floats(tokens * channels);
    const auto matrix = [](auto& values, index rows, index columns) {
        return ssm::matrix_view<std::remove_pointer_t<decltype(values.data())>>(values.data(), rows, columns);
    };
    const ssm::multihead_selective<float> r{ssm::vector_view<const float>(a.data(), heads),
                                            ssm::vector_view<const float>(d.data(), heads),
                                            matrix(dt, tokens, heads),
                                            matrix(x, tokens, channels),
                                            matrix(b, tokens, states),
                                            matrix(c, tokens, states),
                                            1};
    // The operations of the recurrence, which the dual form is to do in less time with more of them.
    measure(state, 4.0 * static_cast<double>(2 * tokens * channels + 2 * states * channels),
            6.0 * static_cast<double>(tokens * channels * states), threads, [&] {
                if (length == 0)
                    device.scan(ssm::sequential{}, r, matrix(h, states, channels), 1, matrix(y, tokens, channels));
                else
                    device.scan(ssm::state_space_dual{length}, r, matrix(h, states, channels), 1,
                                matrix(y, tokens, channels));
            });
}

/// The plain loops of ssm/math, for comparison.
void scan_reference(benchmark::State& state) {
    layer data{.tokens = state.range(0)};
    measure(state, data.bytes(), data.flops(), 1, [&] {
        ssm::math::selective_scan(data.recurrence(), data.tokens, layer::channels, layer::states,
                                  view(data.h, layer::states), view(data.y, data.tokens));
    });
}

void causal_conv(benchmark::State& state) {
    const index tokens = state.range(0);
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    std::vector<float> x = random_floats(tokens * layer::channels), taps = random_floats(4 * layer::channels);
    std::vector<float> window(3 * layer::channels), y(x.size());
    const auto values = static_cast<double>(tokens * layer::channels);
    measure(state, 8 * values, 8 * values, threads, [&] {
        device.causal_conv_silu<ssm::shift_window>(view(x, tokens), view(taps, 4), {}, view(window, 3), 0, 1,
                                                   view(y, tokens));
    });
}

void rms_norm(benchmark::State& state) {
    const index tokens = state.range(0);
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    std::vector<float> x = random_floats(tokens * 4096), gain = random_floats(4096), y(x.size());
    const auto values = static_cast<double>(tokens * 4096);
    measure(state, 8 * values, 4 * values, threads, [&] {
        device.rms_norm(view(x, tokens), ssm::vector_view<const float>(gain.data(), 4096), 1e-5F, view(y, tokens));
    });
}

void elementwise(benchmark::State& state) {
    const index tokens = state.range(0);
    const auto threads = static_cast<int>(state.range(1));
    const ssm::cpu device{{.threads = threads}};
    std::vector<float> z = random_floats(tokens * layer::channels), y = random_floats(tokens * layer::channels);
    const auto values = static_cast<double>(tokens * layer::channels);
    measure(state, 12 * values, 4 * values, threads, [&] { device.gate(view(z, tokens), view(y, tokens)); });
}

/// A token of each of some sequences and a chunk of another in one pass, beside the two passes that they take apart: two
/// layers 2048 wide, in bf16. Arguments are sequences, tokens of the chunk and threads.
void share_a_pass(benchmark::State& state) {
    const index sequences = state.range(0), chunk = state.range(1);
    using model_type = ssm::falcon_mamba<ssm::cpu>;
    const ssm::cpu device{{.threads = static_cast<int>(state.range(2))}};
    ssm::model_config config = ssm::synthetic_shape("h2048");
    config.layers = 2;
    config.vocab = 1024;
    const auto model = ssm::load<model_type>(ssm::synthetic_checkpoint(config, ssm::dtype::bf16), device);
    auto memory = model.start_state(sequences + 1);
    auto scratch = model.make_workspace(sequences + chunk);
    std::vector<float> logits(static_cast<std::size_t>(sequences * config.vocab));
    const ssm::matrix_view<float> rows = view(logits, sequences);
    const std::vector<ssm::token_id> ids(static_cast<std::size_t>(sequences + chunk), 7);
    const ssm::state_range steps(memory, 0, sequences), prompt(memory, sequences, 1);
    const auto seconds = [](const auto& work) {
        const auto started = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
    };
    double together = 0, apart = 0;
    for (auto _ : state) {
        together += seconds([&] { model.forward(ids, steps, prompt, scratch, rows); });
        apart += seconds([&] {
            model.forward(std::span(ids).first(static_cast<std::size_t>(sequences)), steps, scratch, rows);
            model.forward(std::span(ids).last(static_cast<std::size_t>(chunk)), prompt, scratch, {});
        });
    }
    state.counters["ms"] = 1e3 * together / static_cast<double>(state.iterations());
    state.counters["apart/together"] = apart / together;
}

/// A million tokens of a model so small that all else of a token counts: of the first and of the last hundredth, the time of a
/// token.
void long_run(benchmark::State& state) {
    using model_type = ssm::falcon_mamba<ssm::cpu>;
    const ssm::cpu device;
    ssm::model_config config = ssm::synthetic_shape("h768");
    config.hidden = 4;
    config.inner = 8;
    config.state = 4;
    config.dt_rank = 1;
    config.layers = 1;
    config.vocab = 8;
    ssm::session session(ssm::load<model_type>(ssm::synthetic_checkpoint(config, ssm::dtype::f32), device),
                         ssm::session_options{.rewind = 3});
    ssm::sampler choose({.seed = 1});
    session.prefill(std::vector<ssm::token_id>{1, 2, 3});
    const auto microseconds_a_token = [&](int tokens) {
        const auto started = std::chrono::steady_clock::now();
        for (int i = 0; i < tokens; ++i) (void)session.next(choose);
        return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - started).count() / tokens;
    };
    (void)microseconds_a_token(1000);
    for (auto _ : state) {
        const double first = microseconds_a_token(10'000);
        (void)microseconds_a_token(980'000);
        const double last = microseconds_a_token(10'000);
        state.counters["first us"] = first;
        state.counters["last/first"] = last / first;
    }
}

BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::f32)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::bf16)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::bf16, true)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::f16)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::q8)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::panel_products, ssm::dtype::q4)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::dot_tiles, ssm::dtype::f32)->Apply(shapes);
BENCHMARK_TEMPLATE(multiply, ssm::eigen_gemm, ssm::dtype::f32)->Apply(shapes);
#if defined(SSM_HAS_ONEDNN)
BENCHMARK_TEMPLATE(onednn, ssm::dtype::f32)->ArgName("tokens")->Arg(512)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(onednn, ssm::dtype::bf16)->ArgName("tokens")->Arg(512)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK_TEMPLATE(onednn, ssm::dtype::q8)->ArgName("tokens")->Arg(512)->UseRealTime()->Unit(benchmark::kMillisecond);
#endif
BENCHMARK_TEMPLATE(scan, ssm::sequential)->Apply(shapes);
BENCHMARK_TEMPLATE(scan, ssm::chunked)->Apply(shapes);
BENCHMARK_TEMPLATE(scan_s4d, ssm::sequential)->Apply(shapes);
BENCHMARK_TEMPLATE(scan_s4d, ssm::convolution)->Apply(shapes);
BENCHMARK(multihead_scan)
    ->ArgNames({"tokens", "threads", "length"})
    ->ArgsProduct({{1}, {1, 2}, {0}})
    ->ArgsProduct({{512}, {1, 2}, {0, 16, 32, 64, 128, 256}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(scan_reference)->ArgNames({"tokens", "threads"})->Args({64, 1})->Unit(benchmark::kMillisecond);
BENCHMARK(causal_conv)->Apply(shapes);
BENCHMARK(rms_norm)->Apply(shapes);
BENCHMARK(elementwise)->Name("gate")->Apply(shapes);
BENCHMARK(long_run)->Iterations(1)->UseRealTime()->Unit(benchmark::kSecond);
BENCHMARK(share_a_pass)
    ->ArgNames({"sequences", "chunk", "threads"})
    ->ArgsProduct({{8}, {8, 64, 512}, {2}})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
