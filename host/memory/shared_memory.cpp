#include "host/memory/shared_memory.h"

#include <sys/random.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

#include "host/codec/codec.h"
#include "host/contract.h"
#include "host/limits.h"
#include "host/memory/block_file.h"
#include "host/memory/mapping.h"
#include "host/process/block_note.h"
#include "host/process/block_table.h"

namespace forebay {
namespace {

std::string random_name() {
  std::uint64_t number = 0;
  while (::getrandom(&number, sizeof(number), 0) != static_cast<ssize_t>(sizeof(number))) {
    if (errno != EINTR) throw os_error(errno, "cannot get a random number");
  }
  return fmt::format("forebay_{:016x}", number);
}

}  // namespace

BlockExists::BlockExists(const std::string& name, std::source_location where)
    : Error(
          ErrorCode::usage,
          "there is a block of shared memory named \"" + name + "\" already; attach it, or take another name",
          where) {}
BlockNotFound::BlockNotFound(const std::string& name, std::source_location where)
    : Error(ErrorCode::usage,
            "there is no block of shared memory named \"" + name +
                "\", or no longer: it was unlinked, or its maker has ended",
            where) {}

struct SharedMemory::Block {
  std::string name;
  detail::BlockFile file;  // its descriptor is kept to pass it on
  Mapping mapping;

  Block(std::string of, detail::BlockFile from) : name(std::move(of)), file(std::move(from)) {
    mapping = Mapping(file.fd.get(), file.bytes, Mapping::Access::read_write);
  }
};

SharedMemory create_block(const std::function<std::string()>& next_name, std::size_t bytes,
                          const SharedMemoryOptions& options, unsigned tries) {
  expect(tries > 0, "a block's name is asked for at least once");
  std::string name = detail::checked_block_name(next_name());
  if (tries == 1 && detail::block_exists(name)) throw BlockExists(name);  // before memory is taken
  auto block = std::make_shared<SharedMemory::Block>(name, detail::make_block_file(bytes));
  while (true) {
    // In this order: killed in between, the guardian finds no file of that name, or not this one.
    if (options.tracked) detail::have_unlinked(name, block->file.fd.get());
    if (detail::link_block(block->file, name)) break;
    if (--tries == 0) throw BlockExists(name);
    name = detail::checked_block_name(next_name());
  }
  block->name = name;
  return SharedMemory(std::move(block));
}

SharedMemory SharedMemory::create(const std::string& name, std::size_t bytes,
                                  const SharedMemoryOptions& options) {
  return create_block([&name] { return name; }, bytes, options, 1);
}

SharedMemory SharedMemory::create(std::size_t bytes, const SharedMemoryOptions& options) {
  return create_block(random_name, bytes, options, limits::block_name_tries);
}

SharedMemory SharedMemory::attach(const std::string& name) {
  const std::string bare = detail::checked_block_name(name);
  detail::BlockFile file = detail::open_block_file(bare);
  if (!file.fd.valid()) throw BlockNotFound(bare);
  detail::tell_shared(file.fd.get());
  return SharedMemory(std::make_shared<Block>(bare, std::move(file)));
}

std::span<std::byte> SharedMemory::buf() const noexcept { return block_->mapping.bytes(); }
const std::string& SharedMemory::name() const noexcept { return block_->name; }
std::size_t SharedMemory::size() const noexcept { return block_->file.bytes; }

void SharedMemory::close() noexcept {
  block_->mapping = Mapping();
  block_->file.fd.reset();
}

void SharedMemory::unlink() const {
  if (!detail::has_name(block_->file, name())) throw BlockNotFound(name());
  if (::unlink(detail::block_path(name().c_str()).c_str()) == 0) return;
  if (errno == ENOENT) throw BlockNotFound(name());
  throw os_error(errno, "cannot unlink the block of shared memory \"" + name() + "\"");
}

void SharedMemory::encode_into(Encoder& out) const {
  if (!block_ || !block_->file.fd.valid()) {
    throw Error(ErrorCode::usage, "a block of shared memory that is closed here cannot be passed on");
  }
  encode(out, name());
  out.write_plain(out.takes_descriptors());
  if (out.takes_descriptors()) out.write_fd(block_->file.fd.get());
}

SharedMemory SharedMemory::decode_from(Decoder& in) {
  const auto name = detail::checked_block_name(decode<std::string>(in));
  if (!in.read_plain<bool>()) return attach(name);
  detail::BlockFile file = detail::block_file_of(in.read_fd(), name);
  detail::tell_shared(file.fd.get());
  return SharedMemory(std::make_shared<Block>(name, std::move(file)));
}

}  // namespace forebay
