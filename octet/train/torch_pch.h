#pragma once

// Precompiled: libtorch's tensors take seconds to parse.
#include <ATen/ATen.h>
