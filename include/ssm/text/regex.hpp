// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ssm/core/error.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace ssm {

/// A compiled regular expression over UTF-8: PCRE2 with Unicode properties, `^` and `$` at every line, `.` for all but
/// a line feed. Constant once made; threads and copies share it. `regex_search` looks for it.
class regex {
public:
    /// Throws config_error, naming `source`, for a pattern that PCRE2 refuses.
    regex(std::string_view pattern, const std::string& source) {
        int fault = 0;
        PCRE2_SIZE at = 0;
        const std::unique_ptr<pcre2_compile_context, decltype(&pcre2_compile_context_free)> context(
            pcre2_compile_context_create(nullptr), &pcre2_compile_context_free);
        if (!context) throw memory_error({source, "regular expression", {}, {}, "out of memory"});
        pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);
        pcre2_set_max_pattern_length(context.get(), longest);
        code_.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                  PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, &fault, &at,
                                  context.get()),
                    &pcre2_code_free);
        if (!code_)
            throw config_error(
                {source, "regular expression", message(fault) + " at byte " + std::to_string(at), {}, {}});
        // Where PCRE2 has no compiler for this machine it interprets, with the same results.
        pcre2_jit_compile(code_.get(), PCRE2_JIT_COMPLETE);
    }

    [[nodiscard]] const pcre2_code* get() const noexcept { return code_.get(); }

    /// PCRE2's sentence for one of its error numbers.
    [[nodiscard]] static std::string message(int fault) {
        PCRE2_UCHAR text[160];
        const int length = pcre2_get_error_message(fault, text, sizeof text);
        return length < 0 ? "error " + std::to_string(fault) : reinterpret_cast<const char*>(text);
    }

private:
    static constexpr std::size_t longest = 10'000;  // bytes of pattern

    std::shared_ptr<pcre2_code> code_;
};

/// Bytes [first, last) of a text.
struct text_range {
    std::size_t first;
    std::size_t last;
};

/// Looks for matches of a regex, which must outlive it; a thread needs its own.
class regex_search {
public:
    /// Throws memory_error.
    explicit regex_search(const regex& pattern)
        : pattern_(&pattern),
          match_(pcre2_match_data_create(1, nullptr)),
          context_(pcre2_match_context_create(nullptr)),
          stack_(pcre2_jit_stack_create(std::size_t{32} << 10, std::size_t{8} << 20, nullptr)) {
        if (!match_ || !context_) throw memory_error({"regex_search", {}, {}, {}, "out of memory"});
        // A missing stack, where PCRE2 does not compile, means its own.
        if (stack_) pcre2_jit_stack_assign(context_.get(), nullptr, stack_.get());
    }

    /// The first match at or after byte `from` of `text`, which must be valid UTF-8.
    /// Throws argument_error when the search outgrows PCRE2's limits of steps or stack.
    [[nodiscard]] std::optional<text_range> find(std::string_view text, std::size_t from) {
        const int count = pcre2_match(pattern_->get(), reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), from,
                                      PCRE2_NO_UTF_CHECK, match_.get(), context_.get());
        if (count == PCRE2_ERROR_NOMATCH) return std::nullopt;
        if (count < 0)
            throw argument_error({"text",
                                  "search for the tokenizer's regular expression",
                                  regex::message(count),
                                  {},
                                  "split the text into shorter parts"});
        const PCRE2_SIZE* const bounds = pcre2_get_ovector_pointer(match_.get());
        if (bounds[0] < from || bounds[1] < bounds[0])  // \K can move the start
            throw argument_error({"text", "the tokenizer's regular expression", "a match that runs backwards", {}, {}});
        return text_range{bounds[0], bounds[1]};
    }

private:
    template <auto Free>
    struct freed_by {
        template <class T>
        void operator()(T* object) const noexcept {
            Free(object);
        }
    };

    const regex* pattern_;
    std::unique_ptr<pcre2_match_data, freed_by<&pcre2_match_data_free>> match_;
    std::unique_ptr<pcre2_match_context, freed_by<&pcre2_match_context_free>> context_;
    std::unique_ptr<pcre2_jit_stack, freed_by<&pcre2_jit_stack_free>> stack_;
};

}  // namespace ssm
