#include "octet/runtime/kernels/table/table.h"

#include <gtest/gtest.h>

#include <ostream>
#include <random>
#include <string>
#include <vector>

#include "octet/runtime/kernels/guarded_buffer.h"

namespace octet {

void PrintTo(const TableKernel& kernel, std::ostream* out) { *out << kernel.name; }

namespace {

class TableKernelTest : public testing::TestWithParam<TableKernel> {
 protected:
  void SetUp() override {
    if (!contains(host_isa(), GetParam().needs)) GTEST_SKIP() << "host lacks the ISA";
  }
};

TEST_P(TableKernelTest, LooksUpEveryCodeAtEveryCountAroundTheVectorEdges) {
  std::mt19937 rng(static_cast<std::uint32_t>(testing::UnitTest::GetInstance()->random_seed()));
  GuardedBuffer<std::uint8_t> table(256);
  for (std::uint8_t& entry : table) entry = static_cast<std::uint8_t>(rng());
  for (const int count : {0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 255, 256, 257, 700}) {
    GuardedBuffer<std::uint8_t> a(static_cast<std::size_t>(count)), c(a.size());
    std::vector<std::uint8_t> expected;
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = static_cast<std::uint8_t>(i * 7);  // 7 is coprime to 256: every code comes up
      expected.push_back(table[a[i]]);
    }
    GetParam().run({count, a.data(), c.data(), table.data()});
    ASSERT_EQ(std::vector(c.begin(), c.end()), expected) << count;
    GetParam().run({count, a.data(), a.data(), table.data()});
    ASSERT_EQ(std::vector(a.begin(), a.end()), expected) << count << " in place";
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, TableKernelTest,
                         testing::ValuesIn(table_kernels().begin(), table_kernels().end()),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace octet
