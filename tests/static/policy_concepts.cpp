// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/policy/conv_state.hpp>
#include <ssm/policy/execution.hpp>
#include <ssm/policy/norm.hpp>
#include <ssm/policy/prefill.hpp>
#include <ssm/policy/recurrence.hpp>
#include <ssm/policy/scan.hpp>

#include <string>

namespace recurrences {

static_assert(ssm::recurrence<ssm::selective<float>>);
static_assert(ssm::recurrence<ssm::selective<double>>);
static_assert(ssm::recurrence<ssm::s4d<float>>);

/// A recurrence that has everything; each one below differs from it in one thing.
struct complete {
    using scalar = float;
    ssm::affine<float> transition(ssm::index t, ssm::index ch, ssm::index n) const;
    float readout(ssm::index t, ssm::index ch, ssm::index n) const;
    float skip(ssm::index t, ssm::index ch) const;
};
static_assert(ssm::recurrence<complete>);

static_assert(ssm::time_invariant<ssm::s4d<float>> && !ssm::time_invariant<ssm::selective<float>>);
static_assert(!ssm::time_invariant<complete>);

struct without_input : ssm::s4d<float> {
    float input(ssm::index t, ssm::index ch) const = delete;
};
static_assert(ssm::recurrence<without_input> && !ssm::time_invariant<without_input>);

struct stepping_by_token : ssm::s4d<float> {
    ssm::affine<float> unit_step(ssm::index t, ssm::index ch, ssm::index n) const;
};
static_assert(!ssm::time_invariant<stepping_by_token>);

struct without_scalar {
    ssm::affine<float> transition(ssm::index t, ssm::index ch, ssm::index n) const;
    float readout(ssm::index t, ssm::index ch, ssm::index n) const;
    float skip(ssm::index t, ssm::index ch) const;
};
static_assert(!ssm::names_scalar<without_scalar> && !ssm::recurrence<without_scalar>);

struct of_integers : complete {
    using scalar = int;
    ssm::affine<int> transition(ssm::index t, ssm::index ch, ssm::index n) const;
    int readout(ssm::index t, ssm::index ch, ssm::index n) const;
    int skip(ssm::index t, ssm::index ch) const;
};
static_assert(!ssm::names_scalar<of_integers> && !ssm::recurrence<of_integers>);

struct of_text : complete {
    using scalar = std::string;  // has sums, but no products
};
static_assert(!ssm::names_scalar<of_text> && !ssm::recurrence<of_text>);

struct without_transition : complete {
    ssm::affine<float> transition(ssm::index t, ssm::index ch, ssm::index n) const = delete;
};
static_assert(!ssm::has_transition<without_transition> && !ssm::recurrence<without_transition>);

struct stepping_by_number : complete {
    float transition(ssm::index t, ssm::index ch, ssm::index n) const;
};
static_assert(!ssm::has_transition<stepping_by_number> && !ssm::recurrence<stepping_by_number>);

struct stepping_in_double : complete {
    ssm::affine<double> transition(ssm::index t, ssm::index ch, ssm::index n) const;
};
static_assert(!ssm::has_transition<stepping_in_double> && !ssm::recurrence<stepping_in_double>);

struct without_readout : complete {
    float readout(ssm::index t, ssm::index ch, ssm::index n) const = delete;
};
static_assert(!ssm::has_readout<without_readout> && !ssm::recurrence<without_readout>);

struct reading_out_in_double : complete {
    double readout(ssm::index t, ssm::index ch, ssm::index n) const;
};
static_assert(!ssm::has_readout<reading_out_in_double> && !ssm::recurrence<reading_out_in_double>);

struct without_skip : complete {
    float skip(ssm::index t, ssm::index ch) const = delete;
};
static_assert(!ssm::has_skip<without_skip> && !ssm::recurrence<without_skip>);

struct skipping_by_state : complete {
    float skip(ssm::index t, ssm::index ch, ssm::index n) const;
};
static_assert(!ssm::has_skip<skipping_by_state> && !ssm::recurrence<skipping_by_state>);

struct counting_calls : complete {
    float skip(ssm::index t, ssm::index ch);  // not const
};
static_assert(!ssm::has_skip<counting_calls> && !ssm::recurrence<counting_calls>);

struct not_trivially_copyable : complete {
    std::string name;
};
static_assert(!ssm::recurrence<not_trivially_copyable>);

/// A recurrence with one decay a head; each one below differs from it in one thing.
using by_head = ssm::multihead_selective<float>;
static_assert(ssm::recurrence<by_head> && ssm::decays_by_head<by_head>);
static_assert(!ssm::decays_by_head<ssm::selective<float>> && !ssm::decays_by_head<complete>);

struct without_heads : by_head {
    ssm::index heads() const = delete;
};
static_assert(ssm::recurrence<without_heads> && !ssm::decays_by_head<without_heads>);

struct without_groups : by_head {
    struct none {
    } groups;
};
static_assert(!ssm::decays_by_head<without_groups>);

// Of Mamba's parameters: itself, what derives from it and what holds it, but nothing else.
struct derived : ssm::selective<float> {};
struct holding {
    using scalar = float;
    ssm::selective<float> parameters;
    ssm::affine<float> transition(ssm::index t, ssm::index ch, ssm::index n) const;
    float readout(ssm::index t, ssm::index ch, ssm::index n) const;
    float skip(ssm::index t, ssm::index ch) const;
};
static_assert(ssm::selective_variant<ssm::selective<float>, float, float>);
static_assert(ssm::selective_variant<derived, float, float> && ssm::selective_variant<holding, float, float>);
static_assert(!ssm::selective_variant<derived, float, ssm::bf16>);
static_assert(!ssm::selective_variant<ssm::s4d<float>, float, float>);
static_assert(!ssm::selective_variant<ssm::selective<double>, float, float>);

struct decaying_by_state : by_head {
    float decay(ssm::index t, ssm::index head, ssm::index n) const;
};
static_assert(!ssm::decays_by_head<decaying_by_state>);

struct driven_in_double : by_head {
    double drive(ssm::index t, ssm::index ch) const;
};
static_assert(!ssm::decays_by_head<driven_in_double>);

struct without_b : by_head {
    struct none {
    } b;
};
static_assert(!ssm::decays_by_head<without_b>);

struct without_c : by_head {
    struct none {
    } c;
};
static_assert(!ssm::decays_by_head<without_c>);

}  // namespace recurrences

