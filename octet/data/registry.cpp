#include <algorithm>
#include <filesystem>
#include <sstream>
#include <unordered_set>

#include "octet/base/error.h"
#include "octet/base/names.h"
#include "octet/data/dataset.h"
#include "octet/data/parts.h"
#include "octet/data/sources.h"

namespace octet {
namespace {

namespace fs = std::filesystem;

struct Source {
  std::string_view name;
  std::string_view argument;  ///< what stands behind "name:"; empty: the name stands alone
  DataSplits (*load)(const std::string& argument, const DataOptions& options);
  std::vector<std::string_view> files;  ///< in the data folder; "x.gz" stands for x or x.gz
  std::string_view how_to_get;
};

std::span<const Source> sources() {
  static const Source kSources[] = {
      {"shapes10", "", load_shapes10, {}, "built in"},
      {"roads", "", load_roads, {}, "built in"},
      {"cifar10",
       "",
       load_cifar10,
       {"cifar10/cifar-10-batches-bin/data_batch_1.bin",
        "cifar10/cifar-10-batches-bin/data_batch_2.bin",
        "cifar10/cifar-10-batches-bin/data_batch_3.bin",
        "cifar10/cifar-10-batches-bin/data_batch_4.bin",
        "cifar10/cifar-10-batches-bin/data_batch_5.bin",
        "cifar10/cifar-10-batches-bin/test_batch.bin",
        "cifar10/cifar-10-batches-bin/batches.meta.txt"},
       "unpack https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz in <data-dir>/cifar10"},
      {"mnist",
       "",
       load_mnist,
       {"mnist/train-images-idx3-ubyte.gz", "mnist/train-labels-idx1-ubyte.gz",
        "mnist/t10k-images-idx3-ubyte.gz", "mnist/t10k-labels-idx1-ubyte.gz"},
       "put the four .gz files of https://ossci-datasets.s3.amazonaws.com/mnist/ in "
       "<data-dir>/mnist"},
      {"traffic",
       "",
       load_traffic,
       {"traffic/trafficdata.csv"},
       "save the summary table of the City of Toronto's open data set 'Traffic Volumes - "
       "Multimodal Intersection Turning Movement Counts' (https://open.toronto.ca) as "
       "<data-dir>/traffic/trafficdata.csv"},
      {"csv", "FILE?label=COL", load_csv, {}, "a file of yours: csv:FILE?label=COL"},
      {"images", "DIR", load_images, {}, "a folder of yours with one folder per class"},
      {"npy", "X.npy,Y.npy", load_npy, {}, "two files of yours: npy:X.npy,Y.npy"},
  };
  return kSources;
}

std::string full_name(const Source& source) {
  std::string name(source.name);
  if (!source.argument.empty()) name.append(":").append(source.argument);
  return name;
}

const Source* find_source(std::string_view name) {
  const auto found = std::ranges::find(sources(), name, &Source::name);
  return found == sources().end() ? nullptr : &*found;
}

struct ParsedName {
  const Source& source;
  std::string argument;
};

ParsedName parse_name(const std::string& name) {
  const std::size_t colon = name.find(':');
  const Source* source = find_source(std::string_view(name).substr(0, colon));
  if (source == nullptr) fail_unknown_name("data set", name, dataset_names());
  if (source->argument.empty() != (colon == std::string::npos)) {
    fail(ErrorKind::kUsage, "data set '", name, "': accepted: ", full_name(*source));
  }
  return {*source, colon == std::string::npos ? "" : name.substr(colon + 1)};
}

fs::path existing_form(const fs::path& path) {
  std::error_code ignored;
  if (fs::exists(path, ignored)) return path;
  if (path.extension() == ".gz") {
    const fs::path plain = path.parent_path() / path.stem();
    if (fs::exists(plain, ignored)) return plain;
  }
  return {};
}

std::vector<std::int64_t> class_counts(const Dataset& data) {
  std::vector<std::int64_t> counts(data.class_names.size());
  for (const std::int32_t label : data.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

void require_usable(const std::string& name, const DataSplits& splits) {
  if (splits.train.num_classes() < 2) {
    fail(ErrorKind::kBadData, name, ": found ", splits.train.num_classes(),
         " classes, accepted: 2 or more");
  }
  if (splits.train.size() == 0 || splits.test.size() == 0) {
    fail(ErrorKind::kBadData, name, ": found ", splits.train.size(), " training and ",
         splits.test.size(), " test samples, accepted: 1 or more of each");
  }
  const std::vector<std::int64_t> counts = class_counts(splits.train);
  for (std::size_t c = 0; c < counts.size(); ++c) {
    if (counts[c] > 0) continue;
    fail(ErrorKind::kBadData, name, ": class '", splits.train.class_names[c],
         "' has no sample in the training part, accepted: 1 or more");
  }
}

Dataset first_samples(Dataset data, std::int64_t limit) {
  if (data.size() <= limit) return data;
  std::vector<std::int32_t> indices(static_cast<std::size_t>(limit));
  for (std::size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<std::int32_t>(i);
  return select(data, indices);
}

std::string_view bytes_of_sample(const Dataset& data, std::int64_t i) {
  const auto bytes = static_cast<std::size_t>(sample_bytes(data));
  return {reinterpret_cast<const char*>(data.samples.raw()) + static_cast<std::size_t>(i) * bytes,
          bytes};
}

std::int64_t count_shared_samples(const Dataset& train, const Dataset& test) {
  std::unordered_set<std::string_view> seen;
  for (std::int64_t i = 0; i < train.size(); ++i) seen.insert(bytes_of_sample(train, i));
  std::int64_t shared = 0;
  for (std::int64_t i = 0; i < test.size(); ++i) shared += seen.contains(bytes_of_sample(test, i));
  return shared;
}

std::string describe(const DataSplits& splits) {
  const std::vector<std::int64_t> counts = class_counts(splits.test);
  std::ostringstream text;
  text << splits.train.size() << " train, " << splits.validation.size() << " validation, "
       << splits.test.size() << " test; samples " << to_string(splits.train.sample_shape) << ' '
       << to_string(splits.train.samples.dtype()) << "; " << splits.train.num_classes()
       << " classes, the most frequent one is "
       << 100.0 * static_cast<double>(std::ranges::max(counts)) /
              static_cast<double>(splits.test.size())
       << " % of test";
  const std::int64_t shared = count_shared_samples(splits.train, splits.test);
  if (shared > 0) text << "; " << shared << " test samples are also in train";
  return text.str();
}

}  // namespace

fs::path find_data_file(std::string_view data_set, const DataOptions& options,
                        const fs::path& path_in_data_dir) {
  const fs::path path = options.data_dir / path_in_data_dir;
  fs::path found = existing_form(path);
  if (!found.empty()) return found;
  fail(ErrorKind::kNoInput, data_set, ": ", path.string(), " does not exist; the data folder ",
       options.data_dir.string(), " is set by --data-dir or OCTET_DATA_DIR; to get the set: ",
       find_source(data_set)->how_to_get);
}

SourceArgument parse_argument(const std::string& data_set, const std::string& argument,
                              std::span<const std::string> accepted) {
  SourceArgument result;
  const std::size_t question = argument.rfind('?');
  result.path = argument.substr(0, question);
  if (result.path.empty()) fail(ErrorKind::kUsage, data_set, ": no path before '?'");
  std::string rest = question == std::string::npos ? "" : argument.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('&'), rest.size());
    const std::string part = rest.substr(0, end);
    rest.erase(0, end + 1);
    const std::size_t equals = part.find('=');
    const std::string key = part.substr(0, equals);
    if (std::ranges::find(accepted, key) == accepted.end()) {
      fail_unknown_name(data_set + " option", key, accepted);
    }
    if (equals == std::string::npos || equals + 1 == part.size()) {
      fail(ErrorKind::kUsage, data_set, ": option '", part, "' has no value");
    }
    if (!result.options.emplace(key, part.substr(equals + 1)).second) {
      fail(ErrorKind::kUsage, data_set, ": option '", key, "' is given twice");
    }
  }
  return result;
}

std::vector<std::string> dataset_names() {
  std::vector<std::string> names;
  for (const Source& source : sources()) names.push_back(full_name(source));
  return names;
}

DataSplits load_data(const std::string& name, const DataOptions& options) {
  const ParsedName parsed = parse_name(name);
  if (options.limit && *options.limit < 1) {
    fail(ErrorKind::kUsage, "limit of samples: found ", *options.limit, ", accepted: 1 or more");
  }
  validation_count(options.validation_fraction, 0);
  DataSplits splits = parsed.source.load(parsed.argument, options);
  require_usable(name, splits);
  if (options.limit) {
    splits.train = first_samples(std::move(splits.train), *options.limit);
    splits.validation = first_samples(std::move(splits.validation), *options.limit);
    splits.test = first_samples(std::move(splits.test), *options.limit);
  }
  return splits;
}

std::vector<DataStatus> list_data(const DataOptions& options) {
  std::vector<DataStatus> list;
  for (const Source& source : sources()) {
    DataStatus status{.name = full_name(source), .how_to_get = std::string(source.how_to_get)};
    const auto missing = std::ranges::find_if(source.files, [&](std::string_view file) {
      return existing_form(options.data_dir / file).empty();
    });
    if (missing != source.files.end()) {
      status.detail = (options.data_dir / *missing).string() + " does not exist";
    } else {
      status.present = source.argument.empty();
      status.detail = source.files.empty() ? std::string(source.how_to_get)
                                           : "in " + (options.data_dir / source.name).string();
    }
    list.push_back(std::move(status));
  }
  return list;
}

DataStatus check_data(const std::string& name, const DataOptions& options) {
  DataStatus status{.name = name, .how_to_get = std::string(parse_name(name).source.how_to_get)};
  try {
    status.detail = describe(load_data(name, options));
    status.present = true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kUsage) throw;
    status.detail = error.what();
  }
  return status;
}

}  // namespace octet
