// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>
#include <ssm/core/model_config.hpp>
#include <ssm/core/sampling_options.hpp>
#include <ssm/generate/sampler.hpp>
#include <ssm/generate/session.hpp>
#include <ssm/generate/stop_strings.hpp>

#include <algorithm>
#include <chrono>
#include <concepts>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ssm {

/// Turns one token after the other into text: `push` returns the characters that are complete with it, `finish` what is
/// left at the end. `ssm::stream_decoder` is one.
template <class D>
concept token_decoder = requires(D decoder, token_id id) {
    { decoder.push(id) } -> std::convertible_to<std::string_view>;
    { decoder.finish() } -> std::convertible_to<std::string_view>;
};

/// Reads a prompt and then gives one token after the other: a sequence and what chooses from its logits.
/// `ssm::captured_session` is one.
template <class S>
concept token_source = requires(S& source, std::span<const token_id> prompt, const prefill_progress& progress) {
    source.prefill(prompt, progress);
    { source.next() } -> std::same_as<token_id>;
};

/// Called after each token with the text it completed, which may be empty; returning false stops.
using text_callback = std::function<bool(std::string_view piece)>;

/// What to generate, and when to stop.
struct generation_options {
    index tokens = 256;                          ///< at most, positive
    sampling_options sampling = {};              ///< how each token is chosen
    std::vector<token_id> stop_ids = {};         ///< end-of-text tokens, from every file that names some
    std::vector<std::string> stop_strings = {};  ///< text that ends the generation and is left out
    prefill_progress on_prefill = nullptr;       ///< told how far the prompt is read
};

/// Wall time since it was made.
class stopwatch {
public:
    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    }

private:
    std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Why a generation ended.
enum class stop_reason { eos, stop_string, length, callback };

/// What `generate` returns.
struct generation {
    std::string text;           ///< complete UTF-8, without the stop string
    std::vector<token_id> ids;  ///< all tokens chosen, an end-of-text token included
    stop_reason reason = stop_reason::length;
    double prefill_seconds = 0;
    double decode_seconds = 0;  ///< for ids.size() choices and one fewer run of the model
};

/// Reads `prompt` and goes on writing. The text goes to `on_text` piece by piece, as soon as it cannot be part of a stop
/// string, and is returned whole; after a false of `on_text`, it is not called again. The source has its own sampling
/// options, and those in `options` do not count.
///
/// Throws argument_error for an empty prompt, ids outside the vocabulary and options out of range, and `cancelled` when
/// options.on_prefill says so.
template <token_source Source, token_decoder Decoder>
generation generate(Source& source, Decoder&& decoder, std::span<const token_id> prompt,
                    const generation_options& options = {}, const text_callback& on_text = nullptr) {
    if (options.tokens < 1)
        throw argument_error({"generation_options", "tokens", std::to_string(options.tokens), "at least 1", {}});
    stop_strings stops(options.stop_strings);
    generation result;
    const auto emit = [&](const std::string& piece) {
        result.text += piece;
        return !on_text || on_text(piece);
    };

    const stopwatch prefill_time;
    source.prefill(prompt, options.on_prefill);
    result.prefill_seconds = prefill_time.seconds();

    const stopwatch decode_time;
    while (result.reason == stop_reason::length && static_cast<index>(result.ids.size()) < options.tokens) {
        const token_id id = source.next();
        result.ids.push_back(id);
        if (std::find(options.stop_ids.begin(), options.stop_ids.end(), id) != options.stop_ids.end()) {
            result.reason = stop_reason::eos;
            break;
        }
        const bool go_on = emit(stops.push(decoder.push(id)));
        if (stops.stopped())
            result.reason = stop_reason::stop_string;
        else if (!go_on)
            result.reason = stop_reason::callback;
    }
    result.decode_seconds = decode_time.seconds();

    std::string rest = stops.push(decoder.finish());
    rest += stops.finish();
    if (result.reason == stop_reason::callback)
        result.text += rest;
    else if (!rest.empty())
        emit(rest);
    return result;
}

/// A session and what chooses from its logits: a token source.
template <class Model, prefill_policy Policy>
struct sampled_session {
    session<Model>& sequence;
    Policy policy;  ///< how the prompt is cut
    sampler choose;

    void prefill(std::span<const token_id> ids, const prefill_progress& progress) {
        sequence.prefill(ids, policy, progress);
        choose.observe(ids);
    }
    [[nodiscard]] token_id next() { return sequence.next(choose); }
};

/// The same for a session, with a sampler of options.sampling and the prompt cut as `policy` says.
template <class Model, token_decoder Decoder, class Policy = typename Model::arch::prefill>
generation generate(session<Model>& sequence, Decoder&& decoder, std::span<const token_id> prompt,
                    const generation_options& options = {}, const text_callback& on_text = nullptr,
                    const Policy& policy = {}) {
    sampled_session<Model, Policy> source{sequence, policy, sampler(options.sampling)};
    return generate(source, decoder, prompt, options, on_text);
}

}  // namespace ssm