namespace scan_policies {

static_assert(ssm::scan_policy<ssm::sequential>);
static_assert(ssm::scan_policy<ssm::chunked>);
static_assert(ssm::scan_policy<ssm::convolution>);
static_assert(ssm::scan_policy<ssm::state_space_dual>);

struct backend {};
struct other_backend {};

}  // namespace scan_policies

template <>
struct ssm::scan_kernel<ssm::sequential, scan_policies::backend> {};

namespace scan_policies {

static_assert(ssm::scan_policy_on<ssm::sequential, backend>);
static_assert(!ssm::scan_policy_on<ssm::chunked, backend>);
static_assert(!ssm::scan_policy_on<ssm::sequential, other_backend>);

struct not_comparable {};
static_assert(!ssm::scan_policy<not_comparable>);

struct without_default {
    explicit without_default(int length);
    friend bool operator==(const without_default&, const without_default&) = default;
};
static_assert(!ssm::scan_policy<without_default>);

struct owning {
    std::string name;
    friend bool operator==(const owning&, const owning&) = default;
};
static_assert(!ssm::scan_policy<owning>);

}  // namespace scan_policies

namespace norms {

static_assert(ssm::norm_policy<ssm::no_norm>);
static_assert(ssm::norm_policy<ssm::unit_rms>);
static_assert(ssm::norm_policy<ssm::learned_rms>);
static_assert(!ssm::no_norm::normalises && ssm::unit_rms::normalises && ssm::learned_rms::normalises);
static_assert(!ssm::no_norm::has_gain && !ssm::unit_rms::has_gain && ssm::learned_rms::has_gain);

struct silent_on_gain {
    static constexpr bool normalises = true;
};
static_assert(!ssm::states_gain<silent_on_gain> && !ssm::norm_policy<silent_on_gain>);

struct silent_on_norm {
    static constexpr bool has_gain = false;
};
static_assert(!ssm::states_normalises<silent_on_norm> && !ssm::norm_policy<silent_on_norm>);

struct gain_without_norm {
    static constexpr bool normalises = false;
    static constexpr bool has_gain = true;
};
static_assert(!ssm::norm_policy<gain_without_norm>);

}  // namespace norms

namespace conv_states {

static_assert(ssm::conv_state_policy<ssm::shift_window>);
static_assert(ssm::conv_state_policy<ssm::ring_window>);

struct without_advance {
    static ssm::index slot(ssm::index age, ssm::index width, ssm::index cursor);
};
static_assert(!ssm::advances_cursor<without_advance> && !ssm::conv_state_policy<without_advance>);

struct without_slot {
    static ssm::index advance(ssm::index cursor, ssm::index width, ssm::index tokens);
};
static_assert(!ssm::maps_age_to_slot<without_slot> && !ssm::conv_state_policy<without_slot>);

struct narrow : without_slot {
    static int slot(ssm::index age, ssm::index width, ssm::index cursor);
};
static_assert(!ssm::maps_age_to_slot<narrow> && !ssm::conv_state_policy<narrow>);

struct with_memory : without_slot {
    ssm::index slot(ssm::index age, ssm::index width,
                    ssm::index cursor) const;  // not static: a policy has no state of its own
};
static_assert(!ssm::maps_age_to_slot<with_memory> && !ssm::conv_state_policy<with_memory>);

}  // namespace conv_states

namespace prefills {

static_assert(ssm::resolves_to_prefill_policy<ssm::in_budget> && !ssm::prefill_policy<ssm::in_budget>);
static_assert(!ssm::resolves_to_prefill_policy<ssm::in_chunks>);
static_assert(ssm::prefill_policy<ssm::whole_prompt>);
static_assert(ssm::prefill_policy<ssm::in_chunks>);
static_assert(ssm::prefill_policy<ssm::token_by_token>);
static_assert(!ssm::prefill_policy<int>);

struct mutating {
    ssm::index next_chunk(ssm::index left);
};
static_assert(!ssm::prefill_policy<mutating>);

struct fractional {
    double next_chunk(ssm::index left) const;
};
static_assert(!ssm::prefill_policy<fractional>);

}  // namespace prefills

namespace executions {

struct steady {
    using execution = ssm::invariant;
};
struct swift {
    using execution = ssm::quickest;
};
static_assert(ssm::executes_invariantly<steady>);
static_assert(!ssm::executes_invariantly<swift> && !ssm::executes_invariantly<int>);

}  // namespace executions
