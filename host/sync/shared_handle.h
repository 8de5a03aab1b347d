#pragma once

#include <cstdint>
#include <memory>

#include "host/sync/shared_context.h"

namespace forebay {

/// One process's share in an object of a shared context: what Lock, Event, Queue ... hold. Copies share
/// it; when the last one goes, the process is no user of the object any more. Passing it to another
/// process (as an argument, say) makes that one a user. Thread-safe, as a shared_ptr is.
class SharedHandle {
 public:
  SharedHandle() noexcept = default;
  /// A new object. `bytes`: its own, behind the head.
  [[nodiscard]] static SharedHandle make(ObjectKind kind, std::size_t bytes);
  [[nodiscard]] static SharedHandle decode_from(Decoder& in, ObjectKind kind);
  void encode_into(Encoder& out) const;

  [[nodiscard]] bool valid() const noexcept { return share_ != nullptr; }
  [[nodiscard]] SharedContext& context() const noexcept { return *share_->context; }
  [[nodiscard]] SharedObject& object() const { return share_->context->object(share_->offset); }
  /// What lies behind the head.
  template <typename T>
  [[nodiscard]] T* body() const noexcept {
    return reinterpret_cast<T*>(share_->context->at(share_->offset + sizeof(SharedObject)));
  }
  [[nodiscard]] OwnerToken self() const noexcept { return share_->context->self(); }
  friend bool operator==(const SharedHandle&, const SharedHandle&) = default;

 private:
  struct Share {
    Share(std::shared_ptr<SharedContext> of, std::uint64_t at) noexcept
        : context(std::move(of)), id(context->id()), offset(at) {}
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;
    ~Share();
    std::shared_ptr<SharedContext> context;
    std::uint64_t id = 0;  // of the context: kept, for a copy of the process that cannot look there
    std::uint64_t offset;
  };
  explicit SharedHandle(std::shared_ptr<Share> share) noexcept : share_(std::move(share)) {}
  static std::shared_ptr<Share> share_of(const std::shared_ptr<SharedContext>& context, std::uint64_t offset);

  std::shared_ptr<Share> share_;
};

}  // namespace forebay
