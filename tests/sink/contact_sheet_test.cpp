#include "pipeline/sink/contact_sheet.h"

#include <gtest/gtest.h>
#include <spng.h>

#include <array>
#include <memory>
#include <vector>

#include "pipeline/sink/denormalise.h"

namespace forebay {
namespace {

using Colour = std::array<std::uint8_t, 3>;

struct Picture {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::vector<std::uint8_t> pixels;
  [[nodiscard]] Colour at(std::uint32_t x, std::uint32_t y) const {
    const std::size_t i = (std::size_t{y} * width + x) * 3;
    return {pixels[i], pixels[i + 1], pixels[i + 2]};
  }
};

Picture decode(const std::vector<std::byte>& png) {
  const std::unique_ptr<spng_ctx, decltype(&spng_ctx_free)> context(spng_ctx_new(0), &spng_ctx_free);
  spng_set_png_buffer(context.get(), png.data(), png.size());
  spng_ihdr header{};
  EXPECT_EQ(spng_get_ihdr(context.get(), &header), 0);
  Picture picture{header.width, header.height, {}};
  picture.pixels.resize(std::size_t{header.width} * header.height * 3);
  EXPECT_EQ(spng_decode_image(context.get(), picture.pixels.data(), picture.pixels.size(), SPNG_FMT_RGB8, 0),
            0);
  return picture;
}

/// Rows as the last operator makes them, each of one colour.
std::vector<std::byte> rows_of(const FinishOptions& finish, const std::vector<Colour>& colours) {
  const FinishTable table(finish);
  std::vector<std::byte> rows(colours.size() * finished_row_bytes(finish));
  std::vector<std::uint8_t> pixels(std::size_t{finish.height} * finish.width * 3);
  for (std::size_t i = 0; i < colours.size(); ++i) {
    for (std::size_t p = 0; p < pixels.size(); ++p) pixels[p] = colours[i][p % 3];
    finish_row(finish, table, pixels.data(), rows.data() + i * finished_row_bytes(finish));
  }
  return rows;
}

TensorView view_of(const FinishOptions& finish, std::vector<std::byte>& rows) {
  const auto count = static_cast<std::int64_t>(rows.size() / finished_row_bytes(finish));
  const std::int64_t h = finish.height;
  const std::int64_t w = finish.width;
  if (finish.layout == Layout::nchw) {
    return contiguous_view(rows.data(), finish.dtype, std::array<std::int64_t, 4>{count, 3, h, w});
  }
  return contiguous_view(rows.data(), finish.dtype, std::array<std::int64_t, 4>{count, h, w, 3});
}

FinishOptions finish_of(std::uint32_t edge, DType dtype = DType::f32, Layout layout = Layout::nchw) {
  FinishOptions finish;
  finish.height = finish.width = edge;
  finish.dtype = dtype;
  finish.layout = layout;
  return finish;
}

TEST(ContactSheet, ColoursAreThoseOfThePicturesForEveryTypeAndLayout) {
  const std::vector<Colour> colours{{255, 0, 0}, {0, 128, 255}, {12, 200, 77}};
  for (const DType dtype : {DType::u8, DType::f16, DType::bf16, DType::f32}) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      const FinishOptions finish = finish_of(64, dtype, layout);
      std::vector<std::byte> rows = rows_of(finish, colours);
      ContactSheet sheet(finish);
      sheet.add(view_of(finish, rows));
      const Picture picture = decode(sheet.png());
      const int tolerance = dtype == DType::bf16 ? 2 : 0;
      for (std::uint32_t i = 0; i < colours.size(); ++i) {
        const Colour seen = picture.at(4 + (i % 2) * 68 + 32, 4 + (i / 2) * 68 + 32);
        for (std::size_t c = 0; c < 3; ++c) {
          EXPECT_NEAR(seen[c], colours[i][c], tolerance) << to_string(dtype) << ' ' << to_string(layout);
        }
      }
    }
  }
}

// Every 8-bit level survives the way there and back.
TEST(Denormalise, UndoesTheLastOperator) {
  for (const DType dtype : {DType::u8, DType::f16, DType::f32}) {
    for (const Layout layout : {Layout::nchw, Layout::nhwc}) {
      const FinishOptions finish = finish_of(16, dtype, layout);
      std::vector<std::uint8_t> pixels(768);
      for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i / 3);
      std::vector<std::byte> row(finished_row_bytes(finish));
      finish_row(finish, FinishTable(finish), pixels.data(), row.data());
      std::vector<std::uint8_t> back(768);
      denormalise_row(finish, row.data(), back);
      EXPECT_EQ(back, pixels) << to_string(dtype) << ' ' << to_string(layout);
    }
  }
}

TEST(ContactSheet, FillsAGridOfEightByEightAndNoMore) {
  const FinishOptions finish = finish_of(8, DType::u8, Layout::nhwc);
  std::vector<Colour> colours(70, Colour{50, 60, 70});
  colours[63] = {1, 2, 3};
  std::vector<std::byte> rows = rows_of(finish, colours);
  ContactSheet sheet(finish);
  sheet.add(view_of(finish, rows));
  EXPECT_TRUE(sheet.full());
  sheet.add(view_of(finish, rows));
  EXPECT_EQ(sheet.tiles(), 64U);
  const Picture picture = decode(sheet.png());
  EXPECT_EQ(picture.width, 4 + 8 * (32U + 4)) << "small pictures are enlarged to 32 pixels";
  EXPECT_EQ(picture.height, picture.width);
  EXPECT_EQ(picture.at(picture.width - 5, picture.height - 5), (Colour{1, 2, 3}));
  EXPECT_EQ(picture.at(picture.width - 1, picture.height - 1), (Colour{24, 24, 24})) << "the gap";
}

TEST(ContactSheet, FewerResultsMakeASmallerGrid) {
  const FinishOptions finish = finish_of(224);
  for (const auto& [count, columns, lines] :
       std::vector<std::array<std::uint32_t, 3>>{{1, 1, 1}, {2, 2, 1}, {5, 3, 2}, {17, 5, 4}}) {
    std::vector<std::byte> rows = rows_of(finish, std::vector<Colour>(count, Colour{9, 9, 9}));
    ContactSheet sheet(finish);
    sheet.add(view_of(finish, rows));
    const Picture picture = decode(sheet.png());
    EXPECT_EQ(picture.width, 4 + columns * 132) << count;
    EXPECT_EQ(picture.height, 4 + lines * 132) << count;
  }
}

TEST(ContactSheet, NoResultMakesNoSheet) {
  ContactSheet sheet(finish_of(224));
  sheet.add(TensorView{});
  EXPECT_TRUE(sheet.png().empty());
}

TEST(ContactSheet, APictureIsShrunkNotCut) {
  const FinishOptions finish = finish_of(256, DType::u8, Layout::nhwc);
  std::vector<std::byte> row(finished_row_bytes(finish));
  for (std::size_t y = 0; y < 256; ++y) {
    for (std::size_t x = 0; x < 256; ++x) row[(y * 256 + x) * 3 + (x < 128 ? 0 : 2)] = std::byte{255};
  }
  ContactSheet sheet(finish);
  sheet.add(view_of(finish, row));
  const Picture picture = decode(sheet.png());
  EXPECT_EQ(picture.at(4 + 10, 4 + 64), (Colour{255, 0, 0}));
  EXPECT_EQ(picture.at(4 + 117, 4 + 64), (Colour{0, 0, 255}));
}

}  // namespace
}  // namespace forebay
