#include "pipeline/decode/exif.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

namespace forebay {
namespace {

std::vector<std::byte> block(bool little, std::uint16_t orientation) {
  std::vector<std::byte> bytes;
  const auto put = [&](std::uint32_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
      const std::size_t shift = little ? 8 * i : 8 * (size - 1 - i);
      bytes.push_back(static_cast<std::byte>(value >> shift & 0xFFU));
    }
  };
  bytes.assign(2, static_cast<std::byte>(little ? 'I' : 'M'));
  put(42, 2);
  put(8, 4);
  put(2, 2);  // two entries
  for (const std::uint32_t tag : {0x010FU, 0x0112U}) {
    put(tag, 2);
    put(3, 2);
    put(1, 4);
    put(tag == 0x0112U ? orientation : 7, 2);
    put(0, 2);
  }
  return bytes;
}

TEST(Exif, ReadsBothByteOrders) {
  for (std::uint16_t orientation = 1; orientation <= 8; ++orientation) {
    EXPECT_EQ(exif_orientation(block(true, orientation)).value, orientation);
    EXPECT_EQ(exif_orientation(block(false, orientation)).value, orientation);
  }
}

TEST(Exif, NonsenseIsUpright) {
  EXPECT_EQ(exif_orientation({}).value, 1);
  EXPECT_EQ(exif_orientation({}).fault, ExifFault::none) << "an empty block is none";
  EXPECT_EQ(exif_orientation(block(true, 0)).value, 1);
  EXPECT_EQ(exif_orientation(block(true, 9)).value, 1);
}

TEST(Exif, WhatPillowRaisesForIsAFault) {
  auto wrong = block(true, 6);
  wrong[0] = std::byte{'X'};
  EXPECT_EQ(exif_orientation(wrong).fault, ExifFault::no_tiff);
  const auto right = block(true, 6);
  EXPECT_EQ(exif_orientation(std::span(right).first(7)).fault, ExifFault::cut_short);
  auto big = block(true, 6);
  big[2] = std::byte{43};
  EXPECT_EQ(exif_orientation(big).fault, ExifFault::cut_short) << "BigTIFF";
}

/// A little-endian block of entries {tag, type, count, value}.
std::vector<std::byte> block_of(std::initializer_list<std::array<std::uint32_t, 4>> entries) {
  std::vector<std::byte> bytes;
  const auto put = [&bytes](std::uint32_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<std::byte>(value >> 8 * i & 0xFFU));
  };
  put('I' | 'I' << 8, 2);
  put(42, 2);
  put(8, 4);
  put(static_cast<std::uint32_t>(entries.size()), 2);
  for (const auto& [tag, type, count, value] : entries) {
    put(tag, 2);
    put(type, 2);
    put(count, 4);
    put(value, 4);
  }
  put(0, 4);
  return bytes;
}

TEST(Exif, ReadsEveryNumericTypeAsPillowDoes) {
  constexpr std::uint32_t tag = 0x0112;
  for (const std::uint32_t type : {3U, 4U, 6U, 8U, 9U}) {
    EXPECT_EQ(exif_orientation(block_of({{tag, type, 1, 6}})).value, 6) << "type " << type;
  }
  EXPECT_EQ(exif_orientation(block_of({{tag, 11, 1, 0x40C00000}})).value, 6) << "6.0F";
  for (const std::uint32_t type : {1U, 2U, 7U}) {
    EXPECT_EQ(exif_orientation(block_of({{tag, type, 1, 6}})).value, 1) << "bytes and text are no number";
  }
}

TEST(Exif, CountsAndRepetitionsAreReadAsPillowDoes) {
  constexpr std::uint32_t tag = 0x0112;
  EXPECT_EQ(exif_orientation(block_of({{tag, 3, 2, 6 | 8 << 16}})).value, 6) << "the first of two values";
  EXPECT_EQ(exif_orientation(block_of({{tag, 3, 0, 6}})).value, 1) << "no value";
  EXPECT_EQ(exif_orientation(block_of({{tag, 3, 1, 6}, {tag, 3, 1, 3}})).value, 3) << "the last entry";
  EXPECT_EQ(exif_orientation(block_of({{tag, 3, 1, 6}, {tag, 3, 0, 3}})).value, 6) << "the last with a value";
  EXPECT_EQ(exif_orientation(block_of({{tag, 3, 1, 6}, {0x0110, 3, 100, 99999}, {tag, 3, 1, 3}})).value, 6)
      << "the directory ends where its data cannot be read";
}

TEST(Exif, ThePreambleIsNoPartOfTheBlock) {
  auto with = block(true, 6);
  const std::array<char, 6> preamble{'E', 'x', 'i', 'f', 0, 0};
  with.insert(with.begin(), reinterpret_cast<const std::byte*>(preamble.data()),
              reinterpret_cast<const std::byte*>(preamble.data()) + preamble.size());
  EXPECT_EQ(exif_orientation(without_exif_preamble(with)).value, 6);
  EXPECT_EQ(exif_orientation(with).fault, ExifFault::no_tiff) << "Pillow raises for it in a PNG";
}

TEST(Exif, NeverReadsBeyondTheBlock) {
  std::mt19937 random(1);
  for (int round = 0; round < 100'000; ++round) {
    auto bytes = block(round % 2 == 0, 6);
    for (int change = 0; change < 3; ++change)
      bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(random() % (bytes.size() + 1));
    bytes.shrink_to_fit();  // so that AddressSanitizer sees the first byte beyond
    const auto orientation = exif_orientation(bytes).value;
    ASSERT_GE(orientation, 1);
    ASSERT_LE(orientation, 8);
  }
}

}  // namespace
}  // namespace forebay
