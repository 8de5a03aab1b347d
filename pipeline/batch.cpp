#include "pipeline/batch.h"

#include <utility>

#include "pipeline/batch_buffer.h"

namespace forebay {

Batch::Batch() noexcept = default;
Batch::Batch(std::uint64_t sequence, TensorView tensor, std::vector<ItemRecord> items,
             std::shared_ptr<BatchBuffer> buffer) noexcept
    : sequence_(sequence), tensor_(tensor), items_(std::move(items)), buffer_(std::move(buffer)) {}
Batch::Batch(Batch&&) noexcept = default;
Batch& Batch::operator=(Batch&&) noexcept = default;
Batch::~Batch() = default;

}  // namespace forebay
