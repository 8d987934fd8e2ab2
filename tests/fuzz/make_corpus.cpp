// Writes the seeds of every fuzz target, and the dictionary:
//   make_corpus FOLDER [CASES]     CASES: the folder of ONNX's conformance cases, if there is one
//
// FOLDER/models (import, import_run, round_trip): small networks in float and quantized, one node
// of every operator, the conformance models; FOLDER/data, FOLDER/kernels, FOLDER/external_path;
// FOLDER/onnx.dict: the names of operators and attributes.

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "octet/onnx/onnx.h"
#include "octet/quant/test_graphs.h"
#include "octet/zoo/zoo.h"
#include "octet_onnx.pb.h"
#include "tests/fuzz/data_files.h"
#include "tests/fuzz/fuzz.h"

namespace octet::fuzz {
namespace {

namespace fs = std::filesystem;
using octet_onnx::GraphProto;
using octet_onnx::ModelProto;
using octet_onnx::TensorProto;

// Larger ones make every run slower than they find more.
constexpr std::size_t kMaxSeedBytes = 32 << 10;

class Corpus {
 public:
  explicit Corpus(fs::path folder) : folder_(std::move(folder)) {}

  void put(const std::string& target, const std::string& name, const std::string& bytes) {
    if (bytes.size() > kMaxSeedBytes) return;
    fs::create_directories(folder_ / target);
    std::ofstream(folder_ / target / name, std::ios::binary) << bytes;
    ++count_;
  }
  void put_model(const std::string& name, const std::string& bytes) {
    ModelProto model;
    if (!model.ParsePartialFromString(bytes)) return;
    collect(model.graph());
    put("models", name, bytes);
  }
  void put_graph(const std::string& name, const Graph& graph) {
    const std::vector<std::byte> bytes = to_onnx(graph);
    put_model(name, std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  void put_dictionary() const {
    std::ofstream file(folder_ / "onnx.dict");
    std::set<std::string> words = attributes_;
    for (const OperatorSupport& op : supported_operators()) words.emplace(op.name);
    for (const std::string& word : words) file << '"' << word << "\"\n";
  }
  int count() const { return count_; }

 private:
  void collect(const GraphProto& graph) {
    for (const auto& node : graph.node()) {
      for (const auto& attribute : node.attribute()) {
        if (attribute.name().size() < 40) attributes_.insert(attribute.name());
        if (attribute.has_g()) collect(attribute.g());
      }
    }
  }

  fs::path folder_;
  std::set<std::string> attributes_;
  int count_ = 0;
};

/// In float, and in every form that the quantizer makes of it.
void put_network(Corpus& corpus, const std::string& name, Graph graph, Rng& rng) {
  corpus.put_graph(name, graph);
  run_passes(graph, inference_passes());
  const auto ranges = testing_graphs::random_ranges(graph, rng);
  for (const char* config :
       {"static_int8_per_channel", "static_int8_per_tensor", "static_w4a6", "dynamic_int8"}) {
    const QuantSpec spec = parse_config(config);
    corpus.put_graph(name + "_" + config,
                     spec.scheme == Scheme::kDynamic
                         ? insert_dynamic_quantization(graph, spec)
                         : insert_qdq(graph, assign(graph, ranges, spec), spec));
  }
}

void put_networks(Corpus& corpus) {
  Rng rng(1);
  put_network(corpus, "residual", testing_graphs::residual_network(), rng);
  put_network(corpus, "traffic_net", build_model("traffic_net"), rng);
  for (int i = 0; i < 12; ++i) {
    put_network(corpus, "random_" + std::to_string(i), testing_graphs::RandomNetwork(rng).build(),
                rng);
  }
}

/// One node over inputs x [1, 2, 4, 4], or constants of that many small numbers.
ModelProto single_node(std::string_view op, int opset, int inputs, bool constants, int type) {
  ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(opset);
  GraphProto& graph = *model.mutable_graph();
  auto& node = *graph.add_node();
  node.set_op_type(std::string(op));
  node.add_output("y");
  graph.add_output()->set_name("y");
  for (int i = 0; i < inputs; ++i) {
    const std::string name = "x" + std::to_string(i);
    node.add_input(name);
    if (i > 0 && constants) {
      TensorProto& tensor = *graph.add_initializer();
      tensor.set_name(name);
      tensor.set_data_type(TensorProto::INT64);
      tensor.add_dims(1);
      tensor.set_raw_data(std::string("\1\0\0\0\0\0\0\0", 8));
      continue;
    }
    auto& input = *graph.add_input();
    input.set_name(name);
    auto& tensor = *input.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    for (const int dim : {1, 2, 4, 4}) tensor.mutable_shape()->add_dim()->set_dim_value(dim);
  }
  return model;
}

/// Of all forms those that are right: from them the mutator finds the others.
void put_operators(Corpus& corpus) {
  for (const OperatorSupport& op : supported_operators()) {
    for (int form = 0; form < 36; ++form) {
      const int opset = std::max(op.since, form % 3 == 0 ? 12 : form % 3 == 1 ? 17 : 22);
      const int types[] = {TensorProto::FLOAT, TensorProto::INT64};
      const int inputs = 1 + form / 3 % 3;
      const ModelProto model =
          single_node(op.name, opset, inputs, form / 9 % 2 == 1, types[form / 18]);
      const std::string bytes = model.SerializeAsString();
      if (accepted([&] { import_onnx(std::as_bytes(std::span(bytes))); })) {
        corpus.put_model(std::string(op.name) + "_" + std::to_string(form), bytes);
      }
    }
  }
}

std::string read_whole(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put_conformance_cases(Corpus& corpus, const fs::path& cases) {
  for (const auto& entry : fs::directory_iterator(cases)) {
    if (fs::exists(entry.path() / "model.onnx")) {
      corpus.put_model("case_" + entry.path().filename().string(),
                       read_whole(entry.path() / "model.onnx"));
    }
  }
}

void put_data(Corpus& corpus) {
  for (std::size_t i = 0; i < kDataKinds; ++i) {
    corpus.put("data", "kind_" + std::to_string(i),
               static_cast<char>(i) + healthy_files()[i].content);
  }
  // The archives are read unpacked too, which spares the fuzzer their checksums.
  for (const DataFile& file : healthy_files()) {
    const std::string path = file.path;
    if (path.find("t10k-images") != std::string::npos) {
      corpus.put("data", "unpacked_images",
                 static_cast<char>(DataKind::kMnistImages) + file.content);
    }
    if (path.find("t10k-labels") != std::string::npos) {
      corpus.put("data", "unpacked_labels",
                 static_cast<char>(DataKind::kMnistLabels) + file.content);
    }
  }
}

void put_random_bytes(Corpus& corpus, const std::string& target, int first_bytes) {
  Rng rng(2);
  for (int i = 0; i < 96; ++i) {
    std::string bytes(1, static_cast<char>(i % first_bytes));
    const std::uint32_t size = 32u << (i % 6);
    for (std::uint32_t k = 0; k < size; ++k) bytes += static_cast<char>(rng.below(256));
    corpus.put(target, "random_" + std::to_string(i), bytes);
  }
}

int make(const fs::path& folder, const fs::path& cases) {
  Corpus corpus(folder);
  put_networks(corpus);
  put_operators(corpus);
  if (!cases.empty() && fs::is_directory(cases)) put_conformance_cases(corpus, cases);
  put_data(corpus);
  put_random_bytes(corpus, "kernels", 12);
  put_random_bytes(corpus, "external_path", 256);
  corpus.put_dictionary();
  std::printf("%d seeds in %s\n", corpus.count(), folder.c_str());
  return 0;
}

}  // namespace
}  // namespace octet::fuzz

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: make_corpus FOLDER [CASES]\n");
    return 64;
  }
  try {
    return octet::fuzz::make(argv[1], argc > 2 ? argv[2] : "");
  } catch (const octet::Error& error) {
    std::fprintf(stderr, "make_corpus: %s\n", error.what());
    return error.exit_code();
  }
}
