#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "octet/base/error.h"
#include "octet/base/files.h"
#include "octet/report/report.h"
#include "octet/report/sample_run.h"

namespace octet {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

class ResultsJsonTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::path(testing::TempDir()) /
              testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  RunRecord read(const std::string& text) {
    write_file(folder_ / "results.json", text);
    return read_results(folder_ / "results.json");
  }
  std::string refusal(const std::string& text) {
    try {
      read(text);
      return "accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBadData);
      return error.what();
    }
  }

  std::filesystem::path folder_;
};

RunRecord full_run() {
  RunRecord run = sample_run({sample_config("fp32_baseline", 4096, 2.5, 90.25),
                              sample_config("static_int8", 1024, 1.25, 90.0)});
  run.seed = 0xFFFFFFFFFFFFFFFF;
  run.command = "octet pipeline -o 'a b'";
  run.environment = {"CPU \"x\"", "avx2", 4, 2, 3.217, "g++ 12.2", "abc123", "Linux", "2026-01-02"};
  ConfigRecord& config = run.configs[1];
  config.description = "a < b & \"c\" \\ \u00e9";
  config.accuracy->per_class = {{"circle", 91.5}, {"square", 1.0 / 3}};
  config.accuracy->agreement = 99.1;
  config.accuracy->mcnemar_p = 0.0625;
  config.accuracy->top1_drop_pp = 0.25;
  config.latency.push_back(config.latency[0]);
  config.latency[1].batch = 8;
  config.latency[1].p50_ms = 0.1 + 0.2;
  config.weight_bytes = 1000;
  config.arena_bytes = std::int64_t{1} << 40;
  config.peak_rss_bytes = 123456;
  return run;
}

TEST_F(ResultsJsonTest, ReadsBackWhatItWrote) {
  const RunRecord run = full_run();
  const RunRecord back = read(to_json(run));
  EXPECT_EQ(to_json(back), to_json(run));
  EXPECT_EQ(back.seed, run.seed);
  EXPECT_EQ(back.command, run.command);
  EXPECT_EQ(back.environment.cpu, run.environment.cpu);
  EXPECT_EQ(back.environment.clock_ghz, run.environment.clock_ghz);
  ASSERT_EQ(back.configs.size(), 2u);
  const ConfigRecord& config = back.configs[1];
  EXPECT_EQ(config.description, run.configs[1].description);
  EXPECT_EQ(config.accuracy->per_class, run.configs[1].accuracy->per_class);
  EXPECT_EQ(config.accuracy->mcnemar_p, 0.0625);
  EXPECT_EQ(config.latency[1].p50_ms, 0.1 + 0.2);
  EXPECT_EQ(config.latency[1].ci95_ms, run.configs[1].latency[1].ci95_ms);
  EXPECT_EQ(config.arena_bytes, std::int64_t{1} << 40);
  EXPECT_FALSE(back.configs[0].peak_rss_bytes.has_value());
  EXPECT_FALSE(back.configs[0].accuracy->agreement.has_value());
}

TEST_F(ResultsJsonTest, HoldsTheKeysOfTheContract) {
  const Json json = Json::parse(to_json(full_run()));
  const Json& config = json["configs"][1];
  EXPECT_EQ(config["name"], "static_int8");
  EXPECT_EQ(config["model_file"], "static_int8.onnx");
  EXPECT_EQ(config["top1"], 90.0);
  EXPECT_EQ(config["top5"], 99.5);
  EXPECT_EQ(config["top1_drop_pp"], 0.25);
  EXPECT_EQ(config["p50_ms"]["1"], 1.25);
  EXPECT_EQ(config["p50_ms"]["8"], 0.1 + 0.2);
  EXPECT_EQ(config["ci95_ms"]["1"], (Json{0.99 * 1.25, 1.01 * 1.25}));
  EXPECT_EQ(config["file_bytes"], 1024);
  EXPECT_EQ(config["size_ratio"], 0.25);
  EXPECT_EQ(config["speedup"], 1.0);
  EXPECT_EQ(config["arena_bytes"], std::int64_t{1} << 40);
  EXPECT_EQ(config["pareto"], true);
  EXPECT_EQ(json["environment"]["isa"], "avx2");
}

