// SPDX-FileCopyrightText: 2026 The ssm authors
// SPDX-License-Identifier: Apache-2.0
#include <ssm/core/view.hpp>

int main(int argc, char**) { return argc == 2 ? 0 : 1; }
