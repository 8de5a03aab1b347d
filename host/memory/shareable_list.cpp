#include "host/memory/shareable_list.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <utility>

#include "host/limits.h"

namespace forebay {
namespace {

/// At the start of the block; behind it a Room for each element, then the elements.
struct ListHead {
  static constexpr std::uint64_t magic_value = 0x3130'5453'494c'4246;  // "FBLIST01" in memory
  std::uint64_t magic = magic_value;
  std::uint64_t items = 0;
  std::uint64_t bytes = 0;  ///< of the whole block
};

/// An element begins with a word that tells type and length, and is read once: the type in its low byte. Then
/// the room for its value.
constexpr std::uint64_t word_bytes = sizeof(std::uint64_t);
constexpr unsigned length_shift = 8;

constexpr std::uint64_t padded(std::uint64_t bytes) noexcept {
  return (bytes + word_bytes - 1) / word_bytes * word_bytes;
}

std::span<const std::byte> bytes_of(const ShareableList::Value& value, std::uint64_t& number) {
  const auto one = [&number] { return std::as_bytes(std::span(&number, 1)); };
  if (const auto* text = std::get_if<std::string>(&value)) return std::as_bytes(std::span(*text));
  if (const auto* bytes = std::get_if<ShareableList::Bytes>(&value)) return *bytes;
  if (const auto* boolean = std::get_if<bool>(&value)) return number = *boolean ? 1 : 0, one();
  if (const auto* whole = std::get_if<std::int64_t>(&value))
    return number = static_cast<std::uint64_t>(*whole), one();
  if (const auto* real = std::get_if<double>(&value))
    return number = std::bit_cast<std::uint64_t>(*real), one();
  return {};
}

std::uint64_t room_for(const ShareableList::Value& value) {
  std::uint64_t number = 0;
  return std::max(word_bytes, padded(bytes_of(value, number).size()));
}

void write_value(std::byte* at, const ShareableList::Value& value) {
  std::uint64_t number = 0;
  const std::span<const std::byte> bytes = bytes_of(value, number);
  std::copy(bytes.begin(), bytes.end(), at + word_bytes);
  std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(at))
      .store((bytes.size() << length_shift) | value.index(), std::memory_order_release);  // pairs with get()
}

[[noreturn]] void throw_no_list(const std::string& name) {
  throw Error(ErrorCode::protocol, "the block of shared memory \"" + name + "\" is no ShareableList");
}

}  // namespace

ValueTooLong::ValueTooLong(std::size_t bytes, std::size_t room, std::source_location where)
    : Error(ErrorCode::usage,
            "a value of " + std::to_string(bytes) + " bytes is longer than the " + std::to_string(room) +
                " that this element of the list was made with; make the list with a longer first value",
            where) {}

SharedMemory ShareableList::write_new(const std::string* name, std::span<const Value> values,
                                      const SharedMemoryOptions& options) {
  if (values.size() > limits::shareable_list_items_max) {
    throw Error(ErrorCode::usage, "a ShareableList has at most " +
                                      std::to_string(limits::shareable_list_items_max) +
                                      " elements; use an Array, or several lists");
  }
  ListHead head;
  head.items = values.size();
  std::uint64_t offset = sizeof(ListHead) + values.size() * sizeof(Room);
  std::vector<Room> rooms;
  rooms.reserve(values.size());
  for (const Value& value : values) {
    rooms.push_back({offset, room_for(value)});
    offset += word_bytes + rooms.back().bytes;
  }
  head.bytes = offset;
  SharedMemory block =
      name != nullptr ? SharedMemory::create(*name, offset, options) : SharedMemory::create(offset, options);
  std::byte* start = block.buf().data();
  std::copy_n(reinterpret_cast<const std::byte*>(rooms.data()), rooms.size() * sizeof(Room),
              start + sizeof(ListHead));
  for (std::size_t i = 0; i < values.size(); ++i) write_value(start + rooms[i].offset, values[i]);
  // Last: who attaches it sooner is told that it is no list.
  auto* shared = reinterpret_cast<ListHead*>(start);
  shared->items = head.items;
  shared->bytes = head.bytes;
  std::atomic_ref<std::uint64_t>(shared->magic).store(head.magic, std::memory_order_release);
  return block;
}

ShareableList::ShareableList(std::span<const Value> values, const SharedMemoryOptions& options)
    : ShareableList(write_new(nullptr, values, options)) {}