TEST_F(ResultsJsonTest, LeavesOutWhatWasNotMeasured) {
  RunRecord run = full_run();
  run.configs[0] = ConfigRecord{.name = "only a name"};
  const Json json = Json::parse(to_json(run));
  const Json expected = {{"name", "only a name"}, {"model_file", ""}, {"description", ""}};
  EXPECT_EQ(json["configs"][0], expected);
  EXPECT_FALSE(json["configs"][1].contains("pareto")) << "the frontier of a gap is not a frontier";
  EXPECT_FALSE(json["configs"][1].contains("size_ratio"));
  EXPECT_EQ(to_json(read(to_json(run))), to_json(run));
}

TEST_F(ResultsJsonTest, RefusesToWriteAFigureThatIsNotFinite) {
  RunRecord run = full_run();
  run.configs[1].accuracy->loss = NAN;
  try {
    to_json(run);
    ADD_FAILURE() << "NaN was written";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("static_int8"));
    EXPECT_THAT(error.what(), HasSubstr("loss"));
  }
}

TEST_F(ResultsJsonTest, NamesThatAreNotUtf8AreWrittenAsValidJson) {
  RunRecord run = full_run();
  run.configs[1].name = "bad \xff name";
  EXPECT_NO_THROW(read(to_json(run)));
}

TEST_F(ResultsJsonTest, NamesTheKeyThatIsMissingOrOfTheWrongType) {
  const Json good = Json::parse(to_json(full_run()));
  const auto without = [&](const char* pointer) {
    Json json = good;
    const Json::json_pointer path(pointer);
    json[path.parent_pointer()].erase(path.back());
    return json.dump();
  };
  const auto with = [&](const char* pointer, const Json& value) {
    Json json = good;
    json[Json::json_pointer(pointer)] = value;
    return json.dump();
  };
  EXPECT_THAT(refusal(without("/environment")), HasSubstr("the key 'environment' is missing"));
  EXPECT_THAT(refusal(without("/configs/1/latency/0/p95_ms")),
              HasSubstr("configs[1].latency[0]: the key 'p95_ms' is missing"));
  EXPECT_THAT(refusal(with("/configs/1/file_bytes", "1024")),
              HasSubstr("configs[1].file_bytes: found a value of type string"));
  EXPECT_THAT(refusal(with("/configs/1/file_bytes", 10.5)), HasSubstr("an integer"));
  EXPECT_THAT(refusal(with("/configs/1/file_bytes", 0xFFFFFFFFFFFFFFFF)), HasSubstr("an integer"));
  EXPECT_THAT(refusal(with("/configs/1/file_bytes", nullptr)), HasSubstr("type null"));
  EXPECT_THAT(refusal(with("/configs/1/latency/0/batch", 1 << 30 << 2 | 1L << 40)),
              HasSubstr("32 bits"));
  EXPECT_THAT(refusal(with("/configs/1/latency/0/ci95_ms", {1, 2, 3})), HasSubstr("[low, high]"));
  EXPECT_THAT(refusal(with("/configs", 3)), HasSubstr("an array"));
  EXPECT_THAT(refusal(with("/seed", -1)), HasSubstr("seed"));
  EXPECT_THAT(refusal("[1, 2]"), HasSubstr("an object"));
}

TEST_F(ResultsJsonTest, DamagedFilesAreRefused) {
  const std::string good = to_json(full_run());
  EXPECT_THAT(refusal(""), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(good.substr(0, good.size() / 2)), HasSubstr("not JSON"));
  EXPECT_THAT(refusal("{\"seed\": 1e999}"), HasSubstr("not JSON"));
  EXPECT_THAT(refusal(std::string(100000, '[')), HasSubstr("not JSON"));
  try {
    read_results(folder_ / "absent.json");
    ADD_FAILURE() << "an absent file was read";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kNoInput);
  }
}

TEST_F(ResultsJsonTest, WriteReportLeavesThreeFilesAndNothingOnRefusal) {
  write_report(full_run(), folder_ / "out");
  for (const char* name : {"results.json", "pareto.md", "report.html"}) {
    EXPECT_TRUE(std::filesystem::exists(folder_ / "out" / name)) << name;
  }
  EXPECT_EQ(to_json(read_results(folder_ / "out" / "results.json")), to_json(full_run()));
  RunRecord broken = full_run();
  broken.configs[1].file_bytes.reset();
  EXPECT_THROW(write_report(broken, folder_ / "refused"), Error);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "refused"));
}

}  // namespace
}  // namespace octet
