#include "tests/foreign/foreign_models.h"

#include "tests/foreign/foreign_writer.h"

namespace octet {

std::vector<ForeignModel> foreign_models() {
  std::vector<ForeignModel> models = torch_models();
  for (const ForeignModel& model : onnxruntime_models()) models.push_back(model);
  return models;
}

}  // namespace octet
