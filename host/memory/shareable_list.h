#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "host/error.h"
#include "host/memory/shared_memory.h"

namespace forebay {

/// A text or bytes that are longer than their element of a ShareableList has room for. ErrorCode::usage.
class ValueTooLong : public Error {
 public:
  ValueTooLong(std::size_t bytes, std::size_t room,
               std::source_location where = std::source_location::current());
};

/// Python's multiprocessing.shared_memory.ShareableList: a fixed number of elements in a named block, each
/// nothing (Python's None), a bool, a whole number, a floating one, a text or bytes. An element may change
/// its type; a text or bytes may be as long as the room that the element was made with: its first value's
/// size in whole 8 bytes, and at least 8.
///
/// A handle, as SharedMemory, and passed to other processes as that is. Elements are not synchronised: who
/// writes one while another reads it needs a Lock, or that one may get a mixture of both values, never more
/// than that. What other processes write into the block is checked: it can be a wrong value or an Error, not
/// a read beyond the block.
class ShareableList {
 public:
  using Bytes = std::vector<std::byte>;
  using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Bytes>;

  /// A new list of these elements. Throws as SharedMemory::create(), and Error(usage) for more than
  /// limits::shareable_list_items_max.
  explicit ShareableList(std::span<const Value> values, const SharedMemoryOptions& options = {});
  ShareableList(std::initializer_list<Value> values, const SharedMemoryOptions& options = {})
      : ShareableList(std::span<const Value>(values.begin(), values.size()), options) {}
  /// The same in a block of this name.
  ShareableList(const std::string& name, std::span<const Value> values,
                const SharedMemoryOptions& options = {});

  /// The list of this name. Throws as SharedMemory::attach(), and Error(protocol) where the block is no list.
  [[nodiscard]] static ShareableList attach(const std::string& name) {
    return ShareableList(SharedMemory::attach(name));
  }
  /// The list that lies in this block. Throws Error(protocol) where none does.
  explicit ShareableList(SharedMemory block);

  [[nodiscard]] std::size_t size() const noexcept { return rooms_->size(); }
  /// Throws Error(usage) beyond the end, and after close(); Error(protocol) where another process has
  /// overwritten the element with what is none.
  [[nodiscard]] Value get(std::size_t index) const;
  [[nodiscard]] Value operator[](std::size_t index) const { return get(index); }
  /// The same as one type. Throws Error(usage) where the element is of another.
  template <typename T>
  [[nodiscard]] T get(std::size_t index) const {
    Value value = get(index);
    if (T* held = std::get_if<T>(&value)) return std::move(*held);
    throw Error(ErrorCode::usage, "element " + std::to_string(index) + " of the list is of another type");
  }
  /// Throws ValueTooLong, and then the element is as it was; Error(usage) beyond the end.
  void set(std::size_t index, const Value& value);

  /// How many elements are equal to it, type included.
  [[nodiscard]] std::size_t count(const Value& value) const;
  /// The first that is. Throws Error(usage) where none is.
  [[nodiscard]] std::size_t index(const Value& value) const;
  /// A list of its own with the elements as they are now, each with the room for its value.
  [[nodiscard]] ShareableList copy() const;
  [[nodiscard]] std::vector<Value> values() const { return {begin(), end()}; }

  /// Goes through copies of the elements.
  class Iterator {
   public:
    using value_type = Value;
    using difference_type = std::ptrdiff_t;
    using reference = Value;
    using pointer = void;
    using iterator_category = std::input_iterator_tag;

    Iterator() noexcept = default;
    Iterator(const ShareableList* list, std::size_t index) noexcept : list_(list), index_(index) {}
    [[nodiscard]] Value operator*() const { return list_->get(index_); }
    Iterator& operator++() noexcept {
      ++index_;
      return *this;
    }
    Iterator operator++(int) noexcept {
      Iterator before = *this;
      ++index_;
      return before;
    }
    friend bool operator==(const Iterator&, const Iterator&) = default;

   private:
    const ShareableList* list_ = nullptr;
    std::size_t index_ = 0;
  };
  [[nodiscard]] Iterator begin() const noexcept { return {this, 0}; }
  [[nodiscard]] Iterator end() const noexcept { return {this, size()}; }

  /// The block that it lies in: its name, close() and unlink().
  [[nodiscard]] SharedMemory& shm() noexcept { return block_; }
  [[nodiscard]] const SharedMemory& shm() const noexcept { return block_; }

  void encode_into(Encoder& out) const { block_.encode_into(out); }
  [[nodiscard]] static ShareableList decode_from(Decoder& in) {
    return ShareableList(SharedMemory::decode_from(in));
  }

 private:
  /// Where an element lies and how long it may be: copied out of the block and checked once, since another
  /// process may change what is there.
  struct Room {
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
  };
  static SharedMemory write_new(const std::string* name, std::span<const Value> values,
                                const SharedMemoryOptions& options);
  [[nodiscard]] std::byte* at(std::size_t index) const;

  SharedMemory block_;
  std::shared_ptr<const std::vector<Room>> rooms_;
};

}  // namespace forebay
