#include "octet/graph/functions/matrix_product.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "octet/graph/functions/run_function.h"

namespace octet {
namespace {

using testing::HasSubstr;

/// a [m, k] x b [k, n] by the equation; exact on small_numbers.
template <typename T>
std::vector<T> by_equation(const std::vector<T>& a, const std::vector<T>& b, std::size_t m,
                           std::size_t n, std::size_t k) {
  std::vector<T> c(m * n, T{0});
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      for (std::size_t p = 0; p < k; ++p) c[i * n + j] += a[i * k + p] * b[p * n + j];
    }
  }
  return c;
}

template <typename T>
void expect_product(std::int64_t m, std::int64_t n, std::int64_t k) {
  const Tensor a = small_numbers(dtype_of<T>(), {m, k}, 1);
  const Tensor b = small_numbers(dtype_of<T>(), {k, n}, 2);
  const auto size = [](std::int64_t i) { return static_cast<std::size_t>(i); };
  const std::vector<T> expected =
      by_equation(elements<T>(a), elements<T>(b), size(m), size(n), size(k));
  EXPECT_EQ(run_one(MatMul{}, {a, b}), tensor({m, n}, expected)) << m << 'x' << n << 'x' << k;
  EXPECT_EQ(run_one(Gemm{.transpose_b = false}, {a, b}), tensor({m, n}, expected));
}

TEST(MatrixProduct, IsItsEquationAroundTheEdgesOfTilesAndBlocks) {
  for (const std::int64_t m : {1, 3, 4, 5, 9}) {
    for (const std::int64_t n : {1, 7, 8, 9, 17}) {
      for (const std::int64_t k : {0, 1, 2, 511, 512, 513, 1025}) {
        expect_product<float>(m, n, k);
        if (k > 512) continue;
        expect_product<std::int32_t>(m, n, k);
        expect_product<std::int64_t>(m, n, k);
      }
    }
  }
  expect_product<float>(0, 3, 2);
  expect_product<float>(3, 0, 2);
}

TEST(MatrixProduct, OfIntegersWraps) {
  constexpr std::int32_t kMax = std::numeric_limits<std::int32_t>::max();
  const Tensor a = tensor<std::int32_t>({1, 2}, {kMax, 1}),
               b = tensor<std::int32_t>({2, 1}, {2, 5});
  EXPECT_EQ(run_one(MatMul{}, {a, b}), tensor<std::int32_t>({1, 1}, {3}));
}

TEST(MatrixProduct, GemmAddsABiasOncePerElementThenClamps) {
  for (const std::int64_t k : {2, 1100}) {  // one block and several
    const Tensor a = small_numbers(DType::kFloat32, {3, k}, 1);
    const Tensor b = small_numbers(DType::kFloat32, {2, k}, 2);
    const Tensor bias = tensor<float>({2}, {5, -5});
    const Tensor plain = run_one(Gemm{}, {a, b});
    const Tensor y = run_one(Gemm{.transpose_b = true, .activation = {-40, 30}}, {a, b, bias});
    for (std::size_t i = 0; i < 6; ++i) {
      const float sum = plain.data<float>()[i] + bias.data<float>()[i % 2];
      EXPECT_EQ(y.data<float>()[i], std::min(std::max(sum, -40.0f), 30.0f));
    }
  }
  const Tensor nothing(DType::kFloat32, {2, 0});
  EXPECT_EQ(run_one(Gemm{}, {nothing, nothing, tensor<float>({2}, {1, 2})}),
            tensor<float>({2, 2}, {1, 2, 1, 2}));
}

TEST(MatrixProduct, TreatsVectorsAsNumpyDoes) {
  const Tensor v = tensor<float>({3}, {1, 2, 3});
  const Tensor m = tensor<float>({2, 3}, {1, 0, 1, 0, 1, 0});
  EXPECT_EQ(run_one(MatMul{}, {v, v}), Tensor::scalar(14.0f));
  EXPECT_EQ(run_one(MatMul{}, {m, v}), tensor<float>({2}, {4, 2}));
  EXPECT_EQ(run_one(MatMul{}, {tensor<float>({2}, {1, 10}), m}), tensor<float>({3}, {1, 10, 1}));
  const Tensor batch = small_numbers(DType::kFloat32, {4, 3, 5}, 1);
  EXPECT_EQ(run_one(MatMul{}, {v, batch}).shape(), (Shape{4, 5}));
  EXPECT_EQ(run_one(MatMul{}, {batch.reshaped({4, 5, 3}), v}).shape(), (Shape{4, 5}));
}

TEST(MatrixProduct, BroadcastsTheBatch) {
  const Tensor a = small_numbers(DType::kFloat32, {2, 1, 3, 4}, 1);
  const Tensor b = small_numbers(DType::kFloat32, {5, 4, 2}, 2);
  const Tensor y = run_one(MatMul{}, {a, b});
  ASSERT_EQ(y.shape(), (Shape{2, 5, 3, 2}));
  const std::vector<float> left = elements<float>(a), right = elements<float>(b);
  for (int i = 0; i < 2; ++i) {
    for (int j = 0; j < 5; ++j) {
      const std::vector<float> a_ij(left.begin() + i * 12, left.begin() + i * 12 + 12);
      const std::vector<float> b_ij(right.begin() + j * 8, right.begin() + j * 8 + 8);
      const auto part = y.data<float>().subspan(static_cast<std::size_t>(i * 5 + j) * 6, 6);
      EXPECT_EQ(std::vector<float>(part.begin(), part.end()), by_equation(a_ij, b_ij, 3, 2, 4));
    }
  }
  const Tensor deep = a.reshaped({1, 1, 1, 1, 2, 1, 3, 4});
  EXPECT_EQ(run_one(MatMul{}, {deep, b}).reshaped({2, 5, 3, 2}), y);
  const Tensor none(DType::kFloat32, {0, 3, 4});
  EXPECT_EQ(run_one(MatMul{}, {none, tensor<float>({4, 1}, {1, 1, 1, 1})}).shape(),
            (Shape{0, 3, 1}));
}

TEST(MatrixProduct, SaysWhatItDoesNotAccept) {
  const auto refusal = [](const Op& op, const Shape& a, const Shape& b) {
    return error_of_types(
        ErrorKind::kBadData, op,
        {small_numbers(DType::kFloat32, a, 1), small_numbers(DType::kFloat32, b, 2)});
  };
  EXPECT_THAT(refusal(MatMul{}, {2, 3}, {2, 3}), HasSubstr("inner sizes"));
  EXPECT_THAT(refusal(MatMul{}, {3}, {2}), HasSubstr("inner sizes"));
  EXPECT_THAT(refusal(MatMul{}, {}, {1, 1}), HasSubstr("rank 1 or more"));
  EXPECT_THAT(refusal(MatMul{}, {2, 1, 3}, {3, 3, 1}), HasSubstr("[2] and [3]"));
  EXPECT_THAT(refusal(Gemm{}, {3}, {2, 3}), HasSubstr("rank 2"));
  EXPECT_THAT(error_of_types(ErrorKind::kBadData, MatMul{},
                             {tensor<float>({1, 1}, {1}), tensor<std::int32_t>({1, 1}, {1})}),
              HasSubstr("int32"));
}

}  // namespace
}  // namespace octet
