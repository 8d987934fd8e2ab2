#include <cmath>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "octet/base/error.h"
#include "octet/data/dataset.h"

namespace octet {
namespace {

// Numbers of type float: written with the fewest digits that read back as the same float, and read
// without a detour through double.
using FloatJson = nlohmann::basic_json<std::map, std::vector, std::string, bool, std::int64_t,
                                       std::uint64_t, float>;

[[noreturn]] void fail_preprocessing(const std::string& found) {
  fail(
      ErrorKind::kBadData, "preprocessing: found ", found,
      R"(, accepted: {"divisor": 255, "mean": [0.5], "std": [0.25]} with one mean and one std per )"
      "channel, finite numbers, divisor and std above 0");
}

float number(const FloatJson& json, const char* key) {
  if (!json.is_number()) fail_preprocessing(std::string(key) + " = " + json.dump());
  const float value = json.get<float>();
  if (!std::isfinite(value)) fail_preprocessing(std::string(key) + " is not finite");
  return value;
}

std::vector<float> numbers(const FloatJson& json, const char* key) {
  if (!json.contains(key)) fail_preprocessing(std::string("no key '") + key + "'");
  const FloatJson& list = json[key];
  if (!list.is_array() || list.empty()) fail_preprocessing(std::string(key) + " = " + list.dump());
  std::vector<float> values;
  for (const FloatJson& item : list) values.push_back(number(item, key));
  return values;
}

}  // namespace

std::string to_json(const Preprocessing& preprocessing) {
  FloatJson json;
  json["divisor"] = preprocessing.divisor;
  json["mean"] = preprocessing.mean;
  json["std"] = preprocessing.std;
  return json.dump();
}

Preprocessing preprocessing_from_json(const std::string& text) {
  FloatJson json;
  try {
    std::set<std::string> keys;
    json =
        FloatJson::parse(text, [&](int depth, FloatJson::parse_event_t event, FloatJson& parsed) {
          if (event == FloatJson::parse_event_t::key && depth == 1 &&
              !keys.insert(parsed.get<std::string>()).second) {
            fail_preprocessing("key '" + parsed.get<std::string>() + "' twice");
          }
          return true;
        });
  } catch (const FloatJson::exception& error) {
    fail_preprocessing(std::string("text that is not JSON (") + error.what() + ")");
  }
  if (!json.is_object()) fail_preprocessing("no JSON object");
  for (const auto& [key, value] : json.items()) {
    if (key != "divisor" && key != "mean" && key != "std") {
      fail_preprocessing("unknown key '" + key + "'");
    }
  }
  if (!json.contains("divisor")) fail_preprocessing("no key 'divisor'");
  Preprocessing result{.divisor = number(json["divisor"], "divisor"),
                       .mean = numbers(json, "mean"),
                       .std = numbers(json, "std")};
  if (!(result.divisor > 0)) fail_preprocessing("divisor " + std::to_string(result.divisor));
  if (result.mean.size() != result.std.size()) {
    fail_preprocessing(std::to_string(result.mean.size()) + " means and " +
                       std::to_string(result.std.size()) + " stds");
  }
  for (const float std : result.std) {
    if (!(std > 0)) fail_preprocessing("std " + std::to_string(std));
  }
  return result;
}

}  // namespace octet