ShareableList::ShareableList(const std::string& name, std::span<const Value> values,
                             const SharedMemoryOptions& options)
    : ShareableList(write_new(&name, values, options)) {}

ShareableList::ShareableList(SharedMemory block) : block_(std::move(block)) {
  const std::span<std::byte> all = block_.buf();
  const std::string& name = block_.name();
  if (all.size() < sizeof(ListHead)) throw_no_list(name);
  auto* shared = reinterpret_cast<ListHead*>(all.data());
  // Pairs with the release at the end of write_new().
  const bool is_list =
      std::atomic_ref<std::uint64_t>(shared->magic).load(std::memory_order_acquire) == ListHead::magic_value;
  ListHead head;
  std::memcpy(&head, all.data(), sizeof(head));
  if (!is_list || head.bytes != all.size() || head.items > limits::shareable_list_items_max ||
      head.items > (all.size() - sizeof(ListHead)) / sizeof(Room)) {
    throw_no_list(name);
  }
  std::vector<Room> rooms(head.items);
  if (!rooms.empty()) std::memcpy(rooms.data(), all.data() + sizeof(ListHead), rooms.size() * sizeof(Room));
  // In order and side by side, so that no element lies in another or in the table.
  std::uint64_t offset = sizeof(ListHead) + rooms.size() * sizeof(Room);
  for (const Room& room : rooms) {
    if (room.offset != offset || room.bytes < word_bytes || room.bytes % word_bytes != 0 ||
        all.size() - offset < word_bytes || room.bytes > all.size() - offset - word_bytes) {
      throw_no_list(name);
    }
    offset += word_bytes + room.bytes;
  }
  rooms_ = std::make_shared<const std::vector<Room>>(std::move(rooms));
}

std::byte* ShareableList::at(std::size_t index) const {
  if (index >= size()) {
    throw Error(ErrorCode::usage,
                "element " + std::to_string(index) + " of a ShareableList of " + std::to_string(size()));
  }
  const std::span<std::byte> all = block_.buf();
  if (all.empty()) throw Error(ErrorCode::usage, "the block of this ShareableList is closed here");
  return all.data() + (*rooms_)[index].offset;
}

ShareableList::Value ShareableList::get(std::size_t index) const {
  std::byte* start = at(index);
  // Pairs with write_value(). Read once: another process may change it.
  const std::uint64_t word = std::atomic_ref<std::uint64_t>(*reinterpret_cast<std::uint64_t*>(start))
                                 .load(std::memory_order_acquire);
  const std::uint64_t type = word & ((1U << length_shift) - 1);
  const std::uint64_t length = word >> length_shift;
  const std::uint64_t room = (*rooms_)[index].bytes;
  const bool number = type >= 1 && type <= 3;
  if (type >= std::variant_size_v<Value> || length > room || (number && length != word_bytes) ||
      (type == 0 && length != 0)) {
    throw Error(ErrorCode::protocol, "element " + std::to_string(index) + " of the ShareableList \"" +
                                         block_.name() + "\" was overwritten");
  }
  const std::byte* bytes = start + word_bytes;
  if (type == 4) return std::string(reinterpret_cast<const char*>(bytes), length);
  if (type == 5) return Bytes(bytes, bytes + length);
  if (type == 0) return std::monostate{};
  std::uint64_t raw = 0;
  std::memcpy(&raw, bytes, sizeof(raw));
  if (type == 1) return raw != 0;
  if (type == 2) return static_cast<std::int64_t>(raw);
  return std::bit_cast<double>(raw);
}

void ShareableList::set(std::size_t index, const Value& value) {
  std::byte* start = at(index);
  std::uint64_t number = 0;
  const std::size_t bytes = bytes_of(value, number).size();
  if (bytes > (*rooms_)[index].bytes) throw ValueTooLong(bytes, (*rooms_)[index].bytes);
  write_value(start, value);
}

std::size_t ShareableList::count(const Value& value) const {
  return static_cast<std::size_t>(std::count(begin(), end(), value));
}

std::size_t ShareableList::index(const Value& value) const {
  for (std::size_t i = 0; i < size(); ++i) {
    if (get(i) == value) return i;
  }
  throw Error(ErrorCode::usage, "the value is not in this ShareableList");
}

ShareableList ShareableList::copy() const { return ShareableList(std::span<const Value>(values())); }

}  // namespace forebay
