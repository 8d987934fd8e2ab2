#pragma once

namespace octet {

/// How a GEMM kernel wants its weights: panels of `nr` columns one after the other, the last one as
/// wide as its columns need in whole vectors of `lanes`. Within a panel
///   [tap][channel / group][column][channel % group]
/// where the channels of each tap are padded to a multiple of `group` with zero weights.
struct PanelLayout {
  int nr;
  int lanes;
  int group;
};

}  // namespace octet
