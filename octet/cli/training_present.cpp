// Built with octet/train; training_absent.cpp stands in where there is no libtorch.

#include "octet/cli/training_options.h"

namespace octet::cli {

bool can_train() { return true; }
void require_training() {}

}  // namespace octet::cli
