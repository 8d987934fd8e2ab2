// Built instead of octet/train where there is no libtorch (-DOCTET_WITH_TORCH=OFF).

#include "octet/base/error.h"
#include "octet/cli/training_options.h"
#include "octet/train/qat.h"
#include "octet/train/train.h"

namespace octet {
namespace {

[[noreturn]] void fail_without_libtorch(const char* what) {
  fail(ErrorKind::kUnsupported, what,
       ": this program was built without libtorch (OCTET_WITH_TORCH=OFF), which trains; "
       "post-training configurations of a trained model work: --from MODEL.onnx --configs "
       "static_int8_per_channel");
}

}  // namespace

TrainResult train(const Graph&, const DataSplits&, const TrainOptions&, const ProgressSink&) {
  fail_without_libtorch("train");
}

QatResult fine_tune_quantized(const Graph&, const QuantSpec&, const DataSplits&, const QatOptions&,
                              const ProgressSink&) {
  fail_without_libtorch("qat");
}

BlasInfo blas_info() { return {"none", false}; }

bool cli::can_train() { return false; }
void cli::require_training() { fail_without_libtorch("pipeline"); }

}  // namespace octet
