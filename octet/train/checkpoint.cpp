#include "octet/train/checkpoint.h"

#include <bit>
#include <cstring>

#include "octet/base/error.h"
#include "octet/base/files.h"

namespace octet {
namespace {

// Layout, little-endian: magic, version, payload size, hash of the payload, payload.
constexpr char kMagic[8] = {'O', 'C', 'T', 'E', 'T', 'T', 'R', 'N'};
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = sizeof(kMagic) + sizeof(kVersion) + 2 * sizeof(std::uint64_t);
constexpr std::uint64_t kMaxRank = 8;
static_assert(std::endian::native == std::endian::little);

class Writer {
 public:
  template <typename T>
  void number(T value) {
    static_assert(std::is_arithmetic_v<T>);
    append(&value, sizeof(value));
  }
  void text(const std::string& value) {
    number<std::uint64_t>(value.size());
    append(value.data(), value.size());
  }
  void tensor(const Tensor& tensor) {
    number(static_cast<std::uint8_t>(tensor.dtype()));
    number<std::uint64_t>(tensor.shape().dims().size());
    for (const std::int64_t dim : tensor.shape().dims()) number(dim);
    append(tensor.raw(), tensor.size_bytes());
  }
  void tensors(const std::vector<Tensor>& values) {
    number<std::uint64_t>(values.size());
    for (const Tensor& value : values) tensor(value);
  }
  void append(const void* data, std::size_t size) {
    const auto* begin = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), begin, begin + size);
  }
  std::vector<std::byte>& bytes() { return bytes_; }

 private:
  std::vector<std::byte> bytes_;
};

/// Reads what Writer wrote; every length is checked against what is left before it is used.
class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string where)
      : bytes_(bytes), where_(std::move(where)) {}

  template <typename T>
  T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  /// A count of things of at least `least_bytes` each.
  std::size_t count(std::size_t least_bytes) {
    const auto found = number<std::uint64_t>();
    if (found > left() / least_bytes) {
      damaged("found a count of ", found, ", accepted: at most ", left() / least_bytes);
    }
    return static_cast<std::size_t>(found);
  }
  std::string text() {
    const std::span<const std::byte> bytes = take(count(1));
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  Tensor tensor() {
    const auto dtype = number<std::uint8_t>();
    if (dtype > static_cast<std::uint8_t>(DType::kBool)) damaged("found dtype ", int{dtype});
    const auto rank = number<std::uint64_t>();
    if (rank > kMaxRank) damaged("found rank ", rank, ", accepted: at most ", kMaxRank);
    std::vector<std::int64_t> dims(static_cast<std::size_t>(rank));
    for (std::int64_t& dim : dims) {
      dim = number<std::int64_t>();
      if (dim < 0) damaged("found dimension ", dim);
    }
    const Shape shape(dims);
    const auto type = static_cast<DType>(dtype);
    const auto elements = static_cast<std::uint64_t>(shape.num_elements());
    if (elements > left() / size_bytes(type)) {
      damaged("found a tensor of ", elements, " elements with ", left(), " bytes left");
    }
    Tensor result(type, shape);
    const std::span<const std::byte> bytes = take(result.size_bytes());
    if (!bytes.empty()) std::memcpy(result.mutable_raw(), bytes.data(), bytes.size());
    return result;
  }
  std::vector<Tensor> tensors() {
    std::vector<Tensor> result(count(sizeof(std::uint8_t) + sizeof(std::uint64_t)));
    for (Tensor& value : result) value = tensor();
    return result;
  }
  std::size_t left() const { return bytes_.size() - position_; }

  template <typename... Parts>
  [[noreturn]] void damaged(const Parts&... parts) const {
    fail(ErrorKind::kBadData, where_, ": damaged checkpoint at byte ", position_, ": ", parts...);
  }

 private:
  std::span<const std::byte> take(std::size_t size) {
    if (size > left()) damaged("wanted ", size, " bytes, found ", left());
    position_ += size;
    return bytes_.subspan(position_ - size, size);
  }

  std::span<const std::byte> bytes_;
  std::string where_;
  std::size_t position_ = 0;
};

void write_epoch(Writer& writer, const EpochResult& epoch) {
  writer.number<std::int64_t>(epoch.epoch);
  for (const double value : {epoch.train_loss, epoch.train_top1, epoch.val_loss, epoch.val_top1,
                             epoch.lr, epoch.images_per_s}) {
    writer.number(value);
  }
  writer.number<std::uint8_t>(epoch.has_validation);
}
constexpr std::size_t kEpochBytes = sizeof(std::int64_t) + 6 * sizeof(double) + 1;

EpochResult read_epoch(Reader& reader) {
  EpochResult epoch;
  epoch.epoch = static_cast<int>(reader.number<std::int64_t>());
  for (double* value : {&epoch.train_loss, &epoch.train_top1, &epoch.val_loss, &epoch.val_top1,
                        &epoch.lr, &epoch.images_per_s}) {
    *value = reader.number<double>();
  }
  epoch.has_validation = reader.number<std::uint8_t>() != 0;
  return epoch;
}

