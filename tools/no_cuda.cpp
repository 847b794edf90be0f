// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0

// Stands for cuda_model.cu where no CUDA toolkit was found.
#include <ssm/core/error.hpp>

#include "device_model.hpp"

ssm::tools::models ssm::tools::load_on_cuda(const any_weight_source&, const load_options&) {
    throw device_error({"--device",
                        {},
                        "cuda",
                        "cpu",
                        "this program was built without CUDA: build it where nvcc and the CUDA toolkit are found"});
}
