#include "pipeline/sink/npy_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "host/contract.h"
#include "host/error.h"
#include "host/limits.h"
#include "pipeline/sink/commit_step.h"
#include "pipeline/sink/input_file.h"

namespace forebay {

static_assert(std::endian::native == std::endian::little, "the type strings say little endian");

namespace {

constexpr std::size_t preamble_bytes = 10;    // magic, version, length of the dictionary
constexpr std::size_t header_alignment = 64;  // NumPy's, so that the rows can be mapped aligned

std::string dictionary(DType dtype, std::uint64_t rows, std::span<const std::int64_t> row_shape) {
  std::string shape = fmt::format("{},", rows);
  for (std::size_t i = 0; i < row_shape.size(); ++i) {
    shape += fmt::format(" {}{}", row_shape[i], i + 1 < row_shape.size() ? "," : "");
  }
  return fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", npy_descr(dtype), shape);
}

/// Long enough for any number of rows, so that it never moves.
std::size_t header_bytes(DType dtype, std::span<const std::int64_t> row_shape) {
  const std::size_t longest =
      preamble_bytes + dictionary(dtype, std::numeric_limits<std::uint64_t>::max(), row_shape).size() + 1;
  return (longest + header_alignment - 1) / header_alignment * header_alignment;
}

std::string header(DType dtype, std::uint64_t rows, std::span<const std::int64_t> row_shape,
                   std::size_t bytes) {
  const std::size_t length = bytes - preamble_bytes;
  std::string text("\x93NUMPY\x01\x00", 8);
  text += static_cast<char>(length & 0xFFU);
  text += static_cast<char>(length >> 8U);
  text += dictionary(dtype, rows, row_shape);
  text.resize(bytes - 1, ' ');
  return text + '\n';
}

std::uint64_t bytes_of_row(DType dtype, std::span<const std::int64_t> row_shape) {
  std::uint64_t bytes = size_of(dtype);
  for (const std::int64_t dim : row_shape) bytes *= static_cast<std::uint64_t>(dim);
  return bytes;
}

/// A header of this type and row shape, whatever number of rows it counts.
bool is_header_of(std::string_view text, DType dtype, std::span<const std::int64_t> row_shape) {
  constexpr std::string_view mark = "'shape': (";
  const std::size_t begin = text.find(mark);
  if (begin == std::string_view::npos) return false;
  std::uint64_t rows = 0;
  const char* const number = text.data() + begin + mark.size();
  if (std::from_chars(number, text.data() + text.size(), rows).ec != std::errc()) return false;
  return text == header(dtype, rows, row_shape, text.size());
}

}  // namespace

std::string_view npy_descr(DType dtype) noexcept {
  switch (dtype) {
    case DType::u8: return "|u1";
    case DType::f16: return "<f2";
    case DType::bf16:
    case DType::u16: return "<u2";
    case DType::f32: return "<f4";
    case DType::i16: return "<i2";
    case DType::i32: return "<i4";
    case DType::i64: return "<i8";
    case DType::f64: return "<f8";
  }
  return "|V1";
}

NpyFile::NpyFile(OutputFile file, DType dtype, std::span<const std::int64_t> row_shape,
                 std::optional<std::uint64_t> expected_rows)
    : dtype_(dtype),
      row_shape_(row_shape.begin(), row_shape.end()),
      row_bytes_(bytes_of_row(dtype, row_shape)),
      header_bytes_(header_bytes(dtype, row_shape)),
      expected_rows_(expected_rows),
      file_(std::move(file)),
      reserved_(header_bytes_) {}

NpyFile::NpyFile(std::string path, DType dtype, std::span<const std::int64_t> row_shape,
                 std::optional<std::uint64_t> expected_rows)
    : NpyFile(
          OutputFile(std::move(path), bytes_of(header(dtype, 0, row_shape, header_bytes(dtype, row_shape)))),
          dtype, row_shape, expected_rows) {}

NpyFile NpyFile::reopen(std::string path, DType dtype, std::span<const std::int64_t> row_shape,
                        std::uint64_t rows, std::optional<std::uint64_t> expected_rows) {
  {
    const InputFile there(path);
    const std::vector<std::byte> head = there.read(0, header_bytes(dtype, row_shape));
    if (!is_header_of({reinterpret_cast<const char*>(head.data()), head.size()}, dtype, row_shape)) {
      throw Error(ErrorCode::usage, fmt::format("{} has other rows than those of the run that its log is of; "
                                                "--force starts afresh",
                                                path));
    }
  }
  NpyFile file(OutputFile::reopen(std::move(path)), dtype, row_shape, expected_rows);
  file.roll_back(rows);
  file.reserved_ = file.end_of(rows);
  return file;
}

std::uint64_t NpyFile::append(const TensorView& rows, const std::function<bool()>& overdue) {
  expect(rows.dtype == dtype_ && rows.rank == row_shape_.size() + 1 && rows.device.kind == DeviceKind::cpu &&
             std::equal(row_shape_.begin(), row_shape_.end(), rows.shape.begin() + 1) &&
             rows.strides == contiguous_view(nullptr, rows.dtype, rows.dims()).strides,
         "rows of the file's type and shape, contiguous on the host");
  auto count = static_cast<std::uint64_t>(rows.shape[0]);
  if (count == 0) return 0;
  const std::span<const std::byte> bytes(static_cast<const std::byte*>(rows.data), rows.bytes());
  try {
    for (std::size_t done = 0; done < bytes.size();) {
      if (overdue && overdue()) {
        count = done / row_bytes_;
        break;
      }
      const auto piece = bytes.subspan(done, std::min(limits::write_piece_bytes, bytes.size() - done));
      reserve(end_of(rows_) + done + piece.size());
      file_.write(piece, end_of(rows_) + done);
      done += piece.size();
    }
    if (count == 0) return 0;
    commit_step("pipeline.commit.rows");
    count_rows(rows_ + count);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("{} ({} rows are kept and valid)", error.what(), rows_));
  }
  rows_ += count;
  commit_step("pipeline.commit.header");
  return count;
}

void NpyFile::count_rows(std::uint64_t rows) {
  file_.write(bytes_of(header(dtype_, rows, row_shape_, header_bytes_)), 0);
}

void NpyFile::roll_back(std::uint64_t rows) {
  count_rows(rows);  // first, so that the header never counts rows that are gone
  file_.cut(end_of(rows));
  rows_ = rows;
  reserved_ = std::min(reserved_, end_of(rows));
}

void NpyFile::reserve(std::uint64_t end) {
  if (end <= reserved_) return;
  const std::uint64_t step =
      std::clamp(reserved_, limits::npy_reserve_bytes_min, limits::npy_reserve_bytes_max);
  std::uint64_t ahead = std::max(end, reserved_ + step);
  if (expected_rows_) ahead = std::max(end, std::min(ahead, end_of(*expected_rows_)));
  bool can_reserve = true;
  try {
    can_reserve = file_.reserve(ahead);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::no_space || ahead == end) throw;
    ahead = end;  // the disk is nearly full: what is needed now may still fit
    can_reserve = file_.reserve(end);
  }
  reserved_ = can_reserve ? ahead : std::numeric_limits<std::uint64_t>::max();
}

void NpyFile::finish() { file_.cut(end_of(rows_)); }

}  // namespace forebay
