// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/backend/cpu/cpu.hpp>
#include <ssm/ssm.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

namespace sources {

/// A weight source that has everything; each one below differs from it in one thing.
struct complete {
    const ssm::model_config& config() const;
    std::optional<ssm::stored_tensor> find(std::string_view name) const;
    std::string describe() const;
};
static_assert(ssm::weight_source<complete>);

struct without_config : complete {
    const ssm::model_config& config() const = delete;
};
static_assert(!ssm::weight_source<without_config>);

struct finding_always : complete {
    ssm::stored_tensor find(std::string_view name) const;
};
static_assert(!ssm::weight_source<finding_always>);

struct nameless : complete {
    void describe() const;
};
static_assert(!ssm::weight_source<nameless>);

}  // namespace sources

namespace mixers {

using loader = ssm::weight_loader<ssm::cpu>;

static_assert(ssm::mixer_on<ssm::mamba_mixer<ssm::cpu, ssm::mamba_arch>, ssm::cpu>);
static_assert(ssm::mixer_on<ssm::mamba_mixer<ssm::cpu, ssm::falcon_mamba_arch>, ssm::cpu>);
static_assert(ssm::mixer_on<ssm::mamba2_mixer<ssm::cpu, ssm::mamba2_arch>, ssm::cpu>);

/// A mixer that has everything.
struct complete {
    complete(loader& load, const std::string& prefix, const ssm::model_config& config);
    static ssm::layer_shape shape(const ssm::model_config& config);
    static ssm::index scratch(const ssm::model_config& config, ssm::index tokens);
    void forward(const ssm::cpu& device, ssm::matrix_view<const float> u, ssm::layer_state memory,
                 ssm::workspace<ssm::cpu>& scratch, ssm::matrix_view<float> residual) const;
    ssm::index bytes() const;
};
static_assert(ssm::mixer_on<complete, ssm::cpu>);

struct without_weights : complete {};
static_assert(!ssm::loads_weights<without_weights, ssm::cpu> && !ssm::mixer_on<without_weights, ssm::cpu>);

struct without_shape : complete {
    using complete::complete;
    static ssm::layer_shape shape(const ssm::model_config& config) = delete;
};
static_assert(!ssm::states_memory<without_shape> && !ssm::mixer_on<without_shape, ssm::cpu>);

struct without_scratch : complete {
    using complete::complete;
    static ssm::index scratch(const ssm::model_config& config, ssm::index tokens) = delete;
};
static_assert(!ssm::states_memory<without_scratch> && !ssm::mixer_on<without_scratch, ssm::cpu>);

struct without_bytes : complete {
    using complete::complete;
    ssm::index bytes() const = delete;
};
static_assert(!ssm::states_memory<without_bytes> && !ssm::mixer_on<without_bytes, ssm::cpu>);

struct changing_itself : complete {
    using complete::complete;
    void forward(const ssm::cpu& device, ssm::matrix_view<const float> u, ssm::layer_state memory,
                 ssm::workspace<ssm::cpu>& scratch, ssm::matrix_view<float> residual);
};
static_assert(!ssm::mixes_time<changing_itself, ssm::cpu> && !ssm::mixer_on<changing_itself, ssm::cpu>);

struct without_memory : complete {
    using complete::complete;
    void forward(const ssm::cpu& device, ssm::matrix_view<const float> u, ssm::workspace<ssm::cpu>& scratch,
                 ssm::matrix_view<float> residual) const;
};
static_assert(!ssm::mixes_time<without_memory, ssm::cpu> && !ssm::mixer_on<without_memory, ssm::cpu>);

}  // namespace mixers

namespace models {

struct chunked_arch : ssm::mamba_arch {
    using scan = ssm::chunked;
};
static_assert(ssm::mamba<ssm::cpu>::is_schedule_invariant && ssm::falcon_mamba<ssm::cpu>::is_schedule_invariant);
static_assert(!ssm::model<ssm::cpu, chunked_arch>::is_schedule_invariant);

static_assert(ssm::replays<ssm::mamba_mixer<ssm::cpu, ssm::mamba_arch>, ssm::cpu>);
static_assert(!ssm::replays<ssm::mamba_mixer<ssm::cpu, chunked_arch>, ssm::cpu>);  // it would round otherwise
static_assert(!ssm::replays<mixers::complete, ssm::cpu>);
static_assert(ssm::mixes_parts<ssm::mamba_mixer<ssm::cpu, ssm::mamba_arch>, ssm::cpu>);
static_assert(!ssm::mixes_parts<mixers::complete, ssm::cpu>);

// A backend's gated scan and step are Mamba's own, and not for a recurrence that differs from it in a function.
template <class S, class Input>
struct own : ssm::selective<S, Input> {};
struct own_arch : ssm::mamba_arch {
    template <class S, class Input>
    using recurrence = own<S, Input>;
};
template <class R>
concept fused = ssm::fuses_gated_scan<ssm::cpu, ssm::sequential, R, ssm::vector_view<const float>>;
static_assert(fused<ssm::selective<float>> && !fused<own<float, float>>);
// Nor is a member that would take any recurrence a gated scan.
struct takes_any {
    using activation = float;
    template <ssm::recurrence R>
    void gated_scan(ssm::sequential, const R&, ssm::vector_view<const float>, ssm::matrix_view<const float>,
                    ssm::matrix_view<float>, ssm::index, ssm::matrix_view<float>) const;
};
static_assert(!ssm::fuses_gated_scan<takes_any, ssm::sequential, ssm::selective<float>, ssm::vector_view<const float>>);
static_assert(ssm::replays<ssm::mamba_mixer<ssm::cpu, own_arch>, ssm::cpu>);

struct dual_arch : ssm::mamba2_arch {
    using scan = ssm::state_space_dual;
};
static_assert(ssm::mamba2<ssm::cpu>::is_schedule_invariant && ssm::mamba2<ssm::cpu>::has_traces);
static_assert(!ssm::model<ssm::cpu, dual_arch>::is_schedule_invariant && !ssm::model<ssm::cpu, dual_arch>::has_traces);

// A hybrid promises what all of its layers promise.
using whole_hybrid = ssm::hybrid<ssm::cpu, ssm::mamba_arch, ssm::mamba2_arch>;
using part_hybrid = ssm::hybrid<ssm::cpu, ssm::mamba_arch, dual_arch>;
static_assert(whole_hybrid::is_schedule_invariant && whole_hybrid::has_traces);
static_assert(!part_hybrid::is_schedule_invariant && !part_hybrid::has_traces);
static_assert(std::is_same_v<ssm::pattern_of<ssm::mamba_arch>, ssm::layer_pattern<ssm::mamba_arch>>);
static_assert(std::is_same_v<ssm::pattern_of<ssm::hybrid_arch<ssm::mamba_arch, ssm::mamba2_arch>>,
                             ssm::layer_pattern<ssm::mamba_arch, ssm::mamba2_arch>>);

// Layer i has the shape of its place in the pattern.
constexpr ssm::state_shape<2> shape{5, {ssm::layer_shape{3, 2, 10}, ssm::layer_shape{1, 4, 10, 12}}};
static_assert(shape[0].size() == 50 && shape[1].size() == 52 && shape[4] == shape[0]);
static_assert(shape.before(0) == 0 && shape.before(3) == 152 && shape.size() == 254);

}  // namespace models

// By name as well, without the members whose requirements it does not meet.
template class ssm::block<ssm::cpu, models::dual_arch>;
template class ssm::model<ssm::cpu, models::dual_arch>;
