#include "host/process/block_table.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

namespace forebay::detail {
namespace {

bool is_name(const BlockName& name) noexcept {
  return name.front() != '\0' && name.back() == '\0' &&
         std::find(name.begin(), name.end(), '/') == name.end();
}

/// Whether the block still has its name.
bool is_there(const KeptBlock& block) noexcept {
  struct stat status {};
  return ::lstat(block_path(block.name.data()).c_str(), &status) == 0 && status.st_dev == block.device &&
         status.st_ino == block.inode;
}

void set_kept(KeptBlock& block, bool kept) noexcept {
  std::atomic_ref<std::uint32_t>(block.kept).store(kept ? 1 : 0, std::memory_order_release);
}

}  // namespace

std::string block_path(const char* name) { return std::string("/dev/shm/") + name; }

BlockTable::BlockTable(SealedMemory memory)
    : memory_(std::move(memory)),
      head_(reinterpret_cast<BlockTableHead*>(memory_.bytes().data())),
      all_(reinterpret_cast<KeptBlock*>(memory_.bytes().data() + sizeof(BlockTableHead)),
           limits::named_blocks_max) {}

KeptBlock* BlockTable::find(std::uint64_t device, std::uint64_t inode) noexcept {
  for (KeptBlock& block : used()) {
    if (block.kept != 0 && block.inode == inode && block.device == device) return &block;
  }
  return nullptr;
}

KeptBlock* BlockTable::first_free() noexcept {
  for (KeptBlock& block : used()) {
    if (block.kept == 0) return &block;
  }
  return head_->used < all_.size() ? &all_[head_->used++] : nullptr;
}

/// Those that were unlinked by their users are found out only where the table is full.
KeptBlock* BlockTable::free_place() noexcept {
  if (KeptBlock* place = first_free()) return place;
  for (KeptBlock& block : used()) {
    if (!is_there(block)) set_kept(block, false);
  }
  return first_free();
}

void BlockTable::take(const BlockNote& note, std::array<UniqueFd, 2>& fds, std::int32_t sender) {
  if (note.event == BlockNote::Event::left) {
    for (KeptBlock& block : used()) {
      if (block.kept != 0 && block.owner == sender) block.owner = tree;
    }
    return;
  }
  struct stat status {};
  if (!fds[0].valid() || ::fstat(fds[0].get(), &status) != 0 || !S_ISREG(status.st_mode)) return;
  KeptBlock* block = find(status.st_dev, status.st_ino);
  if (note.event == BlockNote::Event::shared) {
    if (block != nullptr && block->owner != sender) block->owner = tree;
    return;
  }
  if (note.event != BlockNote::Event::made || !fds[1].valid() || !is_name(note.name)) return;
  if (block == nullptr) block = free_place();
  if (block != nullptr) {
    set_kept(*block, false);
    block->device = status.st_dev;
    block->inode = status.st_ino;
    block->owner = sender;
    block->name = note.name;
    set_kept(*block, true);
  }
  const std::uint64_t answer = block != nullptr ? block_kept : block_table_full;
  [[maybe_unused]] const ssize_t put = ::write(fds[1].get(), &answer, sizeof(answer));
}

void BlockTable::unlink(KeptBlock& block) noexcept {
  if (is_there(block)) ::unlink(block_path(block.name.data()).c_str());
  set_kept(block, false);
}

void BlockTable::unlink_blocks_of(std::int32_t owner) noexcept {
  for (KeptBlock& block : used()) {
    if (block.kept != 0 && block.owner == owner) unlink(block);
  }
}

void BlockTable::unlink_all() noexcept {
  for (KeptBlock& block : used()) {
    if (block.kept != 0) unlink(block);
  }
}

}  // namespace forebay::detail