void write_payload(Writer& writer, const TrainCheckpoint& c) {
  writer.number<std::uint64_t>(c.fingerprint.size());
  for (const auto& [name, value] : c.fingerprint) {
    writer.text(name);
    writer.text(value);
  }
  for (const auto* group :
       {&c.parameters, &c.state, &c.optimizer, &c.best_parameters, &c.best_state}) {
    writer.tensors(*group);
  }
  writer.text(c.epoch_rng);
  writer.text(c.rng);
  for (const std::int64_t value :
       {c.optimizer_steps, c.epoch, c.step, c.correct, c.seen, c.best_epoch, c.best_correct}) {
    writer.number(value);
  }
  writer.number(c.loss_sum);
  writer.number<std::uint64_t>(c.epochs.size());
  for (const EpochResult& epoch : c.epochs) write_epoch(writer, epoch);
}

TrainCheckpoint read_payload(Reader& reader) {
  TrainCheckpoint c;
  c.fingerprint.resize(reader.count(2 * sizeof(std::uint64_t)));
  for (auto& [name, value] : c.fingerprint) {
    name = reader.text();
    value = reader.text();
  }
  for (auto* group : {&c.parameters, &c.state, &c.optimizer, &c.best_parameters, &c.best_state}) {
    *group = reader.tensors();
  }
  c.epoch_rng = reader.text();
  c.rng = reader.text();
  for (std::int64_t* value : {&c.optimizer_steps, &c.epoch, &c.step, &c.correct, &c.seen,
                              &c.best_epoch, &c.best_correct}) {
    *value = reader.number<std::int64_t>();
  }
  c.loss_sum = reader.number<double>();
  c.epochs.resize(reader.count(kEpochBytes));
  for (EpochResult& epoch : c.epochs) epoch = read_epoch(reader);
  if (reader.left() != 0) reader.damaged("found ", reader.left(), " bytes behind the end");
  return c;
}

std::string_view or_absent(const std::string* value) {
  return value ? std::string_view(*value) : "absent";
}

const std::string* find(const Fingerprint& fingerprint, const std::string& name) {
  for (const auto& [key, value] : fingerprint) {
    if (key == name) return &value;
  }
  return nullptr;
}

}  // namespace

std::vector<std::byte> serialize(const TrainCheckpoint& checkpoint) {
  Writer payload;
  write_payload(payload, checkpoint);
  ContentHash hash;
  hash.add(payload.bytes());
  Writer file;
  file.bytes().reserve(kHeaderBytes + payload.bytes().size());
  file.append(kMagic, sizeof(kMagic));
  file.number(kVersion);
  file.number<std::uint64_t>(payload.bytes().size());
  file.number(hash.value());
  file.append(payload.bytes().data(), payload.bytes().size());
  return std::move(file.bytes());
}

TrainCheckpoint parse_checkpoint(std::span<const std::byte> bytes, const std::string& where) {
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    fail(ErrorKind::kBadData, where, ": not a training checkpoint");
  }
  Reader header(bytes.subspan(sizeof(kMagic)), where);
  const auto version = header.number<std::uint32_t>();
  if (version != kVersion) {
    fail(ErrorKind::kBadData, where, ": checkpoint version ", version, ", accepted: ", kVersion);
  }
  const auto size = header.number<std::uint64_t>();
  const auto expected_hash = header.number<std::uint64_t>();
  const std::span<const std::byte> payload = bytes.subspan(kHeaderBytes);
  if (size != payload.size()) {
    fail(ErrorKind::kBadData, where, ": checkpoint of ", payload.size(), " bytes, its header says ",
         size);
  }
  ContentHash hash;
  hash.add(payload);
  if (hash.value() != expected_hash) {
    fail(ErrorKind::kBadData, where, ": damaged checkpoint: its checksum does not fit");
  }
  Reader reader(payload, where);
  return read_payload(reader);
}

void save_checkpoint(const std::filesystem::path& path, const TrainCheckpoint& checkpoint) {
  write_file(path, serialize(checkpoint));
}

TrainCheckpoint load_checkpoint(const std::filesystem::path& path) {
  return parse_checkpoint(read_file(path), path.string());
}

void require_same_fingerprint(const Fingerprint& saved, const Fingerprint& current,
                              const std::string& where) {
  Fingerprint all = current;
  all.insert(all.end(), saved.begin(), saved.end());
  for (const auto& [name, unused] : all) {
    const std::string* was = find(saved, name);
    const std::string* is = find(current, name);
    if (was && is && *was == *is) continue;
    fail(ErrorKind::kBadData, where, ": cannot resume: ", name, " was ", or_absent(was),
         " in the checkpoint, found ", or_absent(is), ", accepted: the same");
  }
}

void ContentHash::add(std::span<const std::byte> bytes) {
  constexpr std::uint64_t kPrime = 0x100000001b3u;
  const auto mix = [this](std::uint64_t word) {
    hash_ = (hash_ ^ word) * kPrime;
    hash_ ^= hash_ >> 32;
  };
  std::size_t i = 0;
  for (; i + sizeof(std::uint64_t) <= bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    mix(word);
  }
  std::uint64_t tail = 0;
  if (i < bytes.size()) std::memcpy(&tail, bytes.data() + i, bytes.size() - i);
  mix(tail);
  mix(bytes.size());
}

std::string ContentHash::hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (int shift = 60; shift >= 0; shift -= 4) text += kDigits[(hash_ >> shift) & 15];
  return text;
}

}  // namespace octet
