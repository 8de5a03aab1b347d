#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "device/dtype.h"
#include "device/tensor_view.h"
#include "pipeline/sink/output_file.h"

namespace forebay {

/// NumPy's type string, little endian. NumPy has no bf16: its bits are stored as '<u2'
/// (torch.from_numpy(a.view("int16")).view(torch.bfloat16) reads them).
[[nodiscard]] std::string_view npy_descr(DType dtype) noexcept;

/// A growing array of rows in NumPy format 1.0, C order. numpy.load reads it, mapped too, at every moment of
/// its life, also after the death of any process: rows are written first, then the fixed-length header that
/// counts them. Space is reserved ahead in growing steps, so that a full disk is found before a row is half
/// written.
///
/// pwrite into reserved space was the cheapest way to the page cache: 5 GB/s for batches of 38 MB on ext4,
/// against 4 without reservation and 1.7 through a mapping of the same file.
class NpyFile {
 public:
  /// Creates the file with no rows. `row_shape`: the dimensions after the first. `expected_rows`: at most so
  /// many will come; less space is reserved near the end. Throws as OutputFile does.
  NpyFile(std::string path, DType dtype, std::span<const std::int64_t> row_shape,
          std::optional<std::uint64_t> expected_rows = std::nullopt);

  /// Goes on with a file that has at least `rows` rows, and cuts off what follows these. Throws Error(usage)
  /// where it is not of this type and shape; else as OutputFile does.
  [[nodiscard]] static NpyFile reopen(std::string path, DType dtype, std::span<const std::int64_t> row_shape,
                                      std::uint64_t rows,
                                      std::optional<std::uint64_t> expected_rows = std::nullopt);

  /// Appends the rows of a contiguous host tensor [rows, row_shape...] of the file's type, in pieces of
  /// limits::write_piece_bytes; once `overdue` says so between two of them, only the rows that are whole by
  /// then count. Returns their number. Blocks. Throws Error(no_space | io); the rows of former calls are then
  /// still valid and no others count.
  std::uint64_t append(const TensorView& rows, const std::function<bool()>& overdue = {});

  /// Takes the rows from `rows` on back. Throws Error(io).
  void roll_back(std::uint64_t rows);

  /// Cuts the file to its rows. Throws Error(io).
  void finish();

  /// See OutputFile.
  void sync() { file_.sync(); }

  /// Where so many rows end.
  [[nodiscard]] std::uint64_t end_of(std::uint64_t rows) const noexcept {
    return header_bytes_ + rows * row_bytes_;
  }

  [[nodiscard]] std::uint64_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::uint64_t row_bytes() const noexcept { return row_bytes_; }

 private:
  NpyFile(OutputFile file, DType dtype, std::span<const std::int64_t> row_shape,
          std::optional<std::uint64_t> expected_rows);
  void count_rows(std::uint64_t rows);
  void reserve(std::uint64_t end);

  DType dtype_;
  std::vector<std::int64_t> row_shape_;
  std::uint64_t row_bytes_;
  std::size_t header_bytes_;
  std::optional<std::uint64_t> expected_rows_;
  OutputFile file_;
  std::uint64_t rows_ = 0;
  std::uint64_t reserved_ = 0;  // end of the reserved space; the maximum where none can be reserved
};

}  // namespace forebay
