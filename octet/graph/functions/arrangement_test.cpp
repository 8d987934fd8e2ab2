#include "octet/graph/functions/arrangement.h"

#include "octet/base/nibbles.h"
#include "octet/graph/functions/arrangement_harness.h"

namespace octet {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Ints = std::vector<std::int64_t>;

TEST(ArrangementTest, TypedOpsTakeEveryDtype) {
  for (const DType dtype : {DType::kBool, DType::kInt8, DType::kUInt8, DType::kInt4, DType::kUInt4,
                            DType::kInt32, DType::kInt64, DType::kFloat32}) {
    Tensor x(byte_type(dtype), Shape{2, 3});
    for (std::size_t i = 0; i < x.size_bytes(); i += size_bytes(dtype)) {
      x.mutable_raw()[i] = static_cast<std::byte>(i / size_bytes(dtype) % 2);
    }
    if (is_packed(dtype)) x = pack_nibbles(x, dtype);
    const Tensor turned = run(Transpose{{1, 0}}, {run(Transpose{}, {x})});
    EXPECT_EQ(turned.shape(), (Shape{2, 3}));
    const Tensor joined =
        run(Concat{0}, {run(Slice{{1}, {2}, {0}, {1}}, {x}), run(Slice{{0}, {1}, {0}, {1}}, {x})});
    EXPECT_TRUE(run(Gather{0}, {x, list({1, 0})}) == joined) << to_string(dtype);
    EXPECT_TRUE(run(Squeeze{{0}}, {run(Unsqueeze{{0}}, {x})}) == x);
    EXPECT_TRUE(run(Reshape{{2, 3}}, {run(Flatten{0}, {x})}) == x);
    EXPECT_TRUE(run(Pad{{0, 0, 0, 0}, 0.0f}, {x}) == x);
    EXPECT_TRUE(run(Identity{}, {x}) == x);
    EXPECT_EQ(run(ConstantOfShape{Tensor(dtype, Shape{1})}, {list({2, 2})}).dtype(), dtype);
  }
}

TEST(ArrangementTest, TransposesWithoutPermByReversal) {
  EXPECT_TRUE(run(Transpose{}, {counted<std::int32_t>({2, 3, 4})}) ==
              run(Transpose{{2, 1, 0}}, {counted<std::int32_t>({2, 3, 4})}));
}

TEST(ArrangementTest, SlicesWithNegativeStepsAndUnsortedAxes) {
  const Tensor x = counted<std::int64_t>({3, 4});
  EXPECT_THAT(elements_of<std::int64_t>(run(Slice{{3, 2}, {0, -100}, {1, 0}, {-2, -1}}, {x})),
              ElementsAre(11, 9, 7, 5, 3, 1));
  EXPECT_EQ(run(Slice{{2}, {1}, {0}, {1}}, {x}).shape(), (Shape{0, 4}));
  EXPECT_THAT(elements_of<std::int64_t>(run(Slice{{1},
                                                  {std::numeric_limits<std::int64_t>::max()},
                                                  {-2},
                                                  {std::numeric_limits<std::int64_t>::max()}},
                                            {x})),
              ElementsAre(4, 5, 6, 7));
}

TEST(ArrangementTest, GathersByIndicesOfEitherTypeAndRefusesOthers) {
  const Tensor x = counted<std::uint8_t>({2, 3, 2});
  const Tensor wanted = tensor<std::int32_t>({2, 1}, {-1, 0});
  const Tensor y = run(Gather{1}, {x, wanted});
  EXPECT_EQ(y.shape(), (Shape{2, 2, 1, 2}));
  EXPECT_THAT(elements_of<std::uint8_t>(y), ElementsAre(4, 5, 0, 1, 10, 11, 6, 7));
  EXPECT_EQ(run(Gather{-3}, {x, Tensor::scalar(std::int64_t{1})}).shape(), (Shape{3, 2}));
  // At run time the index is no error of the graph.
  const auto function = function_of(Gather{0});
  const TensorType type{DType::kUInt8, {1, 3, 2}};
  EXPECT_FALSE(apply(*function, MaybeTensors{x, list({2})}, std::span(&type, 1)));
  EXPECT_FALSE(apply(*function, MaybeTensors{x, list({-3})}, std::span(&type, 1)));
}

TEST(ArrangementTest, MovesNothingWhereThereIsNothing) {
  const Tensor none(DType::kFloat32, Shape{0, 3});
  EXPECT_EQ(run(Concat{0}, {none, counted<float>({2, 3})}).shape(), (Shape{2, 3}));
  EXPECT_EQ(run(Transpose{}, {none}).shape(), (Shape{3, 0}));
  EXPECT_EQ(run(Gather{1}, {none, list({2, 2})}).shape(), (Shape{0, 2}));
  EXPECT_EQ(run(Gather{0}, {counted<float>({2, 3}), list({})}).shape(), (Shape{0, 3}));
  EXPECT_EQ(run(expand(), {none, list({4, 0, 3})}).shape(), (Shape{4, 0, 3}));
  EXPECT_EQ(run(tile(), {none, list({2, 2})}).shape(), (Shape{0, 6}));
  EXPECT_THAT(
      elements_of<float>(run(pad_function(PadMode::kConstant),
                             {Tensor(DType::kFloat32, {0}), list({1, 1}), Tensor::scalar(5.0f)})),
      ElementsAre(5, 5));
}

TEST(ArrangementTest, PadsInEveryMode) {
  const Tensor x = tensor<std::int32_t>({4}, {1, 2, 3, 4});
  const auto padded = [&](PadMode mode, std::int64_t before, std::int64_t after) {
    return elements_of<std::int32_t>(run(pad_function(mode), {x, list({before, after})}));
  };
  EXPECT_THAT(padded(PadMode::kConstant, 2, 1), ElementsAre(0, 0, 1, 2, 3, 4, 0));
  EXPECT_THAT(padded(PadMode::kEdge, 2, 1), ElementsAre(1, 1, 1, 2, 3, 4, 4));
  EXPECT_THAT(padded(PadMode::kReflect, 5, 2), ElementsAre(2, 3, 4, 3, 2, 1, 2, 3, 4, 3, 2))
      << "farther than the tensor reaches it is reflected again";
  EXPECT_THAT(padded(PadMode::kWrap, 5, 2), ElementsAre(4, 1, 2, 3, 4, 1, 2, 3, 4, 1, 2));
  EXPECT_THAT(padded(PadMode::kConstant, -1, 1), ElementsAre(2, 3, 4, 0));
  EXPECT_THAT(padded(PadMode::kReflect, -1, 2), ElementsAre(2, 3, 4, 3, 2));
  EXPECT_THAT(padded(PadMode::kConstant, -6, 3), ElementsAre(0)) << "nothing of x is left";
}

TEST(ArrangementTest, PadsWithAnyIntegerAlongNamedAxes) {
  const std::int64_t large = (std::int64_t{1} << 60) + 1;
  const Tensor y = run(pad_function(PadMode::kConstant),
                       {counted<std::int64_t>({1, 2}), list({0, 1}), Tensor::scalar(large),
                        tensor<std::int32_t>({1}, {-1})});
  EXPECT_THAT(elements_of<std::int64_t>(y), ElementsAre(0, 1, large));
  EXPECT_EQ(shape_with_variables(pad_function(PadMode::kEdge), {y, list({1, 1}), {}, list({1})}, 3),
            (Shape{kUnknownDim, kUnknownDim}));
}

TEST(ArrangementTest, RefusesPadsThatDoNotFit) {
  const Tensor x = counted<float>({2, 2});
  const Op pad = pad_function(PadMode::kReflect);
  EXPECT_THAT(error_of(ErrorKind::kBadData, pad, {x, list({1, 1})}), HasSubstr("2 pads for 2"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, pad, {x, list({-2, 0, -1, 0})}),
              HasSubstr("a result of 0 or more"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, pad, {x, list({1, 1}), {}, list({2})}),
              HasSubstr("axis 2"));
  EXPECT_THAT(
      error_of(ErrorKind::kBadData, pad, {x, list({1, 1, 1, 1}), Tensor::scalar(std::int64_t{1})}),
      HasSubstr("accepted: float32"));
  EXPECT_FALSE(try_run(pad, {Tensor(DType::kFloat32, {0}), list({1, 0})}))
      << "an empty axis has nothing to reflect";
}

TEST(ArrangementTest, ExpandsAndTiles) {
  const Tensor x = tensor<bool>({2, 1}, {true, false});
  EXPECT_THAT(elements_of<bool>(run(expand(), {x, list({3})})),
              ElementsAre(true, true, true, false, false, false));
  EXPECT_EQ(run(expand(), {x, list({5, 1, 1})}).shape(), (Shape{5, 2, 1}));
  EXPECT_THAT(elements_of<std::int8_t>(run(tile(), {counted<std::int8_t>({2, 2}), list({2, 2})})),
              ElementsAre(0, 1, 0, 1, 2, 3, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3));
  EXPECT_EQ(shape_with_variables(expand(), {x, list({3, 2, 3})}, 1),
            (Shape{kUnknownDim, kUnknownDim, kUnknownDim}));
  EXPECT_THAT(error_of(ErrorKind::kBadData, expand(), {x, list({3, 3})}), HasSubstr("equal sizes"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, tile(), {x, list({3})}), HasSubstr("one per axis"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, tile(), {x, list({-1, 1})}), HasSubstr("0 or more"));
}

TEST(ArrangementTest, SplitsBySizesAndByNumber) {
  const Tensor x = counted<std::int32_t>({1, 5});
  const auto uneven = run_all(split(-1, 3), {x}, 3);
  EXPECT_THAT(elements_of<std::int32_t>(uneven[1]), ElementsAre(2, 3));
  EXPECT_THAT(elements_of<std::int32_t>(uneven[2]), ElementsAre(4));
  const auto sized = run_all(split(1, 0), {x, list({0, 4, 1})}, 3);
  EXPECT_EQ(sized[0].shape(), (Shape{1, 0}));
  EXPECT_THAT(elements_of<std::int32_t>(sized[1]), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(run_all(split(0, 3), {x}, 3)[2].shape(), (Shape{0, 5})) << "more parts than elements";
  EXPECT_THAT(error_of(ErrorKind::kBadData, split(1, 0), {x, list({2, 2})}, 2),
              HasSubstr("fill the axis"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, split(1, 0), {x}, 2), HasSubstr("neither sizes"));
}

TEST(ArrangementTest, SpaceToDepthUndoesDepthToSpace) {
  const Tensor x = counted<float>({2, 8, 2, 3});
  const Tensor y = run(depth_to_space(2, DepthOrder::kDepthColumnRow), {x});
  EXPECT_EQ(y.shape(), (Shape{2, 2, 4, 6}));
  EXPECT_TRUE(run(space_to_depth(2), {y}) == x);
  EXPECT_EQ(run(depth_to_space(2, DepthOrder::kColumnRowDepth), {x}).data<float>()[1], 6.0f);
  EXPECT_THAT(error_of(ErrorKind::kBadData, space_to_depth(2), {x}), HasSubstr("a multiple"));
  EXPECT_THAT(error_of(ErrorKind::kBadData, space_to_depth(0), {x}), HasSubstr("blocksize 0"));
}

TEST(ArrangementTest, CountsInRanges) {
  const auto scalar = [](auto value) { return Tensor::scalar(value); };
  EXPECT_THAT(elements_of<std::int32_t>(run(range(), {scalar(10), scalar(4), scalar(-3)})),
              ElementsAre(10, 7));
  EXPECT_THAT(elements_of<float>(run(range(), {scalar(0.0f), scalar(1.0f), scalar(0.4f)})),
              ElementsAre(0.0f, 0.4f, 0.8f));
  EXPECT_EQ(run(range(), {scalar(3), scalar(3), scalar(1)}).shape(), (Shape{0}));
  const auto low = std::numeric_limits<std::int64_t>::min();
  const auto high = std::numeric_limits<std::int64_t>::max();
  EXPECT_THAT(elements_of<std::int64_t>(
                  run(range(), {scalar(low), scalar(high), scalar(std::int64_t{1} << 62)})),
              ElementsAre(low, low / 2, 0, high / 2 + 1));
  EXPECT_EQ(shape_with_variables(range(), {scalar(0), scalar(3), scalar(1)}, 1),
            (Shape{kUnknownDim}));
  EXPECT_THAT(error_of(ErrorKind::kBadData, range(), {scalar(0), scalar(3), scalar(0)}),
              HasSubstr("without end"));
  EXPECT_THAT(
      error_of(ErrorKind::kBadData, range(), {scalar(0.0f), scalar(std::nanf("")), scalar(1.0f)}),
      HasSubstr("without end"));
}

TEST(ArrangementTest, GathersElementsAndSlices) {
  const Tensor x = tensor<float>({2, 2}, {1, 2, 3, 4});
  EXPECT_THAT(
      elements_of<float>(run(gather_elements(1), {x, tensor<std::int64_t>({2, 2}, {0, 0, 1, -2})})),
      ElementsAre(1, 1, 4, 3));
  EXPECT_FALSE(try_run(gather_elements(0), {x, tensor<std::int64_t>({1, 2}, {0, 2})}));
  EXPECT_THAT(
      elements_of<float>(run(gather_nd(0), {x, tensor<std::int64_t>({2, 2}, {0, 1, -1, 0})})),
      ElementsAre(2, 3));
  EXPECT_THAT(elements_of<float>(run(gather_nd(0), {x, tensor<std::int64_t>({1, 1}, {1})})),
              ElementsAre(3, 4));
  EXPECT_THAT(elements_of<float>(run(gather_nd(1), {x, tensor<std::int64_t>({2, 1}, {1, 0})})),
              ElementsAre(2, 3));
  EXPECT_FALSE(try_run(gather_nd(0), {x, tensor<std::int64_t>({1, 2}, {0, 2})}));
  EXPECT_THAT(
      error_of(ErrorKind::kBadData, gather_nd(0), {x, tensor<std::int64_t>({1, 3}, {0, 0, 0})}),
      HasSubstr("as many numbers per index"));
}

TEST(ArrangementTest, MarksOneHotIndices) {
  const Tensor values = tensor<std::int8_t>({2}, {-1, 7});
  const Tensor y =
      run(one_hot(0), {tensor<std::int64_t>({3}, {0, -1, 9}), Tensor::scalar(2.0f), values});
  EXPECT_EQ(y.shape(), (Shape{2, 3}));
  EXPECT_THAT(elements_of<std::int8_t>(y), ElementsAre(7, -1, -1, -1, 7, -1));
  EXPECT_THAT(error_of(ErrorKind::kBadData, one_hot(3), {list({0}), list({2}), values}),
              HasSubstr("axis 3"));
}

TEST(ArrangementTest, KeepsTriangles) {
  const Tensor x = counted<std::int64_t>({2, 3});
  EXPECT_THAT(elements_of<std::int64_t>(run(trilu(true), {x})), ElementsAre(0, 1, 2, 0, 4, 5));
  EXPECT_THAT(elements_of<std::int64_t>(run(trilu(false), {x, Tensor::scalar(std::int64_t{1})})),
              ElementsAre(0, 1, 0, 3, 4, 5));
  EXPECT_THAT(elements_of<std::int64_t>(run(trilu(true), {x, Tensor::scalar(std::int64_t{99})})),
              ElementsAre(0, 0, 0, 0, 0, 0));
  EXPECT_THAT(elements_of<std::int64_t>(
                  run(trilu(false), {x, Tensor::scalar(std::numeric_limits<std::int64_t>::min())})),
              ElementsAre(0, 0, 0, 0, 0, 0));
}

TEST(ArrangementTest, SumsAlongAnAxis) {
  const Tensor x = tensor<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor last = Tensor::scalar(std::int32_t{-1});
  EXPECT_THAT(elements_of<float>(run(cum_sum({}), {x, last})), ElementsAre(1, 3, 6, 4, 9, 15));
  EXPECT_THAT(elements_of<float>(run(cum_sum({.exclusive = true, .reverse = true}), {x, last})),
              ElementsAre(5, 3, 0, 11, 6, 0));
  EXPECT_THAT(elements_of<float>(run(cum_sum({.reverse = true}), {x, Tensor::scalar(0)})),
              ElementsAre(5, 7, 9, 4, 5, 6));
  EXPECT_THAT(error_of(ErrorKind::kBadData, cum_sum({}), {x, Tensor::scalar(2)}),
              HasSubstr("axis 2"));
}

TEST(ArrangementTest, ReshapesToZeroWhereZeroMeansZero) {
  const Tensor none(DType::kFloat32, Shape{0, 3});
  EXPECT_EQ(run(reshape_allowing_zero(), {none, list({7, 0})}).shape(), (Shape{7, 0}));
  EXPECT_EQ(run(reshape_allowing_zero(), {counted<float>({2, 3}), list({-1})}).shape(), (Shape{6}));
  EXPECT_EQ(run(Reshape{{0, 0, 1}}, {none}).shape(), (Shape{0, 3, 1})) << "a copied size";
  for (const Ints& dims : {Ints{0, -1}, Ints{5}}) {
    error_of(ErrorKind::kBadData, reshape_allowing_zero(), {none, list(dims)});
  }
}

TEST(ArrangementTest, CountsElements) {
  EXPECT_EQ(run(size_of_tensor(), {Tensor(DType::kBool, {3, 0})}).data<std::int64_t>()[0], 0);
  EXPECT_EQ(run(size_of_tensor(), {Tensor::scalar(true)}).data<std::int64_t>()[0], 1);
}

TEST(ArrangementTest, ReadsAndWritesChannelsLast) {
  const Tensor x = counted<float>({2, 4, 3, 5}), bytes = counted<std::uint8_t>({1, 4, 4, 2});
  for (const Op& op :
       {Op(Transpose{{0, 2, 3, 1}}), Op(Slice{{3}, {0}, {1}, {-1}}), Op(Reshape{{5, 3, 4, 2}}),
        Op(Flatten{2}), Op(Pad{{0, 1, 0, 2, 0, -1, 1, 0}, 0.5f}), Op(Identity{}),
        depth_to_space(2, DepthOrder::kColumnRowDepth), trilu(true)}) {
    expect_same_channels_last(op, {x});
  }
  expect_same_channels_last(space_to_depth(2), {bytes});
  expect_same_channels_last(Concat{2}, {x, x});
  expect_same_channels_last(Gather{2}, {x, list({2, 0})});
  expect_same_channels_last(tile(), {bytes, list({1, 2, 1, 2})});
  expect_same_channels_last(expand(), {counted<float>({2, 4, 1, 5}), list({3, 1})});
  expect_same_channels_last(pad_function(PadMode::kReflect), {x, list({0, 1, 1, 1, 0, 0, 2, 3})});
  expect_same_channels_last(cum_sum({}), {x, Tensor::scalar(1)});
  expect_same_channels_last(gather_elements(1), {x, Tensor(DType::kInt64, {2, 1, 3, 5})});
  expect_same_channels_last(one_hot(1), {Tensor(DType::kInt64, {2, 2, 2}),
                                         Tensor::scalar(std::int64_t{3}), list({0, 1})});
}

}  // namespace
}  // namespace octet
