#pragma once

#include <nlohmann/json.hpp>
#include <vector>

#include "octet/base/result_record.h"
#include "octet/train/train.h"

// The JSON documents of the commands; their keys are a contract (docs/cli.md).

namespace octet::cli {

nlohmann::ordered_json to_json_document(const std::vector<EpochResult>& epochs);
nlohmann::ordered_json to_json_document(const AccuracyRecord& accuracy);
nlohmann::ordered_json to_json_document(const Environment& environment);
/// `results` of `octet bench`: one entry per model and batch size.
nlohmann::ordered_json bench_results(const std::vector<ConfigRecord>& records);

/// Prints a document on stdout.
void print_json(const nlohmann::ordered_json& document);

}  // namespace octet::cli
