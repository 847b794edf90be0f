// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

/// \file
/// The one place that asks which compiler is at work.
///
/// Class bodies never depend on the compiler (that would be two definitions of one class in one program); they are
/// annotated with `SSM_HD`, which is empty for a host compiler.

#if defined(__CUDACC__)
/// Callable from host and device code.
#define SSM_HD __host__ __device__
#else
/// Callable from host and device code.
#define SSM_HD
#endif

#define SSM_VERSION_MAJOR 0
#define SSM_VERSION_MINOR 1
#define SSM_VERSION_PATCH 0
